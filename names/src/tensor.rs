//! Tensors as they are listed, through all that wraps them.

use alloc::vec::Vec;

use crate::{Look, Nodes, class};

/// A tensor as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// What kind of tensor it is.
    pub kind: Kind,
    /// torch's name of its layout: `strided`, `sparse_coo`.
    pub layout: &'static str,
    /// The node of its class, if that is neither `torch.Tensor` nor a parameter's.
    pub class: Option<u32>,
    /// The node that has its elements, or of a sparse or nested tensor the values; of a
    /// wrapper the node that is its dtype.
    pub core: u32,
    /// Whether it is made of others, which have its elements.
    pub composed: bool,
    /// Elements along each dimension, of a sharded tensor all parts together. Of a nested
    /// one only the first is known: how many it has in it.
    pub shape: Vec<u64>,
    /// The same of the part that the file has, if it says that it has a part.
    pub part: Option<Vec<u64>>,
    /// Whether autograd records operations on it.
    pub requires_grad: bool,
}

/// What kind of tensor it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A plain tensor.
    Plain,
    /// A `torch.nn.Parameter`, of any layout.
    Parameter,
    /// A quantized tensor.
    Quantized,
    /// A sparse tensor.
    Sparse,
    /// A tensor that wraps others, which are its parts: a DTensor, a tensor of torchao,
    /// a nested tensor, one of a device whose tensors are saved by way of another.
    Wrapper,
}

/// The tensor that a node is, if it is one.
pub fn tensor<N: Nodes + ?Sized>(nodes: &N, node: u32) -> Option<Tensor> {
    let (mut node, mut class, mut kind, mut grad) = (node, None, None, None);
    for _ in 0..WRAPPERS {
        let found = match nodes.look(node) {
            Look::Parameter { tensor, requires_grad } => {
                kind.get_or_insert(Kind::Parameter);
                grad.get_or_insert(requires_grad);
                node = tensor;
                continue;
            }
            Look::Subclass { tensor, class: its } => {
                match its_own(nodes, its) {
                    Some(Kind::Parameter) => {
                        kind.get_or_insert(Kind::Parameter);
                    }
                    Some(_) => {}
                    None => {
                        class.get_or_insert(its);
                    }
                }
                node = tensor;
                continue;
            }
            Look::Strided { shape, quantized, requires_grad } => Tensor {
                kind: if quantized { Kind::Quantized } else { Kind::Plain },
                layout: STRIDED,
                class: None,
                core: node,
                composed: false,
                shape: shape.to_vec(),
                part: None,
                requires_grad,
            },
            Look::Sparse { layout, shape, values } => Tensor {
                kind: Kind::Sparse,
                layout,
                class: None,
                core: plain(nodes, values).map_or(values, |(core, _)| core),
                composed: true,
                shape: shape.to_vec(),
                part: None,
                requires_grad: false,
            },
            Look::Object { .. } => wrapper(nodes, node)?,
            _ => return None,
        };
        return Some(Tensor {
            kind: kind.unwrap_or(found.kind),
            class: class.or(found.class),
            requires_grad: grad.unwrap_or(found.requires_grad),
            ..found
        });
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

/// A tensor without elements of its own, by the function that makes it.
fn wrapper<N: Nodes + ?Sized>(nodes: &N, node: u32) -> Option<Tensor> {
    let Look::Object { callable, args: Some(args), state: _ } = nodes.look(node) else { return None };
    let Look::Tuple(args) = nodes.look(args) else { return None };
    let Look::Global { module, name } = nodes.look(callable) else { return None };
    match (module, name, args) {
        ("torch._tensor", "_rebuild_from_type_v2", &[function, class, args, state]) => {
            let Look::Tuple(args) = nodes.look(args) else { return None };
            let Look::Global { module, name } = nodes.look(function) else { return None };
            let found = match (module, name) {
                ("torch._utils", "_rebuild_wrapper_subclass") => subclass(nodes, args)?,
                ("torch.nested._internal.nested_tensor", "_rebuild_njt") => jagged(nodes, args)?,
                _ => return None,
            };
            Some(Tensor { class: Some(class), part: local(nodes, state), ..found })
        }
        ("torch._utils", "_rebuild_nested_tensor", &[buffer, sizes, ..]) => {
            let (core, _) = plain(nodes, buffer)?;
            let (_, sizes) = plain(nodes, sizes)?;
            Some(made(core, sizes.get(..1)?.to_vec(), false))
        }
        ("torch._utils", "_rebuild_device_tensor_from_cpu_tensor", &[data, dtype, _, requires_grad]) => {
            let (_, shape) = plain(nodes, data)?;
            Some(made(dtype, shape.to_vec(), is_true(nodes, requires_grad)))
        }
        ("torch._utils", "_rebuild_device_tensor_from_numpy", &[data, dtype, _, requires_grad]) => {
            Some(made(dtype, array(nodes, data)?, is_true(nodes, requires_grad)))
        }
        _ => None,
    }
}

/// `_rebuild_wrapper_subclass(class, dtype, size, stride, offset, layout, device,
/// requires_grad)`
fn subclass<N: Nodes + ?Sized>(nodes: &N, args: &[u32]) -> Option<Tensor> {
    let &[_, core, size, _, _, _, _, requires_grad, ..] = args else { return None };
    Some(made(core, sizes(nodes, size)?, is_true(nodes, requires_grad)))
}

/// `_rebuild_njt({"values": …, "offsets": …, "requires_grad": …})`
fn jagged<N: Nodes + ?Sized>(nodes: &N, args: &[u32]) -> Option<Tensor> {
    let &[parts] = args else { return None };
    let part = |name| pair(nodes, parts, name);
    let (values, offsets) = (plain(nodes, part("values")?), plain(nodes, part("offsets")?));
    let requires_grad = part("requires_grad").is_some_and(|value| is_true(nodes, value));
    let ((core, _), (_, offsets)) = (values?, offsets?);
    let count = offsets.first()?.checked_sub(1)?;
    Some(Tensor { layout: "jagged", ..made(core, Vec::from([count]), requires_grad) })
}

/// The shape of a numpy array: `(version, shape, dtype, order, elements)` is its state.
fn array<N: Nodes + ?Sized>(nodes: &N, node: u32) -> Option<Vec<u64>> {
    class(nodes, node).filter(|(module, name)| (*module, &**name) == ("numpy", "ndarray"))?;
    let Look::Object { callable: _, args: _, state } = nodes.look(node) else { return None };
    let Look::Tuple(&[_, size, ..]) = nodes.look(state?) else { return None };
    sizes(nodes, size)
}

/// The shape of the part of a DTensor that a rank has: `{"_local_tensor": …}` is its state.
fn local<N: Nodes + ?Sized>(nodes: &N, state: u32) -> Option<Vec<u64>> {
    plain(nodes, pair(nodes, state, "_local_tensor")?).map(|(_, shape)| shape.to_vec())
}

/// The value under a text, among the first of a dict: one that is in itself is listed once,
/// and whatever refers to it is looked at each time.
fn pair<N: Nodes + ?Sized>(nodes: &N, dict: u32, name: &str) -> Option<u32> {
    let mut pairs = (0..FIRST).map_while(|at| nodes.pair(dict, at));
    pairs.find(|&(key, _)| nodes.look(key) == Look::Text(name)).map(|(_, value)| value)
}

fn made(core: u32, shape: Vec<u64>, requires_grad: bool) -> Tensor {
    Tensor {
        kind: Kind::Wrapper,
        layout: STRIDED,
        class: None,
        core,
        composed: true,
        shape,
        part: None,
        requires_grad,
    }
}

/// The tensor with elements of its own that a node is, and its shape.
fn plain<N: Nodes + ?Sized>(nodes: &N, mut node: u32) -> Option<(u32, &[u64])> {
    for _ in 0..WRAPPERS {
        node = match nodes.look(node) {
            Look::Parameter { tensor, requires_grad: _ } | Look::Subclass { tensor, class: _ } => tensor,
            Look::Strided { shape, quantized: false, requires_grad: _ } => return Some((node, shape)),
            _ => return None,
        };
    }
    None
}

fn sizes<N: Nodes + ?Sized>(nodes: &N, node: u32) -> Option<Vec<u64>> {
    match nodes.look(node) {
        Look::Size(sizes) => sizes.iter().map(|&size| u64::try_from(size).ok()).collect(),
        Look::Tuple(sizes) => sizes.iter().map(|&size| whole(nodes, size)).collect(),
        _ => None,
    }
}

fn is_true<N: Nodes + ?Sized>(nodes: &N, node: u32) -> bool {
    nodes.look(node) == Look::Bool(true)
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

const STRIDED: &str = "strided";

/// Pairs of a dict that are looked at: torch writes fewer.
const FIRST: u32 = 16;

/// How many times a tensor may be wrapped and still be known for one.
const WRAPPERS: u32 = 4;
