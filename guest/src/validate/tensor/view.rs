use crate::model::{Node, NodeId, Tensor};
use crate::torch::Surveyed;

/// The node of this number.
pub(super) fn node(found: &Surveyed, id: NodeId) -> Option<&Node> {
    found.nodes.get(usize::try_from(id).ok()?)
}

/// The strided tensor that a node is, or that it wraps.
pub(super) fn strided(found: &Surveyed, mut id: NodeId) -> Option<&Tensor> {
    // A wrapper around itself would have no end.
    for _ in 0..WRAPPERS {
        match node(found, id)? {
            Node::Tensor(tensor) => return Some(tensor),
            Node::Parameter { tensor, .. } | Node::Subclass { tensor, .. } => id = *tensor,
            _ => return None,
        }
    }
    None
}

/// All strided tensors, with the offsets of the calls that make them.
pub(super) fn tensors(found: &Surveyed) -> impl Iterator<Item = (u64, &Tensor)> {
    (0u32..).zip(&found.nodes).filter_map(|(id, node)| match node {
        Node::Tensor(tensor) | Node::Quantized { tensor, .. } => {
            Some((found.offsets.near(id), tensor.as_ref()))
        }
        _ => None,
    })
}

/// A parameter of a parameter is none: torch writes one wrapper, or two for a
/// parameter of a subclass.
const WRAPPERS: u32 = 4;
