//! Nodes as they are named.

use strongroom_names::{Look, Nodes, Role};

use super::{Node, visit_roles};
use crate::sandbox::bindings::types as wit;

/// The nodes of a state dict, to be named.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arena<'n>(pub(crate) &'n [Node]);

impl<'n> Arena<'n> {
    fn node(&self, id: u32) -> Option<&'n Node> {
        self.0.get(id as usize)
    }
}

impl Nodes for Arena<'_> {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn visit(&self, id: u32, each: &mut dyn FnMut(Role, u32)) {
        if let Some(node) = self.node(id) {
            visit_roles(node, &mut |role, &id| each(role, id), &mut |_| {});
        }
    }

    fn pair(&self, id: u32, at: u32) -> Option<(u32, u32)> {
        let pairs = match self.node(id)? {
            Node::Dict(pairs)
            | Node::Counter(pairs)
            | Node::OrderedDict(wit::OrderedDict { items: pairs, attributes: _ }) => pairs,
            Node::Object(object) => &object.pairs,
            _ => return None,
        };
        pairs.get(at as usize).map(|pair| (pair.key, pair.value))
    }

    fn look(&self, id: u32) -> Look<'_> {
        let Some(node) = self.node(id) else { return Look::Other };
        match node {
            Node::None => Look::None,
            Node::Boolean(value) => Look::Bool(*value),
            Node::Int(value) => Look::Int(*value),
            Node::Float(bits) => Look::Float(*bits),
            Node::Text(text) => Look::Text(&text.value),
            Node::Tuple(items) => Look::Tuple(items),
            Node::List(items) | Node::Set(items) | Node::FrozenSet(items) => Look::Container(items.len()),
            Node::Dict(pairs)
            | Node::Counter(pairs)
            | Node::OrderedDict(wit::OrderedDict { items: pairs, attributes: _ }) => {
                Look::Container(pairs.len())
            }
            Node::Size(sizes) => Look::Size(sizes),
            Node::Global(global) => Look::Global { module: &global.module, name: &global.name },
            Node::Storage(_) => Look::Storage,
            Node::Tensor(tensor) => strided(tensor, false),
            Node::Quantized(quantized) => strided(&quantized.tensor, true),
            Node::Parameter(parameter) => {
                Look::Parameter { tensor: parameter.tensor, requires_grad: parameter.requires_grad }
            }
            Node::SparseCoo(sparse) => {
                Look::Sparse { layout: "sparse_coo", shape: &sparse.shape, values: sparse.values }
            }
            Node::SparseCompressed(sparse) => {
                let layout = compressed_layout(sparse.layout);
                Look::Sparse { layout, shape: &sparse.shape, values: sparse.values }
            }
            Node::Subclass(subclass) => Look::Subclass { tensor: subclass.tensor, class: subclass.class },
            Node::Object(object) => {
                Look::Object { callable: object.callable, args: object.args, state: object.state }
            }
            Node::BigInt(_)
            | Node::Complex(_)
            | Node::SurrogateText(_)
            | Node::Bytes(_)
            | Node::ByteArray(_)
            | Node::Device(_)
            | Node::Dtype(_)
            | Node::Qscheme(_)
            | Node::Layout(_)
            | Node::NumpyScalar(_)
            | Node::Absent => Look::Other,
        }
    }
}

fn strided(tensor: &wit::Tensor, quantized: bool) -> Look<'_> {
    Look::Strided { shape: &tensor.shape, quantized, requires_grad: tensor.requires_grad }
}

/// torch's name of the layout of a tensor with one dimension compressed.
pub(super) fn compressed_layout(layout: wit::Layout) -> &'static str {
    match layout {
        wit::Layout::SparseCsr => "sparse_csr",
        wit::Layout::SparseCsc => "sparse_csc",
        wit::Layout::SparseBsr => "sparse_bsr",
        // All others would contradict the node: a reader makes none of them.
        wit::Layout::SparseBsc
        | wit::Layout::Strided
        | wit::Layout::SparseCoo
        | wit::Layout::Mkldnn
        | wit::Layout::Jagged => "sparse_bsc",
    }
}
