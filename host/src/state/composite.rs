//! Tensors made of tensors: sparse and quantized ones, and those that wrap others.

use strongroom_names::{Kind, Role};

use super::item::debug_name;
use super::names::Arena;
use super::{DType, Item, Node, visit_roles};
use crate::sandbox::bindings::types as wit;

/// How a quantized tensor maps integers to reals.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Quantizer {
    /// One scale and zero point for the whole tensor.
    PerTensor {
        /// torch's name of the scheme, without `torch.`.
        scheme: String,
        /// What one step of the integers is worth.
        scale: f64,
        /// The integer that stands for zero.
        zero_point: i64,
    },
    /// A scale and a zero point for each index along one axis; they are the
    /// [`parts`](Item::parts) of the tensor.
    PerChannel {
        /// torch's name of the scheme, without `torch.`.
        scheme: String,
        /// The dimension.
        axis: i64,
    },
}

/// A tensor that wraps other tensors and has no elements of its own: a DTensor, a tensor of
/// torchao, a nested tensor. What it wraps is found under its path.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wrapper {
    /// Its class, as in `torch.distributed.tensor.DTensor`; `Parameter` for one whose
    /// tensor is of no other.
    pub class: String,
    /// The element type it shows, if it says so.
    pub dtype: Option<DType>,
    /// Elements along each dimension, of a sharded tensor all parts together; of a nested
    /// one only how many it has in it.
    pub shape: Vec<u64>,
    /// Whether autograd records operations on it.
    pub requires_grad: bool,
}

impl<'s, 'a> Item<'s, 'a> {
    /// How a quantized tensor maps its integers to reals.
    pub fn quantizer(&self) -> Option<Quantizer> {
        let Node::Quantized(quantized) = self.core().node() else { return None };
        Some(match &quantized.quantizer {
            wit::Quantizer::PerTensor(wit::PerTensor { scheme, scale, zero_point }) => Quantizer::PerTensor {
                scheme: debug_name(scheme),
                scale: f64::from_bits(*scale),
                zero_point: *zero_point,
            },
            wit::Quantizer::PerChannel(wit::PerChannel { scheme, axis, .. }) => {
                Quantizer::PerChannel { scheme: debug_name(scheme), axis: *axis }
            }
        })
    }

    /// The shape of a sparse tensor: what it would have were it dense.
    pub fn sparse_shape(&self) -> Option<&'s [u64]> {
        match self.core().node() {
            Node::SparseCoo(sparse) => Some(&sparse.shape),
            Node::SparseCompressed(sparse) => Some(&sparse.shape),
            _ => None,
        }
    }

    /// A tensor that wraps others: its class is not made, but known for one.
    pub fn wrapper(&self) -> Option<Wrapper> {
        let tensor = self.listed().filter(|tensor| tensor.composed)?;
        if self.sparse_shape().is_some() {
            return None;
        }
        let core = self.sibling(tensor.core);
        let dtype = match core.node() {
            Node::Dtype(dtype) => Some(*dtype),
            _ => core.as_tensor().map(|values| values.dtype()),
        };
        let class = match (tensor.class, tensor.kind) {
            (Some(class), _) => self.named(class),
            (None, Kind::Parameter) => "Parameter".into(),
            (None, Kind::Plain | Kind::Quantized | Kind::Sparse | Kind::Wrapper) => "torch.Tensor".into(),
        };
        Some(Wrapper { class, dtype, shape: tensor.shape, requires_grad: tensor.requires_grad })
    }

    /// Whether autograd records operations on it: on a parameter whatever its layout.
    pub fn requires_grad(&self) -> bool {
        self.listed().is_some_and(|tensor| tensor.requires_grad)
    }

    /// torch's name of a tensor's layout: `strided`, `sparse_coo`. None for what is no tensor.
    pub fn layout(&self) -> Option<&'static str> {
        self.listed().map(|tensor| tensor.layout)
    }

    /// Whether it is a parameter.
    pub(crate) fn is_parameter(&self) -> bool {
        self.listed().is_some_and(|tensor| tensor.kind == Kind::Parameter)
    }

    fn listed(&self) -> Option<strongroom_names::Tensor> {
        strongroom_names::tensor(&Arena(self.state().nodes()), self.id())
    }

    /// The tensors that a sparse or quantized tensor is made of, under torch's
    /// names: `indices` and `values`, `scales` and `zero_points`. Empty for all others.
    pub fn parts(&self) -> Vec<(&'static str, Item<'s, 'a>)> {
        let mut parts = Vec::new();
        let mut part = |role, &id: &u32| {
            if let Role::Part(part) = role {
                parts.push((part.name(), self.sibling(id)));
            }
        };
        visit_roles(self.core().node(), &mut part, &mut |_| {});
        parts
    }
}
