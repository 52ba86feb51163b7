use crate::model::{Global, Node, NodeId, Object, Tensor};
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

/// What a call asks for: a function and its arguments. One that makes another class of a tensor hands
/// its own on to the function that makes the tensor.
pub(super) fn called<'a>(found: &'a Surveyed, object: &Object) -> Option<(&'a Global, &'a [NodeId])> {
    let call = |callable, args| match (node(found, callable)?, node(found, args)?) {
        (Node::Global(global), Node::Tuple(args)) => Some((global, args.as_slice())),
        _ => None,
    };
    match call(object.callable, object.args?)? {
        (global, &[function, _, args, _]) if is_handing_on(global) => call(function, args),
        called => Some(called),
    }
}

fn is_handing_on(global: &Global) -> bool {
    global.module == "torch._tensor" && global.name == "_rebuild_from_type_v2"
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
