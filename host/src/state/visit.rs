//! What a node refers to, and by which role. This is the one place that knows: whatever
//! goes over a state dict (sharing, merging, checking, grafting, measuring, naming,
//! weighing, comparing) goes through here, in the order in which a pickler meets the parts
//! of a node.
//!
//! There are no wildcards below, in patterns either: a kind of node or a field that is
//! new and not handled here does not compile.

use strongroom_names::{Field, Part, Role};

use super::Node;
use crate::sandbox::bindings::types::{Complex, Device, Global, Layout, NumpyScalar, Text};
use crate::sandbox::bindings::types::{
    Object, OrderedDict, Pair, Parameter, PerChannel, PerTensor, Quantized, Quantizer, SparseCompressed,
    SparseCoo, StorageView, Subclass, Tensor,
};

macro_rules! visitor {
    ($(#[$doc:meta])* $name:ident, $node:ty, $child:ty, $storage:ty) => {
        $(#[$doc])*
        pub(crate) fn $name(
            node: $node,
            child: &mut dyn FnMut(Role, $child),
            storage: &mut dyn FnMut($storage),
        ) {
            match node {
                Node::None
                | Node::Boolean(_)
                | Node::Int(_)
                | Node::BigInt(_)
                | Node::Float(_)
                | Node::Complex(Complex { re: _, im: _ })
                | Node::Text(Text { value: _, interned: _ })
                | Node::SurrogateText(_)
                | Node::Bytes(_)
                | Node::ByteArray(_)
                | Node::Size(_)
                | Node::Device(Device { kind: _, index: _ })
                | Node::Dtype(_)
                | Node::Qscheme(_)
                | Node::Layout(_)
                | Node::Global(Global { module: _, name: _ })
                | Node::Absent => {}
                Node::Tuple(items) | Node::List(items) | Node::Set(items) | Node::FrozenSet(items) => {
                    for (at, item) in (0..).zip(items) {
                        child(Role::Item(at), item);
                    }
                }
                Node::Dict(pairs) | Node::Counter(pairs) => {
                    for (at, Pair { key, value }) in (0..).zip(pairs) {
                        child(Role::Key(at), key);
                        child(Role::Value { at, key: *key }, value);
                    }
                }
                Node::OrderedDict(OrderedDict { items, attributes }) => {
                    for (at, Pair { key, value }) in (0..).zip(items) {
                        child(Role::Key(at), key);
                        child(Role::Value { at, key: *key }, value);
                    }
                    if let Some(attributes) = attributes {
                        child(Role::Bookkeeping, attributes);
                    }
                }
                Node::Storage(StorageView { storage: id, dtype: _ }) => storage(id),
                Node::Tensor(Tensor {
                    storage: ids,
                    dtype: _,
                    offset: _,
                    shape: _,
                    stride: _,
                    requires_grad: _,
                    conj: _,
                    neg: _,
                }) => {
                    if let Some(id) = ids {
                        storage(id);
                    }
                }
                Node::Parameter(Parameter { tensor, requires_grad: _, state }) => {
                    child(Role::Core, tensor);
                    if let Some(state) = state {
                        child(Role::Attributes, state);
                    }
                }
                Node::Quantized(Quantized { tensor, quantizer }) => {
                    let Tensor {
                        storage: ids,
                        dtype: _,
                        offset: _,
                        shape: _,
                        stride: _,
                        requires_grad: _,
                        conj: _,
                        neg: _,
                    } = tensor;
                    if let Some(id) = ids {
                        storage(id);
                    }
                    match quantizer {
                        Quantizer::PerTensor(PerTensor { scheme: _, scale: _, zero_point: _ }) => {}
                        Quantizer::PerChannel(PerChannel { scheme: _, scales, zero_points, axis: _ }) => {
                            child(Role::Part(Part::Scales), scales);
                            child(Role::Part(Part::ZeroPoints), zero_points);
                        }
                    }
                }
                Node::SparseCoo(SparseCoo { indices, values, shape: _, coalesced: _ }) => {
                    child(Role::Part(Part::Indices), indices);
                    child(Role::Part(Part::Values), values);
                }
                Node::SparseCompressed(SparseCompressed { layout, compressed, plain, values, shape: _ }) => {
                    let (offsets, others) = compressed_parts(*layout);
                    child(Role::Part(offsets), compressed);
                    child(Role::Part(others), plain);
                    child(Role::Part(Part::Values), values);
                }
                Node::Subclass(Subclass { tensor, class, state }) => {
                    child(Role::Core, tensor);
                    child(Role::Field(Field::Class), class);
                    child(Role::Attributes, state);
                }
                Node::NumpyScalar(NumpyScalar { dtype: _, data: _, source }) => {
                    child(Role::Field(Field::Source), source);
                }
                Node::Object(Object {
                    construct: _,
                    callable,
                    args,
                    kwargs,
                    items,
                    pairs,
                    state,
                    effects,
                }) => {
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
                    for (at, Pair { key, value }) in (0..).zip(pairs) {
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
    visit_roles, &Node, &u32, &u32
}

visitor! {
    /// The same, to change what is referred to.
    visit_roles_mut, &mut Node, &mut u32, &mut u32
}

/// The same as [`visit_roles_mut`], for whom the roles are all one.
pub(crate) fn visit_mut(node: &mut Node, child: &mut dyn FnMut(&mut u32), storage: &mut dyn FnMut(&mut u32)) {
    visit_roles_mut(node, &mut |_, id| child(id), storage);
}

/// The same as [`visit_roles`], for whom the roles are all one.
pub(crate) fn visit(node: &Node, child: &mut dyn FnMut(&u32), storage: &mut dyn FnMut(&u32)) {
    visit_roles(node, &mut |_, id| child(id), storage);
}

/// All nodes that a node refers to: its children, its keys, and what describes it.
pub(crate) fn references(node: &Node) -> Vec<u32> {
    let mut ids = Vec::new();
    visit(node, &mut |&id| ids.push(id), &mut |_| {});
    ids
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
