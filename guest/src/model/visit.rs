//! What a node refers to, and by which role. This is the one place that knows: whatever
//! goes over an arena (numbering, measuring, keys, renumbering, naming, weighing, writing
//! flat) goes through here, in the order in which a pickler meets the parts of a node.
//!
//! There are no wildcards below, in patterns either: a kind of node or a field that is
//! new and not handled here does not compile.

use strongroom_names::{Field, Part, Role};

use super::{Node, NodeId, Object, Quantizer, SparseCompressed, StorageId, Tensor};
use crate::dtype::Layout;

macro_rules! visitor {
    ($(#[$doc:meta])* $name:ident, $node:ty, $inner:ident, $child:ty, $storage:ty) => {
        $(#[$doc])*
        pub fn $name(node: $node, mut child: impl FnMut(Role, $child), mut storage: impl FnMut($storage)) {
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
                    for (at, item) in (0..).zip(items) {
                        child(Role::Item(at), item);
                    }
                }
                Node::Dict(pairs) | Node::Counter(pairs) => {
                    for (at, (key, value)) in (0..).zip(pairs) {
                        child(Role::Key(at), key);
                        child(Role::Value { at, key: *key }, value);
                    }
                }
                Node::OrderedDict { items, attributes } => {
                    for (at, (key, value)) in (0..).zip(items) {
                        child(Role::Key(at), key);
                        child(Role::Value { at, key: *key }, value);
                    }
                    if let Some(attributes) = attributes {
                        child(Role::Bookkeeping, attributes);
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
                    child(Role::Core, tensor);
                    if let Some(state) = state {
                        child(Role::Attributes, state);
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
                            child(Role::Part(Part::Scales), scales);
                            child(Role::Part(Part::ZeroPoints), zero_points);
                        }
                    }
                }
                Node::SparseCoo { indices, values, shape: _, coalesced: _ } => {
                    child(Role::Part(Part::Indices), indices);
                    child(Role::Part(Part::Values), values);
                }
                Node::SparseCompressed(sparse) => {
                    let SparseCompressed { layout, compressed, plain, values, shape: _ } = sparse.$inner();
                    let (offsets, others) = compressed_parts(*layout);
                    child(Role::Part(offsets), compressed);
                    child(Role::Part(others), plain);
                    child(Role::Part(Part::Values), values);
                }
                Node::Subclass { tensor, class, state } => {
                    child(Role::Core, tensor);
                    child(Role::Field(Field::Class), class);
                    child(Role::Attributes, state);
                }
                Node::NumpyScalar { dtype: _, data: _, source } => child(Role::Field(Field::Source), source),
                Node::Object(object) => {
                    let Object { construct: _, callable, args, kwargs, items, pairs, state, effects } =
                        object.$inner();
                    child(Role::Field(Field::Callable), callable);
                    if let Some(args) = args {
                        child(Role::Field(Field::Args), args);
                    }
                    if let Some(kwargs) = kwargs {
                        child(Role::Field(Field::Kwargs), kwargs);
                    }
                    for (at, item) in (0..).zip(items) {
                        child(Role::Item(at), item);
                    }
                    for (at, (key, value)) in (0..).zip(pairs) {
                        child(Role::Key(at), key);
                        child(Role::Value { at, key: *key }, value);
                    }
                    if let Some(state) = state {
                        child(Role::Attributes, state);
                    }
                    for (at, effect) in (0..).zip(effects) {
                        child(Role::Effect(at), effect);
                    }
                }
            }
        }
    };
}

visitor! {
    /// Calls `child` with every node that a node refers to, keys and attributes
    /// included, and `storage` with every storage it looks into by itself.
    visit_roles, &Node, as_ref, &NodeId, &StorageId
}

visitor! {
    /// The same, to change what is referred to.
    visit_roles_mut, &mut Node, as_mut, &mut NodeId, &mut StorageId
}

/// The same as [`visit_roles`], for whom the roles are all one.
pub fn visit(node: &Node, mut child: impl FnMut(&NodeId), storage: impl FnMut(&StorageId)) {
    visit_roles(node, |_, id| child(id), storage);
}

/// The same, to change what is referred to.
pub fn visit_mut(node: &mut Node, mut child: impl FnMut(&mut NodeId), storage: impl FnMut(&mut StorageId)) {
    visit_roles_mut(node, |_, id| child(id), storage);
}

/// Calls `each` with every node that a node refers to.
pub(crate) fn children(node: &Node, mut each: impl FnMut(NodeId)) {
    visit(node, |&id| each(id), |_| {});
}

/// Calls `each` with every node that a node refers to, to change it.
pub(crate) fn children_mut(node: &mut Node, each: impl FnMut(&mut NodeId)) {
    visit_mut(node, each, |_| {});
}

/// What the offsets and the plain indices of a compressed tensor are.
fn compressed_parts(layout: Layout) -> (Part, Part) {
    match layout {
        Layout::SparseCsr | Layout::SparseBsr => (Part::CrowIndices, Part::ColIndices),
        Layout::SparseCsc
        | Layout::SparseBsc
        | Layout::Strided
        | Layout::SparseCoo
        | Layout::Mkldnn
        | Layout::Jagged => (Part::CcolIndices, Part::RowIndices),
    }
}
