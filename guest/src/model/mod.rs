//! The state dict as an arena of nodes. Knows no format.

mod checkpoint;
mod layout;
mod names;
mod visit;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::Range;
use crate::dtype::{DType, Layout, QScheme};

pub use checkpoint::{Checkpoint, Format};
pub use layout::{Checksum, Layout as FileLayout, SafetensorsOptions, Segment, Slot, Source, TorchOptions};
pub use names::Arena;
pub(crate) use visit::{children, children_mut};
pub use visit::{visit, visit_mut, visit_roles, visit_roles_mut};

/// The index of a node in its state dict.
pub type NodeId = u32;

/// The index of a storage in its state dict.
pub type StorageId = u32;

/// A key and its value.
pub type Pair = (NodeId, NodeId);

/// One value of a state dict. Two references to one node are one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// `None`
    None,
    /// `True` or `False`
    Bool(bool),
    /// An `int` of at most 64 bits.
    Int(i64),
    /// A larger `int`: two's complement, least byte first, minimal.
    BigInt(Vec<u8>),
    /// A `float` as its bits, so that a NaN stays the NaN it was.
    Float(u64),
    /// A `complex`: the bits of its real and imaginary parts.
    Complex {
        /// Bits of the real part.
        re: u64,
        /// Bits of the imaginary part.
        im: u64,
    },
    /// A `str`.
    Text(Text),
    /// A `str` with lone surrogates: UTF-8 but for those.
    SurrogateText(Vec<u8>),
    /// `bytes`
    Bytes(Vec<u8>),
    /// `bytearray`
    ByteArray(Vec<u8>),
    /// `tuple`
    Tuple(Vec<NodeId>),
    /// `list`
    List(Vec<NodeId>),
    /// `dict`, in order.
    Dict(Vec<Pair>),
    /// `collections.OrderedDict`; a module's `state_dict()` is one.
    OrderedDict {
        /// The items, in order.
        items: Vec<Pair>,
        /// The instance attributes as a dict: a module's `_metadata`.
        attributes: Option<NodeId>,
    },
    /// `collections.Counter`
    Counter(Vec<Pair>),
    /// `set`, in the file's order.
    Set(Vec<NodeId>),
    /// `frozenset`, in the file's order.
    FrozenSet(Vec<NodeId>),
    /// `torch.Size`
    Size(Vec<i64>),
    /// `torch.device`
    Device {
        /// `cpu`, `cuda`
        kind: String,
        /// Which of them, if said.
        index: Option<i64>,
    },
    /// `torch.dtype`
    DType(DType),
    /// `torch.qscheme`
    QScheme(QScheme),
    /// `torch.layout`
    Layout(Layout),
    /// A class or function named by the file.
    Global(Global),
    /// A storage saved by itself; no dtype for an `UntypedStorage`.
    Storage {
        /// Which.
        storage: StorageId,
        /// The element type of a `TypedStorage`.
        dtype: Option<DType>,
    },
    /// A plain tensor.
    Tensor(Box<Tensor>),
    /// `torch.nn.Parameter`
    Parameter {
        /// Its tensor.
        tensor: NodeId,
        /// Whether autograd records operations on it.
        requires_grad: bool,
        /// The attributes set on it, if any.
        state: Option<NodeId>,
    },
    /// A quantized tensor.
    Quantized {
        /// Its integers.
        tensor: Box<Tensor>,
        /// How they map to reals.
        quantizer: Box<Quantizer>,
    },
    /// A sparse tensor in coordinate form.
    SparseCoo {
        /// A tensor of shape `[sparse dimensions, nonzeros]`.
        indices: NodeId,
        /// A tensor whose first dimension is the nonzeros.
        values: NodeId,
        /// The shape of the whole.
        shape: Vec<u64>,
        /// Absent in files of torch before 2.1.
        coalesced: Option<bool>,
    },
    /// A sparse tensor with one dimension compressed.
    SparseCompressed(Box<SparseCompressed>),
    /// A tensor of another class than `torch.Tensor`, or one with attributes.
    Subclass {
        /// The plain tensor.
        tensor: NodeId,
        /// Its class, a [`Node::Global`].
        class: NodeId,
        /// Its attributes.
        state: NodeId,
    },
    /// A numpy scalar.
    NumpyScalar {
        /// numpy's short name of the type, byte order first: `<f8`.
        dtype: String,
        /// The value's bytes, in that byte order.
        data: Vec<u8>,
        /// The object as the file spells it, for writing it again.
        source: NodeId,
    },
    /// An object the reader does not know: shown and written again, never made.
    Object(Box<Object>),
    /// A value that another file has: its place in a rank's part of a state dict.
    Absent,
}

/// A `str`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The characters.
    pub value: String,
    /// True for a string that the interpreter keeps once for all who write it,
    /// as CPython does with identifier-like literals: two of equal value are one
    /// object even where their nodes differ.
    pub interned: bool,
}

/// A class or function named by a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Global {
    /// Python 3's name of the module.
    pub module: String,
    /// The name in it, dotted where nested.
    pub name: String,
}

/// A view of one storage. Sizes count elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// None for a tensor without data (`device="meta"`).
    pub storage: Option<StorageId>,
    /// The element type.
    pub dtype: DType,
    /// Elements from the start of the storage.
    pub offset: u64,
    /// Elements along each dimension; empty for a scalar.
    pub shape: Vec<u64>,
    /// Elements between neighbours along each dimension.
    pub stride: Vec<u64>,
    /// Whether autograd records operations on it.
    pub requires_grad: bool,
    /// The values are the complex conjugates of what the storage holds.
    pub conj: bool,
    /// The values are the negatives of what the storage holds.
    pub neg: bool,
}

impl Tensor {
    /// Elements in all, unless that overflows.
    pub fn numel(&self) -> Option<u64> {
        self.shape.iter().try_fold(1u64, |product, &size| product.checked_mul(size))
    }

    /// Bytes of storage needed to hold the last element it looks at, unless that
    /// overflows. A tensor without elements needs none.
    pub fn extent(&self) -> Option<u64> {
        if self.shape.len() != self.stride.len() {
            return None;
        }
        if self.shape.contains(&0) {
            return Some(0);
        }
        let last = self.shape.iter().zip(&self.stride).try_fold(self.offset, |last, (&size, &stride)| {
            last.checked_add(size.checked_sub(1)?.checked_mul(stride)?)
        })?;
        self.dtype.bytes(last.checked_add(1)?)
    }

    /// Whether its elements lie one after another in row-major order.
    pub fn is_contiguous(&self) -> bool {
        let mut expected = 1u64;
        self.shape.contains(&0)
            || self.shape.iter().zip(&self.stride).rev().all(|(&size, &stride)| {
                let fits = size == 1 || stride == expected;
                expected = expected.saturating_mul(size);
                fits
            })
    }
}

/// How a quantized tensor maps integers to reals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Quantizer {
    /// One scale and zero point for the whole tensor.
    PerTensor {
        /// The scheme, `torch.per_tensor_affine`.
        scheme: QScheme,
        /// Bits of the scale.
        scale: u64,
        /// The integer that stands for zero.
        zero_point: i64,
    },
    /// One scale and zero point for each index along an axis.
    PerChannel {
        /// The scheme, `torch.per_channel_affine`.
        scheme: QScheme,
        /// A tensor of scales.
        scales: NodeId,
        /// A tensor of zero points.
        zero_points: NodeId,
        /// The axis.
        axis: i64,
    },
}

/// A sparse tensor with one dimension compressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SparseCompressed {
    /// CSR, CSC, BSR or BSC.
    pub layout: Layout,
    /// Row offsets (CSR, BSR) or column offsets (CSC, BSC).
    pub compressed: NodeId,
    /// Column indices (CSR, BSR) or row indices (CSC, BSC).
    pub plain: NodeId,
    /// The values.
    pub values: NodeId,
    /// The shape of the whole.
    pub shape: Vec<u64>,
}

/// How an unknown object would be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Construct {
    /// `callable(*args)`
    Call,
    /// `callable.__new__(callable, *args)`
    New,
    /// `callable.__new__(callable, *args, **kwargs)`
    NewEx,
    /// An instance as Python 2 made them, without arguments: `callable.__new__(callable)`,
    /// or `callable()` of what is no class or has `__getinitargs__`.
    Instance,
    /// A persistent id other than a storage's; `callable` holds the id.
    Persistent,
}

/// An object the reader does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// How it would be made.
    pub construct: Construct,
    /// What would be called: most often a [`Node::Global`].
    pub callable: NodeId,
    /// A tuple, or for hostile files anything.
    pub args: Option<NodeId>,
    /// A dict, for [`Construct::NewEx`].
    pub kwargs: Option<NodeId>,
    /// Values that would be appended.
    pub items: Vec<NodeId>,
    /// Items that would be set.
    pub pairs: Vec<Pair>,
    /// What would be handed to `__setstate__` or put into `__dict__`.
    pub state: Option<NodeId>,
    /// What would be called once the object is whole, for its effect: the results are
    /// thrown away. Python's pickler writes a state setter like this.
    pub effects: Vec<NodeId>,
}

/// A storage found in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Where its bytes lie.
    pub range: Range,
    /// CRC-32 of the bytes, where the format has one.
    pub checksum: Option<u32>,
    /// The width of the numbers to reverse before use: 1 for none.
    pub swap: u8,
    /// The device it was saved from.
    pub location: String,
    /// The name of the part that holds it.
    pub name: String,
}

/// A storage to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// Bytes.
    pub length: u64,
    /// The device to record.
    pub location: String,
}
