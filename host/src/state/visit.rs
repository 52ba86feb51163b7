//! What a node refers to. This is the one place that knows: whatever goes over a state
//! dict (sharing, merging, checking, grafting, measuring, comparing) goes through here,
//! in the order in which a pickler meets the parts of a node.
//!
//! There are no wildcards below, in patterns either: a kind of node or a field that is
//! new and not handled here does not compile.

use super::Node;
use crate::bindings::types::{Complex, Device, Global, NumpyScalar, Text};
use crate::bindings::types::{
    Object, OrderedDict, Pair, Parameter, PerChannel, PerTensor, Quantized, Quantizer, SparseCompressed,
    SparseCoo, StorageView, Subclass, Tensor,
};

macro_rules! visitor {
    ($(#[$doc:meta])* $name:ident, $node:ty, $child:ty, $storage:ty) => {
        $(#[$doc])*
        pub(crate) fn $name(
            node: $node,
            child: &mut dyn FnMut($child),
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
                    for item in items {
                        child(item);
                    }
                }
                Node::Dict(pairs) | Node::Counter(pairs) => {
                    for Pair { key, value } in pairs {
                        child(key);
                        child(value);
                    }
                }
                Node::OrderedDict(OrderedDict { items, attributes }) => {
                    for Pair { key, value } in items {
                        child(key);
                        child(value);
                    }
                    if let Some(attributes) = attributes {
                        child(attributes);
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
                    child(tensor);
                    if let Some(state) = state {
                        child(state);
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
                            child(scales);
                            child(zero_points);
                        }
                    }
                }
                Node::SparseCoo(SparseCoo { indices, values, shape: _, coalesced: _ }) => {
                    child(indices);
                    child(values);
                }
                Node::SparseCompressed(SparseCompressed { layout: _, compressed, plain, values, shape: _ }) => {
                    child(compressed);
                    child(plain);
                    child(values);
                }
                Node::Subclass(Subclass { tensor, class, state }) => {
                    child(tensor);
                    child(class);
                    child(state);
                }
                Node::NumpyScalar(NumpyScalar { dtype: _, data: _, source }) => child(source),
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
                    for Pair { key, value } in pairs {
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
    visit, &Node, &u32, &u32
}

visitor! {
    /// The same, to change what is referred to.
    visit_mut, &mut Node, &mut u32, &mut u32
}

/// All nodes that a node refers to: its children, its keys, and what describes it.
pub(crate) fn references(node: &Node) -> Vec<u32> {
    let mut ids = Vec::new();
    visit(node, &mut |&id| ids.push(id), &mut |_| {});
    ids
}
