//! How much of the host's memory an answer of the component takes.

use crate::sandbox::bindings::reader::Stored;
use crate::sandbox::bindings::types::Tensor;
use crate::sandbox::bindings::writer::{Segment, Slot, Source};
use crate::state::{Node, visit};

/// Something the component answers with, in pages.
pub(crate) trait Weigh: Sized {
    /// Bytes beyond its own size.
    fn heap(&self) -> usize;

    /// Bytes it takes.
    fn weight(&self) -> usize {
        self.heap().saturating_add(size_of::<Self>())
    }
}

impl Weigh for Node {
    /// With what walks over all values keep of each.
    fn weight(&self) -> usize {
        self.heap().saturating_add(size_of::<Self>()).saturating_add(WALKED)
    }

    fn heap(&self) -> usize {
        let mut references = 0;
        visit(self, &mut |_| references += size_of::<u32>(), &mut |_| {});
        let own = match self {
            Self::Text(text) => text.value.len(),
            Self::BigInt(bytes)
            | Self::SurrogateText(bytes)
            | Self::Bytes(bytes)
            | Self::ByteArray(bytes) => bytes.len(),
            Self::Size(sizes) => size_of_val(&sizes[..]),
            Self::Device(device) => device.kind.len(),
            Self::Global(global) => global.module.len() + global.name.len(),
            Self::Tensor(tensor) => dimensions(tensor),
            Self::Quantized(quantized) => dimensions(&quantized.tensor),
            Self::SparseCoo(sparse) => size_of_val(&sparse.shape[..]),
            Self::SparseCompressed(sparse) => size_of_val(&sparse.shape[..]),
            Self::NumpyScalar(scalar) => scalar.dtype.len() + scalar.data.len(),
            Self::None
            | Self::Boolean(_)
            | Self::Int(_)
            | Self::Float(_)
            | Self::Complex(_)
            | Self::Tuple(_)
            | Self::List(_)
            | Self::Dict(_)
            | Self::OrderedDict(_)
            | Self::Counter(_)
            | Self::Set(_)
            | Self::FrozenSet(_)
            | Self::Dtype(_)
            | Self::Qscheme(_)
            | Self::Layout(_)
            | Self::Storage(_)
            | Self::Parameter(_)
            | Self::Subclass(_)
            | Self::Object(_)
            | Self::Absent => 0,
        };
        own + references
    }
}

/// Bytes that naming, listing and counting values keep of each.
const WALKED: usize = 128;

/// Bytes of a shape and a stride.
fn dimensions(tensor: &Tensor) -> usize {
    size_of_val(&tensor.shape[..]) + size_of_val(&tensor.stride[..])
}

impl Weigh for Stored {
    fn heap(&self) -> usize {
        self.location.len() + self.name.len()
    }
}

impl Weigh for Segment {
    fn heap(&self) -> usize {
        self.bytes.len()
    }
}

impl Weigh for Slot {
    fn heap(&self) -> usize {
        match &self.source {
            Source::Storage(_) => 0,
            Source::Tensor(tensor) => size_of_val(&tensor.shape[..]) * 2,
        }
    }
}
