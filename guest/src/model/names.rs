//! Nodes as they are named.

use strongroom_names::{Look, Nodes, Role};

use super::{Node, NodeId, Object, SparseCompressed, visit_roles};
use crate::dtype::Layout;

/// The nodes of a state dict, to be named.
#[derive(Clone, Copy, Debug)]
pub struct Arena<'n>(pub &'n [Node]);

impl<'n> Arena<'n> {
    fn node(&self, id: NodeId) -> Option<&'n Node> {
        usize::try_from(id).ok().and_then(|id| self.0.get(id))
    }
}

impl Nodes for Arena<'_> {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn visit(&self, id: NodeId, each: &mut dyn FnMut(Role, NodeId)) {
        if let Some(node) = self.node(id) {
            visit_roles(node, |role, &id| each(role, id), |_| {});
        }
    }

    fn pair(&self, id: NodeId, at: u32) -> Option<(NodeId, NodeId)> {
        let pairs = match self.node(id)? {
            Node::Dict(pairs) | Node::Counter(pairs) | Node::OrderedDict { items: pairs, attributes: _ } => {
                pairs
            }
            Node::Object(object) => &object.pairs,
            _ => return None,
        };
        usize::try_from(at).ok().and_then(|at| pairs.get(at)).copied()
    }

    fn look(&self, id: NodeId) -> Look<'_> {
        let Some(node) = self.node(id) else { return Look::Other };
        match node {
            Node::None => Look::None,
            Node::Bool(value) => Look::Bool(*value),
            Node::Int(value) => Look::Int(*value),
            Node::Float(bits) => Look::Float(*bits),
            Node::Text(text) => Look::Text(&text.value),
            Node::Tuple(items) => Look::Tuple(items),
            Node::List(items) | Node::Set(items) | Node::FrozenSet(items) => Look::Container(items.len()),
            Node::Dict(pairs) | Node::Counter(pairs) | Node::OrderedDict { items: pairs, attributes: _ } => {
                Look::Container(pairs.len())
            }
            Node::Size(sizes) => Look::Size(sizes),
            Node::Global(global) => Look::Global { module: &global.module, name: &global.name },
            Node::Storage { storage: _, dtype: _ } => Look::Storage,
            Node::Tensor(tensor) => {
                let (shape, requires_grad) = (&tensor.shape, tensor.requires_grad);
                Look::Strided { shape, quantized: false, requires_grad }
            }
            Node::Quantized { tensor, quantizer: _ } => {
                let (shape, requires_grad) = (&tensor.shape, tensor.requires_grad);
                Look::Strided { shape, quantized: true, requires_grad }
            }
            Node::Parameter { tensor, requires_grad, state: _ } => {
                Look::Parameter { tensor: *tensor, requires_grad: *requires_grad }
            }
            Node::SparseCoo { indices: _, values, shape, coalesced: _ } => {
                Look::Sparse { layout: Layout::SparseCoo.name(), shape, values: *values }
            }
            Node::SparseCompressed(sparse) => {
                let SparseCompressed { layout, compressed: _, plain: _, values, shape } = &**sparse;
                Look::Sparse { layout: layout.name(), shape, values: *values }
            }
            Node::Subclass { tensor, class, state: _ } => Look::Subclass { tensor: *tensor, class: *class },
            Node::Object(object) => {
                let Object { callable, args, state, .. } = &**object;
                Look::Object { callable: *callable, args: *args, state: *state }
            }
            Node::BigInt(_)
            | Node::Complex { re: _, im: _ }
            | Node::SurrogateText(_)
            | Node::Bytes(_)
            | Node::ByteArray(_)
            | Node::Device { kind: _, index: _ }
            | Node::DType(_)
            | Node::QScheme(_)
            | Node::Layout(_)
            | Node::NumpyScalar { dtype: _, data: _, source: _ }
            | Node::Absent => Look::Other,
        }
    }
}
