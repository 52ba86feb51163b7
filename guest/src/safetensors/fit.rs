//! What of a state dict safetensors can hold, and why not the rest.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use strongroom_names::Unnamed;

use super::element;
use crate::dtype::DType;
use crate::model::{Arena, Global, Node, NodeId, Storage, StorageId, Tensor};
use crate::path::get;
use crate::{Error, show};

/// A tensor that fits.
#[derive(Debug)]
pub(super) struct Fit<'a> {
    /// The tensor.
    pub(super) tensor: &'a Tensor,
    /// Its storage.
    pub(super) storage: StorageId,
    /// Its dtype's name in the header.
    pub(super) dtype: &'static str,
    /// Its shape in the header.
    pub(super) shape: Vec<u64>,
    /// Bytes of its elements.
    pub(super) length: u64,
    /// First byte in its storage, and first byte after. What lies between may
    /// belong to others if it is not contiguous.
    pub(super) span: (u64, u64),
    /// Whether its elements are the whole storage, in order.
    pub(super) whole: bool,
}

/// Why a value does not fit.
pub(super) type Reason = Cow<'static, str>;

/// What is lost if a value is left out, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Loss {
    /// An object and all that is in it.
    Object,
    /// A tensor.
    Tensor,
    /// What hangs on a tensor.
    Attributes,
    /// Any other value.
    Value,
}

/// What is lost if a leaf is left out.
pub(super) fn loss(node: &Node) -> Loss {
    match node {
        Node::Object(_) | Node::Counter(_) | Node::Set(_) | Node::FrozenSet(_) => Loss::Object,
        Node::Storage { .. }
        | Node::Tensor(_)
        | Node::Parameter { .. }
        | Node::Quantized { .. }
        | Node::SparseCoo { .. }
        | Node::SparseCompressed(_)
        | Node::Subclass { .. } => Loss::Tensor,
        _ => Loss::Value,
    }
}

/// Why the attributes of a tensor that fits do not, if it has any.
pub(super) fn attributes(nodes: &[Node], node: NodeId) -> Result<Option<Reason>, Error> {
    let state = match get(nodes, node)? {
        Node::Parameter { state: Some(state), .. } | Node::Subclass { state, .. } => *state,
        _ => return Ok(None),
    };
    let items = match get(nodes, state)? {
        Node::None => return Ok(None),
        Node::Dict(items) => items,
        _ => return Ok(Some(only_tensors("the tensor's attributes, not the tensor itself"))),
    };
    let mut names = Vec::new();
    for (key, _) in items.iter().take(NAMED) {
        match get(nodes, *key)? {
            Node::Text(text) => names.push(show::name(&text.value)),
            _ => names.push(kind(nodes, *key)?.into_owned()),
        }
    }
    let more = if items.len() > NAMED { ", …" } else { "" };
    let what = match items.len() {
        0 => return Ok(None),
        1 => "the tensor's attribute",
        _ => "the tensor's attributes",
    };
    Ok(Some(only_tensors(&format!("{what} {}{more}, not the tensor itself", names.join(", ")))))
}

/// Attributes that are named.
const NAMED: usize = 4;

/// Judges a value. An error is a tensor that contradicts itself or its storage.
pub(super) fn judge<'a>(
    nodes: &'a [Node],
    storages: &[Storage],
    node: NodeId,
) -> Result<Result<Fit<'a>, Reason>, Error> {
    let tensor = match plain(nodes, node)? {
        Ok(tensor) => tensor,
        Err(reason) => return Ok(Err(reason)),
    };
    let Some(storage) = tensor.storage else {
        return Ok(Err("a meta tensor: it has no data".into()));
    };
    let length = usize::try_from(storage).ok().and_then(|index| storages.get(index)).map(|s| s.length);
    let length = length.ok_or_else(|| Error::misuse(format!("there is no storage {storage}")))?;
    if tensor.extent().is_none_or(|extent| extent > length) {
        return Err(Error::misuse(format!(
            "tensor {node} does not lie inside its storage of {length} bytes"
        )));
    }
    if tensor.conj {
        return Ok(Err("a conjugate view: `resolve_conj()` makes it a tensor of its own".into()));
    }
    if tensor.neg {
        return Ok(Err("a negative view: `resolve_neg()` makes it a tensor of its own".into()));
    }
    let Some(dtype) = tensor.dtype.safetensors() else {
        return Ok(Err(format!("a tensor of {}: safetensors has no such dtype", tensor.dtype.name()).into()));
    };
    measure(tensor, storage, length, dtype)
}

/// The tensor behind a node, if it is no more than that.
fn plain(nodes: &[Node], node: NodeId) -> Result<Result<&Tensor, Reason>, Error> {
    let value = get(nodes, node)?;
    let inner = match value {
        Node::Parameter { tensor, .. } => *tensor,
        Node::Subclass { tensor, class, .. } => match get(nodes, *class)? {
            Node::Global(class) if is_plain(class) => *tensor,
            _ => return Ok(Err(only_tensors(&of_class(nodes, *class)))),
        },
        _ => node,
    };
    Ok(match get(nodes, inner)? {
        Node::Tensor(tensor) => Ok(tensor),
        Node::Quantized { .. } => Err("a quantized tensor: safetensors has no scales".into()),
        Node::SparseCoo { .. } | Node::SparseCompressed(_) => {
            Err("a sparse tensor: `to_dense()` makes it one that fits".into())
        }
        Node::Parameter { .. } => Err(only_tensors("a parameter of a parameter")),
        Node::Object(_) => Err(object(nodes, inner)?),
        _ => Err(only_tensors(&kind(nodes, inner)?)),
    })
}

fn measure<'a>(
    tensor: &'a Tensor,
    storage: StorageId,
    available: u64,
    dtype: &'static str,
) -> Result<Result<Fit<'a>, Reason>, Error> {
    let overflow = || Error::misuse(format!("a tensor of {dtype} has more than 2^64 bits"));
    if tensor.dtype == DType::Float4E2M1FNx2 && tensor.shape.is_empty() {
        return Ok(Err("a scalar of F4: safetensors counts its two halves in the last dimension".into()));
    }
    let shape = element::from_torch(tensor.dtype, &tensor.shape).ok_or_else(overflow)?;
    let total = element::total_bits(tensor.dtype, &shape).ok_or_else(overflow)?;
    let bits = tensor.dtype.bits();
    // A tensor without elements looks at nothing, wherever its offset points.
    let offset = if total == 0 { 0 } else { tensor.offset };
    let first = offset.checked_mul(bits).ok_or_else(overflow)?;
    let contiguous = tensor.is_contiguous();
    let packed = !bits.is_multiple_of(8);
    if packed && !(contiguous && total.is_multiple_of(8) && first.is_multiple_of(8)) {
        return Ok(Err(format!("a tensor of {dtype}: its elements do not fill whole bytes in order").into()));
    }
    let (first, length) = (first / 8, total / 8);
    let end = tensor.extent().ok_or_else(overflow)?;
    let whole = contiguous && length == available && (tensor.offset == 0 || length == 0);
    Ok(Ok(Fit { tensor, storage, dtype, shape, length, span: (first, end), whole }))
}

fn is_plain(class: &Global) -> bool {
    let Global { module, name } = class;
    matches!((module.as_str(), name.as_str()), ("torch", "Tensor") | ("torch.nn.parameter", "Parameter"))
}

/// Why a value that is no tensor does not fit.
pub(super) fn only_tensors(kind: &str) -> Reason {
    format!("{kind}: safetensors holds only tensors").into()
}

/// Why a value has no name.
pub(super) fn unnamed(nodes: &[Node], node: NodeId, why: Unnamed) -> Result<Reason, Error> {
    let kind = kind(nodes, node)?;
    let place = match why {
        Unnamed::Key(key) => {
            let key = self::kind(nodes, key)?;
            return Ok(format!("a value whose key is {key}: safetensors needs a name").into());
        }
        Unnamed::Root => "by itself",
        Unnamed::Empty => "under an empty key, which no name shows",
        Unnamed::InKey => "in a key",
        Unnamed::Inside => "in an attribute",
        Unnamed::Transient => {
            return Ok(format!("{kind}, a buffer that is not persistent: no part of a state dict").into());
        }
    };
    Ok(format!("{kind} {place}: safetensors needs a name").into())
}

/// What is lost of a module whose tensors fit.
pub(super) fn module(nodes: &[Node], node: NodeId) -> Reason {
    let class = class_of(nodes, node);
    format!(
        "an object of {class} with the parts of a module: safetensors holds its parameters and persistent \
         buffers, by the names that `state_dict()` gives where no class or hook changes them, and nothing \
         else of it"
    )
    .into()
}

/// What a value is, with its article.
fn kind(nodes: &[Node], id: NodeId) -> Result<Cow<'static, str>, Error> {
    let node = get(nodes, id)?;
    Ok(Cow::Borrowed(match node {
        Node::None => "None",
        Node::Bool(_) => "a bool",
        Node::Int(_) | Node::BigInt(_) => "an int",
        Node::Float(_) => "a float",
        Node::Complex { .. } => "a complex",
        Node::Text(_) => "a str",
        Node::SurrogateText(_) => "a str that is no UTF-8",
        Node::Bytes(_) => "a bytes",
        Node::ByteArray(_) => "a bytearray",
        Node::Tuple(_) => "a tuple",
        Node::List(_) => "a list",
        Node::Dict(_) => "a dict",
        Node::OrderedDict { .. } => "an OrderedDict",
        Node::Counter(_) => "a Counter",
        Node::Set(_) => "a set",
        Node::FrozenSet(_) => "a frozenset",
        Node::Size(_) => "a torch.Size",
        Node::Device { .. } => "a torch.device",
        Node::DType(_) => "a torch.dtype",
        Node::QScheme(_) => "a torch.qscheme",
        Node::Layout(_) => "a torch.layout",
        Node::Storage { .. } => "a storage",
        Node::NumpyScalar { .. } => "a numpy scalar",
        Node::Tensor(_) | Node::Quantized { .. } => "a tensor",
        Node::SparseCoo { .. } | Node::SparseCompressed(_) => "a sparse tensor",
        Node::Parameter { .. } => "a parameter",
        Node::Subclass { tensor: _, class, state: _ } => match get(nodes, *class)? {
            Node::Global(class) if is_plain(class) => "a tensor with attributes",
            _ => return Ok(of_class(nodes, *class).into()),
        },
        Node::Global(_) => return Ok(name_of(nodes, id).into()),
        Node::Absent => "a value in another file",
        Node::Object(_) => match strongroom_names::tensor(&Arena(nodes), id) {
            Some(tensor) => return Ok(wrapper(nodes, &tensor).into()),
            None => return Ok(format!("an object of {}, with all that is in it", class_of(nodes, id)).into()),
        },
    }))
}

/// Why an object does not fit. It may be a tensor, whose elements others have.
fn object(nodes: &[Node], node: NodeId) -> Result<Reason, Error> {
    let kind = kind(nodes, node)?;
    Ok(match strongroom_names::tensor(&Arena(nodes), node) {
        Some(_) => format!("{kind}: safetensors holds only plain tensors").into(),
        None => only_tensors(&kind),
    })
}

/// What a tensor that wraps others is, and that it is a part of something larger if it is.
fn wrapper(nodes: &[Node], tensor: &strongroom_names::Tensor) -> String {
    let class = tensor.class.map_or_else(|| show::name("torch.Tensor"), |class| name_of(nodes, class));
    let part = tensor.part.as_ref().filter(|part| **part != tensor.shape);
    match part {
        Some(part) => format!("a part, {part:?} of {:?}, of a tensor of class {class}", tensor.shape),
        None => format!("a tensor of class {class}, which is made of others"),
    }
}

fn of_class(nodes: &[Node], class: NodeId) -> String {
    format!("a tensor of class {}", name_of(nodes, class))
}

/// The class of an object, or what would be called to make it.
fn class_of(nodes: &[Node], object: NodeId) -> String {
    quoted(strongroom_names::class(&Arena(nodes), object))
}

/// The name of a class or function.
fn name_of(nodes: &[Node], id: NodeId) -> String {
    quoted(strongroom_names::global(&Arena(nodes), id))
}

fn quoted(class: Option<(&str, Cow<'_, str>)>) -> String {
    match class {
        Some((module, name)) => format!("`{}`", show::global(module, &name)),
        None => "an unknown class".into(),
    }
}
