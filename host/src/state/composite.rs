//! Tensors made of tensors: sparse and quantized ones.

use super::item::debug_name;
use super::walk::{Step, children};
use super::{Item, Node};
use crate::bindings::types as wit;

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

impl<'s, 'a> Item<'s, 'a> {
    /// How a quantized tensor maps its integers to reals.
    pub fn quantizer(&self) -> Option<Quantizer> {
        let Node::Quantized(quantized) = self.node() else { return None };
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
        match self.node() {
            Node::SparseCoo(sparse) => Some(&sparse.shape),
            Node::SparseCompressed(sparse) => Some(&sparse.shape),
            _ => None,
        }
    }

    /// The tensors that a sparse or quantized tensor is made of, under torch's
    /// names: `indices` and `values`, `scales` and `zero_points`. Empty for all others.
    pub fn parts(&self) -> Vec<(&'static str, Item<'s, 'a>)> {
        if !matches!(self.node(), Node::Quantized(_) | Node::SparseCoo(_) | Node::SparseCompressed(_)) {
            return Vec::new();
        }
        let part = |(step, id)| match step {
            Step::Field(name) => Some((name, self.sibling(id))),
            _ => None,
        };
        children(self.node()).into_iter().filter_map(part).collect()
    }
}
