//! What a node refers to. This is the one place that knows: whatever goes over an
//! arena (numbering, measuring, keys, renumbering, writing flat) goes through here, in
//! the order in which a pickler meets the parts of a node.
//!
//! There are no wildcards below, in patterns either: a kind of node or a field that is
//! new and not handled here does not compile.

use super::{Node, NodeId, Object, Quantizer, SparseCompressed, StorageId, Tensor};

macro_rules! visitor {
    ($(#[$doc:meta])* $name:ident, $node:ty, $inner:ident, $child:ty, $storage:ty) => {
        $(#[$doc])*
        pub fn $name(node: $node, mut child: impl FnMut($child), mut storage: impl FnMut($storage)) {
            match node {
                Node::None
                | Node::Bool(_)
                | Node::Int(_)
                | Node::BigInt(_)
                | Node::Float(_)
                | Node::Complex { re: _, im: _ }
                | Node::Text(_)
                | Node::SurrogateText(_)
                | Node::Bytes(_)
                | Node::ByteArray(_)
                | Node::Size(_)
                | Node::Device { kind: _, index: _ }
                | Node::DType(_)
                | Node::QScheme(_)
                | Node::Layout(_)
                | Node::Global(_)
                | Node::Absent => {}
                Node::Tuple(items) | Node::List(items) | Node::Set(items) | Node::FrozenSet(items) => {
                    for item in items {
                        child(item);
                    }
                }
                Node::Dict(pairs) | Node::Counter(pairs) => {
                    for (key, value) in pairs {
                        child(key);
                        child(value);
                    }
                }
                Node::OrderedDict { items, attributes } => {
                    for (key, value) in items {
                        child(key);
                        child(value);
                    }
                    if let Some(attributes) = attributes {
                        child(attributes);
                    }
                }
                Node::Storage { storage: id, dtype: _ } => storage(id),
                Node::Tensor(tensor) => {
                    let Tensor {
                        storage: ids,
                        dtype: _,
                        offset: _,
                        shape: _,
                        stride: _,
                        requires_grad: _,
                        conj: _,
                        neg: _,
                    } = tensor.$inner();
                    if let Some(id) = ids {
                        storage(id);
                    }
                }
                Node::Parameter { tensor, requires_grad: _, state } => {
                    child(tensor);
                    if let Some(state) = state {
                        child(state);
                    }
                }
                Node::Quantized { tensor, quantizer } => {
                    let Tensor {
                        storage: ids,
                        dtype: _,
                        offset: _,
                        shape: _,
                        stride: _,
                        requires_grad: _,
                        conj: _,
                        neg: _,
                    } = tensor.$inner();
                    if let Some(id) = ids {
                        storage(id);
                    }
                    match quantizer.$inner() {
                        Quantizer::PerTensor { scheme: _, scale: _, zero_point: _ } => {}
                        Quantizer::PerChannel { scheme: _, scales, zero_points, axis: _ } => {
                            child(scales);
                            child(zero_points);
                        }
                    }
                }
                Node::SparseCoo { indices, values, shape: _, coalesced: _ } => {
                    child(indices);
                    child(values);
                }
                Node::SparseCompressed(sparse) => {
                    let SparseCompressed { layout: _, compressed, plain, values, shape: _ } = sparse.$inner();
                    child(compressed);
                    child(plain);
                    child(values);
                }
                Node::Subclass { tensor, class, state } => {
                    child(tensor);
                    child(class);
                    child(state);
                }
                Node::NumpyScalar { dtype: _, data: _, source } => child(source),
                Node::Object(object) => {
                    let Object { construct: _, callable, args, kwargs, items, pairs, state, effects } =
                        object.$inner();
                    child(callable);
                    if let Some(args) = args {
                        child(args);
                    }
                    if let Some(kwargs) = kwargs {
                        child(kwargs);
                    }
                    for item in items {
                        child(item);
                    }
                    for (key, value) in pairs {
                        child(key);
                        child(value);
                    }
                    if let Some(state) = state {
                        child(state);
                    }
                    for effect in effects {
                        child(effect);
                    }
                }
            }
        }
    };
}

visitor! {
    /// Calls `child` with every node that a node refers to, keys and attributes
    /// included, and `storage` with every storage it looks into by itself.
    visit, &Node, as_ref, &NodeId, &StorageId
}

visitor! {
    /// The same, to change what is referred to.
    visit_mut, &mut Node, as_mut, &mut NodeId, &mut StorageId
}

/// Calls `each` with every node that a node refers to.
pub(crate) fn children(node: &Node, mut each: impl FnMut(NodeId)) {
    visit(node, |&id| each(id), |_| {});
}

/// Calls `each` with every node that a node refers to, to change it.
pub(crate) fn children_mut(node: &mut Node, each: impl FnMut(&mut NodeId)) {
    visit_mut(node, each, |_| {});
}
