//! Tensors as they are listed, through all that wraps them.

use alloc::vec::Vec;

use crate::{Look, Nodes};

/// A tensor as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// What kind of tensor it is.
    pub kind: Kind,
    /// The node of its class, if that is neither `torch.Tensor` nor a parameter's.
    pub class: Option<u32>,
    /// The node that has its elements, or of a sparse tensor the values; of a wrapper
    /// the node that is its dtype.
    pub core: u32,
    /// Elements along each dimension, of a sharded tensor all parts together.
    pub shape: Vec<u64>,
    /// Whether autograd records operations on it.
    pub requires_grad: bool,
}

/// What kind of tensor it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A plain tensor.
    Plain,
    /// A `torch.nn.Parameter`.
    Parameter,
    /// A quantized tensor.
    Quantized,
    /// A sparse tensor of the layout of this name.
    Sparse(&'static str),
    /// A tensor that wraps others, which are its parts: a DTensor, a tensor of torchao.
    Wrapper,
}

/// The tensor that a node is, if it is one.
pub fn tensor<N: Nodes + ?Sized>(nodes: &N, node: u32) -> Option<Tensor> {
    let (mut node, mut class, mut kind, mut grad) = (node, None, None, None);
    for _ in 0..WRAPPERS {
        match nodes.look(node) {
            Look::Parameter { tensor, requires_grad } => {
                kind.get_or_insert(Kind::Parameter);
                grad.get_or_insert(requires_grad);
                node = tensor;
            }
            Look::Subclass { tensor, class: its } => {
                match its_own(nodes, its) {
                    Some(Kind::Plain) => {}
                    Some(own) => {
                        kind.get_or_insert(own);
                    }
                    None => {
                        class.get_or_insert(its);
                    }
                }
                node = tensor;
            }
            Look::Strided { shape, quantized, requires_grad } => {
                let own = if quantized { Kind::Quantized } else { Kind::Plain };
                return Some(Tensor {
                    kind: kind.unwrap_or(own),
                    class,
                    core: node,
                    shape: shape.to_vec(),
                    requires_grad: grad.unwrap_or(requires_grad),
                });
            }
            Look::Sparse { layout, shape, values } => {
                return Some(Tensor {
                    kind: Kind::Sparse(layout),
                    class,
                    core: match nodes.look(values) {
                        Look::Parameter { tensor, .. } => tensor,
                        _ => values,
                    },
                    shape: shape.to_vec(),
                    requires_grad: grad.unwrap_or(false),
                });
            }
            Look::Object { .. } => {
                let wrapper = wrapper(nodes, node)?;
                return Some(Tensor {
                    class: class.or(wrapper.class),
                    requires_grad: grad.unwrap_or(wrapper.requires_grad),
                    ..wrapper
                });
            }
            _ => return None,
        }
    }
    None
}

/// Whether a node is a tensor that is made of others: those are its parts.
pub fn is_composite<N: Nodes + ?Sized>(nodes: &N, node: u32) -> bool {
    match nodes.look(node) {
        Look::Sparse { .. } => true,
        Look::Strided { quantized, .. } => quantized,
        Look::Object { .. } => wrapper(nodes, node).is_some(),
        _ => false,
    }
}

/// A tensor without elements of its own, as torch reduces it:
/// `_rebuild_from_type_v2(_rebuild_wrapper_subclass, class, (class, dtype, size, stride,
/// offset, layout, device, requires_grad), state)`.
fn wrapper<N: Nodes + ?Sized>(nodes: &N, node: u32) -> Option<Tensor> {
    let Look::Object { callable, args: Some(args) } = nodes.look(node) else { return None };
    let Look::Tuple(&[function, class, args, _]) = nodes.look(args) else { return None };
    let is = |node, expected: (&str, &str)| match nodes.look(node) {
        Look::Global { module, name } => (module, name) == expected,
        _ => false,
    };
    if !is(callable, ("torch._tensor", "_rebuild_from_type_v2"))
        || !is(function, ("torch._utils", "_rebuild_wrapper_subclass"))
    {
        return None;
    }
    let Look::Tuple(&[_, core, size, _, _, _, _, requires_grad, ..]) = nodes.look(args) else { return None };
    let shape = match nodes.look(size) {
        Look::Size(sizes) => {
            sizes.iter().map(|&size| u64::try_from(size).ok()).collect::<Option<Vec<_>>>()?
        }
        Look::Tuple(sizes) => sizes.iter().map(|&size| whole(nodes, size)).collect::<Option<Vec<_>>>()?,
        _ => return None,
    };
    let requires_grad = nodes.look(requires_grad) == Look::Bool(true);
    Some(Tensor { kind: Kind::Wrapper, class: Some(class), core, shape, requires_grad })
}

fn whole<N: Nodes + ?Sized>(nodes: &N, node: u32) -> Option<u64> {
    match nodes.look(node) {
        Look::Int(value) => u64::try_from(value).ok(),
        _ => None,
    }
}

/// The kind of tensor that torch's own classes are: only attributes make another node
/// of them.
fn its_own<N: Nodes + ?Sized>(nodes: &N, class: u32) -> Option<Kind> {
    let Look::Global { module, name } = nodes.look(class) else { return None };
    match (module, name) {
        ("torch", "Tensor") => Some(Kind::Plain),
        ("torch.nn.parameter", "Parameter") => Some(Kind::Parameter),
        _ => None,
    }
}

/// How many times a tensor may be wrapped and still be known for one.
const WRAPPERS: u32 = 4;
