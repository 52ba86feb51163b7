use std::borrow::Cow;

use super::dtype::{DType, Element};
use super::storage::Storage;
use crate::payload::layout::{extent, is_contiguous, numel};
use crate::sandbox::bindings::types as wit;
use crate::{Error, Result};

/// A view of a storage: dtype, shape and strides. Sizes count elements.
///
/// A clone looks at the same storage.
#[derive(Clone, Debug)]
pub struct Tensor<'a> {
    storage: Option<Storage<'a>>,
    view: wit::Tensor,
}

impl<'a> Tensor<'a> {
    /// A contiguous tensor over borrowed elements, which are not copied.
    ///
    /// An error if `shape` does not have as many elements as the slice.
    pub fn from_slice<T: Element>(elements: &'a [T], shape: &[u64]) -> Result<Self> {
        Self::new(Storage::new(bytemuck::cast_slice::<T, u8>(elements)), T::DTYPE, shape)
    }

    /// A contiguous tensor that owns its elements.
    ///
    /// An error if `shape` does not have as many elements as the vector.
    pub fn from_vec<T: Element + Send + Sync + 'a>(elements: Vec<T>, shape: &[u64]) -> Result<Self> {
        Self::new(Storage::new(Elements(elements)), T::DTYPE, shape)
    }

    /// A contiguous tensor that covers a whole storage.
    ///
    /// An error if the storage is not exactly as long as `shape` and `dtype` say.
    pub fn new(storage: Storage<'a>, dtype: DType, shape: &[u64]) -> Result<Self> {
        let length = numel(shape).and_then(|numel| dtype.bytes(numel));
        if length != Some(storage.length()) {
            let found = storage.length();
            return Err(Error::Value(format!(
                "a contiguous {dtype} tensor of shape {shape:?} does not fill a storage of {found} bytes"
            )));
        }
        Self::view(storage, dtype, 0, shape, &contiguous(shape))
    }

    /// A view of a part of a storage, tied to all others over it.
    ///
    /// An error if any element would lie outside the storage.
    pub fn view(
        storage: Storage<'a>,
        dtype: DType,
        offset: u64,
        shape: &[u64],
        stride: &[u64],
    ) -> Result<Self> {
        let view = wit::Tensor {
            storage: None,
            dtype,
            offset,
            shape: shape.into(),
            stride: stride.into(),
            requires_grad: false,
            conj: false,
            neg: false,
        };
        match extent(&view) {
            Some(extent) if extent <= storage.length() => Ok(Self { storage: Some(storage), view }),
            _ => Err(Error::Value(format!(
                "a {dtype} tensor at offset {offset} of shape {shape:?} and stride {stride:?} does not lie in a \
                 storage of {} bytes",
                storage.length()
            ))),
        }
    }

    /// A tensor without data (`device="meta"`).
    pub fn meta(dtype: DType, shape: &[u64]) -> Self {
        let stride = contiguous(shape);
        let shape = shape.into();
        let view = wit::Tensor {
            storage: None,
            dtype,
            offset: 0,
            shape,
            stride,
            requires_grad: false,
            conj: false,
            neg: false,
        };
        Self { storage: None, view }
    }

    pub(crate) fn from_parts(storage: Option<Storage<'a>>, view: wit::Tensor) -> Self {
        Self { storage, view }
    }

    /// The element type.
    pub fn dtype(&self) -> DType {
        self.view.dtype
    }

    /// Elements along each dimension; empty for a scalar.
    pub fn shape(&self) -> &[u64] {
        &self.view.shape
    }

    /// Elements between neighbours along each dimension.
    pub fn stride(&self) -> &[u64] {
        &self.view.stride
    }

    /// Elements from the start of the storage to the first.
    pub fn offset(&self) -> u64 {
        self.view.offset
    }

    /// Elements in all.
    pub fn numel(&self) -> u64 {
        numel(&self.view.shape).unwrap_or(u64::MAX)
    }

    /// Bytes of its elements, written out one after another.
    pub fn length(&self) -> u64 {
        self.view.dtype.bytes(self.numel()).unwrap_or(u64::MAX)
    }

    /// Whether autograd records operations on it.
    pub fn requires_grad(&self) -> bool {
        self.view.requires_grad
    }

    /// The same tensor, with autograd recording operations on it or not.
    #[must_use]
    pub fn with_requires_grad(mut self, requires_grad: bool) -> Self {
        self.view.requires_grad = requires_grad;
        self
    }

    /// The storage it looks into; none for a meta tensor.
    pub fn storage(&self) -> Option<&Storage<'a>> {
        self.storage.as_ref()
    }

    /// Whether its elements lie one after another in row-major order.
    pub fn is_contiguous(&self) -> bool {
        is_contiguous(&self.view)
    }

    /// Whether the values are conjugates or negatives of what the storage holds.
    pub fn is_lazy_view(&self) -> bool {
        self.is_conj() || self.is_neg()
    }

    /// Whether the values are the complex conjugates of what the storage holds.
    pub fn is_conj(&self) -> bool {
        self.view.conj
    }

    /// Whether the values are the negatives of what the storage holds.
    pub fn is_neg(&self) -> bool {
        self.view.neg
    }

    /// Its elements in row-major order: borrowed if they lie so, else copied.
    ///
    /// An error for a meta tensor and for one still in its file.
    pub fn bytes(&self) -> Result<Cow<'_, [u8]>> {
        let storage =
            self.storage.as_ref().ok_or_else(|| Error::Value("a meta tensor has no data".into()))?;
        crate::payload::gather::elements(&self.view, storage.bytes()?)
            .ok_or_else(|| Error::Value("the tensor does not lie in its storage".into()))
    }

    /// Its elements, without a copy.
    ///
    /// An error if the dtype is not `T`'s, the tensor is not contiguous, or its
    /// bytes are not aligned for `T` (as in a mapped legacy file): the error
    /// says which. [`bytes`](Self::bytes) always works.
    pub fn as_slice<T: Element>(&self) -> Result<&[T]> {
        if self.view.dtype != T::DTYPE {
            return Err(Error::Value(format!("the tensor's dtype is {}, not {}", self.view.dtype, T::DTYPE)));
        }
        if self.is_lazy_view() {
            return Err(Error::Value("the tensor is a conjugate or negative view of its storage".into()));
        }
        match self.bytes()? {
            Cow::Borrowed(bytes) => bytemuck::try_cast_slice(bytes).map_err(|_| {
                Error::Value(format!("the tensor's bytes are not aligned for {}: load it instead", T::DTYPE))
            }),
            Cow::Owned(_) => Err(Error::Value("the tensor is not contiguous".into())),
        }
    }

    pub(crate) fn raw(&self) -> &wit::Tensor {
        &self.view
    }
}

/// Owned elements as bytes.
struct Elements<T>(Vec<T>);

impl<T: Element> AsRef<[u8]> for Elements<T> {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

/// The strides of a contiguous tensor, as torch gives them: a dimension of size
/// 0 counts as 1.
fn contiguous(shape: &[u64]) -> Vec<u64> {
    let mut stride: Vec<u64> = shape
        .iter()
        .rev()
        .scan(1u64, |next, &size| {
            let this = *next;
            *next = next.saturating_mul(size.max(1));
            Some(this)
        })
        .collect();
    stride.reverse();
    stride
}
