//! Nodes, both ways.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::enums::{
    construct_in, construct_out, dtype_in, dtype_out, layout_in, layout_out, qscheme_in, qscheme_out,
};
use super::wit::types as wit;
use crate::model::{Global, Node, Object, Pair, Quantizer, SparseCompressed, Tensor, Text};

pub(super) fn node_out(node: &Node) -> wit::Node {
    match node {
        Node::None => wit::Node::None,
        Node::Bool(value) => wit::Node::Boolean(*value),
        Node::Int(value) => wit::Node::Int(*value),
        Node::BigInt(bytes) => wit::Node::BigInt(bytes.clone()),
        Node::Float(bits) => wit::Node::Float(*bits),
        Node::Complex { re, im } => wit::Node::Complex(wit::Complex { re: *re, im: *im }),
        Node::Text(text) => wit::Node::Text(wit::Text { value: text.value.clone(), interned: text.interned }),
        Node::SurrogateText(bytes) => wit::Node::SurrogateText(bytes.clone()),
        Node::Bytes(bytes) => wit::Node::Bytes(bytes.clone()),
        Node::ByteArray(bytes) => wit::Node::ByteArray(bytes.clone()),
        Node::Tuple(items) => wit::Node::Tuple(items.clone()),
        Node::List(items) => wit::Node::List(items.clone()),
        Node::Dict(items) => wit::Node::Dict(pairs_out(items)),
        Node::OrderedDict { items, attributes } => {
            wit::Node::OrderedDict(wit::OrderedDict { items: pairs_out(items), attributes: *attributes })
        }
        Node::Counter(items) => wit::Node::Counter(pairs_out(items)),
        Node::Set(items) => wit::Node::Set(items.clone()),
        Node::FrozenSet(items) => wit::Node::FrozenSet(items.clone()),
        Node::Size(sizes) => wit::Node::Size(sizes.clone()),
        Node::Device { kind, index } => wit::Node::Device(wit::Device { kind: kind.clone(), index: *index }),
        Node::DType(dtype) => wit::Node::Dtype(dtype_out(*dtype)),
        Node::QScheme(scheme) => wit::Node::Qscheme(qscheme_out(*scheme)),
        Node::Layout(layout) => wit::Node::Layout(layout_out(*layout)),
        Node::Global(Global { module, name }) => {
            wit::Node::Global(wit::Global { module: module.clone(), name: name.clone() })
        }
        Node::Storage { storage, dtype } => {
            wit::Node::Storage(wit::StorageView { storage: *storage, dtype: dtype.map(dtype_out) })
        }
        Node::Tensor(tensor) => wit::Node::Tensor(tensor_out(tensor)),
        Node::Parameter { tensor, requires_grad, state } => wit::Node::Parameter(wit::Parameter {
            tensor: *tensor,
            requires_grad: *requires_grad,
            state: *state,
        }),
        Node::Quantized { tensor, quantizer } => wit::Node::Quantized(wit::Quantized {
            tensor: tensor_out(tensor),
            quantizer: quantizer_out(quantizer),
        }),
        Node::SparseCoo { indices, values, shape, coalesced } => wit::Node::SparseCoo(wit::SparseCoo {
            indices: *indices,
            values: *values,
            shape: shape.clone(),
            coalesced: *coalesced,
        }),
        Node::SparseCompressed(sparse) => wit::Node::SparseCompressed(wit::SparseCompressed {
            layout: layout_out(sparse.layout),
            compressed: sparse.compressed,
            plain: sparse.plain,
            values: sparse.values,
            shape: sparse.shape.clone(),
        }),
        Node::Subclass { tensor, class, state } => {
            wit::Node::Subclass(wit::Subclass { tensor: *tensor, class: *class, state: *state })
        }
        Node::NumpyScalar { dtype, data, source } => wit::Node::NumpyScalar(wit::NumpyScalar {
            dtype: dtype.clone(),
            data: data.clone(),
            source: *source,
        }),
        Node::Object(object) => wit::Node::Object(wit::Object {
            construct: construct_out(object.construct),
            callable: object.callable,
            args: object.args,
            kwargs: object.kwargs,
            items: object.items.clone(),
            pairs: pairs_out(&object.pairs),
            state: object.state,
            effects: object.effects.clone(),
        }),
        Node::Absent => wit::Node::Absent,
    }
}

pub(super) fn node_in(node: wit::Node) -> Node {
    match node {
        wit::Node::None => Node::None,
        wit::Node::Boolean(value) => Node::Bool(value),
        wit::Node::Int(value) => Node::Int(value),
        wit::Node::BigInt(bytes) => Node::BigInt(bytes),
        wit::Node::Float(bits) => Node::Float(bits),
        wit::Node::Complex(wit::Complex { re, im }) => Node::Complex { re, im },
        wit::Node::Text(wit::Text { value, interned }) => Node::Text(Text { value, interned }),
        wit::Node::SurrogateText(bytes) => Node::SurrogateText(bytes),
        wit::Node::Bytes(bytes) => Node::Bytes(bytes),
        wit::Node::ByteArray(bytes) => Node::ByteArray(bytes),
        wit::Node::Tuple(items) => Node::Tuple(items),
        wit::Node::List(items) => Node::List(items),
        wit::Node::Dict(items) => Node::Dict(pairs_in(&items)),
        wit::Node::OrderedDict(wit::OrderedDict { items, attributes }) => {
            Node::OrderedDict { items: pairs_in(&items), attributes }
        }
        wit::Node::Counter(items) => Node::Counter(pairs_in(&items)),
        wit::Node::Set(items) => Node::Set(items),
        wit::Node::FrozenSet(items) => Node::FrozenSet(items),
        wit::Node::Size(sizes) => Node::Size(sizes),
        wit::Node::Device(wit::Device { kind, index }) => Node::Device { kind, index },
        wit::Node::Dtype(dtype) => Node::DType(dtype_in(dtype)),
        wit::Node::Qscheme(scheme) => Node::QScheme(qscheme_in(scheme)),
        wit::Node::Layout(layout) => Node::Layout(layout_in(layout)),
        wit::Node::Global(wit::Global { module, name }) => Node::Global(Global { module, name }),
        wit::Node::Storage(wit::StorageView { storage, dtype }) => {
            Node::Storage { storage, dtype: dtype.map(dtype_in) }
        }
        wit::Node::Tensor(tensor) => Node::Tensor(Box::new(tensor_in(tensor))),
        wit::Node::Parameter(wit::Parameter { tensor, requires_grad, state }) => {
            Node::Parameter { tensor, requires_grad, state }
        }
        wit::Node::Quantized(wit::Quantized { tensor, quantizer }) => Node::Quantized {
            tensor: Box::new(tensor_in(tensor)),
            quantizer: Box::new(quantizer_in(quantizer)),
        },
        wit::Node::SparseCoo(wit::SparseCoo { indices, values, shape, coalesced }) => {
            Node::SparseCoo { indices, values, shape, coalesced }
        }
        wit::Node::SparseCompressed(sparse) => Node::SparseCompressed(Box::new(SparseCompressed {
            layout: layout_in(sparse.layout),
            compressed: sparse.compressed,
            plain: sparse.plain,
            values: sparse.values,
            shape: sparse.shape,
        })),
        wit::Node::Subclass(wit::Subclass { tensor, class, state }) => {
            Node::Subclass { tensor, class, state }
        }
        wit::Node::NumpyScalar(wit::NumpyScalar { dtype, data, source }) => {
            Node::NumpyScalar { dtype, data, source }
        }
        wit::Node::Object(object) => Node::Object(Box::new(Object {
            construct: construct_in(object.construct),
            callable: object.callable,
            args: object.args,
            kwargs: object.kwargs,
            items: object.items,
            pairs: pairs_in(&object.pairs),
            state: object.state,
            effects: object.effects,
        })),
        wit::Node::Absent => Node::Absent,
    }
}

pub(super) fn tensor_out(tensor: &Tensor) -> wit::Tensor {
    wit::Tensor {
        storage: tensor.storage,
        dtype: dtype_out(tensor.dtype),
        offset: tensor.offset,
        shape: tensor.shape.clone(),
        stride: tensor.stride.clone(),
        requires_grad: tensor.requires_grad,
        conj: tensor.conj,
        neg: tensor.neg,
    }
}

fn tensor_in(tensor: wit::Tensor) -> Tensor {
    let wit::Tensor { storage, dtype, offset, shape, stride, requires_grad, conj, neg } = tensor;
    Tensor { storage, dtype: dtype_in(dtype), offset, shape, stride, requires_grad, conj, neg }
}

fn quantizer_out(quantizer: &Quantizer) -> wit::Quantizer {
    match *quantizer {
        Quantizer::PerTensor { scheme, scale, zero_point } => {
            let scheme = qscheme_out(scheme);
            wit::Quantizer::PerTensor(wit::PerTensor { scheme, scale, zero_point })
        }
        Quantizer::PerChannel { scheme, scales, zero_points, axis } => {
            let scheme = qscheme_out(scheme);
            wit::Quantizer::PerChannel(wit::PerChannel { scheme, scales, zero_points, axis })
        }
    }
}

fn quantizer_in(quantizer: wit::Quantizer) -> Quantizer {
    match quantizer {
        wit::Quantizer::PerTensor(wit::PerTensor { scheme, scale, zero_point }) => {
            Quantizer::PerTensor { scheme: qscheme_in(scheme), scale, zero_point }
        }
        wit::Quantizer::PerChannel(wit::PerChannel { scheme, scales, zero_points, axis }) => {
            Quantizer::PerChannel { scheme: qscheme_in(scheme), scales, zero_points, axis }
        }
    }
}

fn pairs_out(pairs: &[Pair]) -> Vec<wit::Pair> {
    pairs.iter().map(|&(key, value)| wit::Pair { key, value }).collect()
}

fn pairs_in(pairs: &[wit::Pair]) -> Vec<Pair> {
    pairs.iter().map(|pair| (pair.key, pair.value)).collect()
}
