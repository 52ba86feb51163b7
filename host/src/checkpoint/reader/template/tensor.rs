use std::fmt;
use std::sync::Arc;

use crate::payload::layout::numel;
use crate::state::{DType, Element, Storage, Tensor};
use crate::{Error, Result};

/// A tensor as a partial read asks for it: of this dtype and shape, to be put into
/// this memory.
///
/// Elements come in row-major order, and as the values that the tensor has: a
/// conjugate or negative view is resolved.
///
/// ```
/// use strongroom::{DType, TensorTarget};
///
/// # fn main() -> strongroom::Result<()> {
/// let mut weight = vec![0.0f32; 6];
/// let target = TensorTarget::from_slice(&mut weight, &[2, 3])?;
/// assert_eq!((target.dtype(), target.shape()), (DType::Float32, &[2, 3][..]));
/// drop(target); // The elements are the caller's again.
/// assert_eq!(weight.len(), 6);
/// # Ok(())
/// # }
/// ```
pub struct TensorTarget<'b> {
    dtype: DType,
    shape: Vec<u64>,
    parameter: bool,
    place: Place<'b>,
}

/// Where elements go.
pub(in super::super) enum Place<'b> {
    /// New memory, when it is read.
    None,
    /// The caller's own, and whether what is in it is verified, as far as it was read.
    Buffer(&'b mut [u8], bool),
    /// New memory, in place of this tensor.
    Tensor(Tensor<'b>),
}

impl<'b> TensorTarget<'b> {
    /// A tensor that is read into new memory.
    pub fn new(dtype: DType, shape: &[u64]) -> Self {
        Self { dtype, shape: shape.into(), parameter: false, place: Place::None }
    }

    /// A tensor that is read into the caller's elements, which are the caller's
    /// again when the template is dropped.
    ///
    /// An error if `shape` does not have as many elements as the slice.
    pub fn from_slice<T: Element>(elements: &'b mut [T], shape: &[u64]) -> Result<Self> {
        Self::from_bytes(bytemuck::cast_slice_mut(elements), T::DTYPE, shape)
    }

    /// A tensor that is read into the caller's bytes, little-endian.
    ///
    /// An error if `dtype` and `shape` do not take exactly as many bytes.
    pub fn from_bytes(bytes: &'b mut [u8], dtype: DType, shape: &[u64]) -> Result<Self> {
        let length = numel(shape).and_then(|numel| dtype.bytes(numel));
        if length != Some(bytes.len() as u64) {
            return Err(Error::Value(format!(
                "a {dtype} tensor of shape {shape:?} does not fill a buffer of {} bytes",
                bytes.len()
            )));
        }
        Ok(Self { place: Place::Buffer(bytes, true), ..Self::new(dtype, shape) })
    }

    /// A tensor of the same dtype and shape as `tensor`, which it is until another
    /// is read, into new memory.
    pub fn like(tensor: Tensor<'b>) -> Self {
        let (dtype, shape) = (tensor.dtype(), tensor.shape().to_vec());
        Self { dtype, shape, parameter: false, place: Place::Tensor(tensor) }
    }

    /// The element type it has to be of.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// The elements it has to have along each dimension.
    pub fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// The tensor that was read, or that is there until one is. None if it goes to
    /// new memory, and nothing was read yet.
    pub fn tensor(&self) -> Option<Tensor<'_>> {
        match &self.place {
            Place::None => None,
            Place::Buffer(bytes, verified) => in_buffer(bytes, *verified, self.dtype, &self.shape),
            Place::Tensor(tensor) => Some(tensor.clone()),
        }
    }

    /// Marks it as a `torch.nn.Parameter`.
    pub(super) fn into_parameter(self) -> Self {
        Self { parameter: true, ..self }
    }

    /// The tensor, without data if it has none; and whether it is a parameter.
    pub(super) fn into_tensor(self) -> (Tensor<'b>, bool) {
        let meta = || Tensor::meta(self.dtype, &self.shape);
        let tensor = match self.place {
            Place::None => meta(),
            Place::Buffer(bytes, verified) => {
                in_buffer(bytes, verified, self.dtype, &self.shape).unwrap_or_else(meta)
            }
            Place::Tensor(tensor) => tensor,
        };
        (tensor, self.parameter)
    }

    pub(in super::super) fn place(&self) -> &Place<'b> {
        &self.place
    }

    /// Whether it goes to the caller's memory.
    pub(in super::super) fn is_buffer(&self) -> bool {
        matches!(self.place, Place::Buffer(..))
    }

    /// The caller's memory, to read into it what then is verified or is not.
    pub(in super::super) fn buffer_to_fill(&mut self, becomes_verified: bool) -> Option<&mut [u8]> {
        match &mut self.place {
            Place::Buffer(bytes, verified) => {
                *verified = becomes_verified;
                Some(bytes)
            }
            _ => None,
        }
    }

    /// Takes a tensor that was read, with the `requires_grad` of the one it replaces.
    pub(in super::super) fn replace(&mut self, tensor: Tensor<'b>) {
        let requires_grad = matches!(&self.place, Place::Tensor(tensor) if tensor.requires_grad());
        self.place = Place::Tensor(tensor.with_requires_grad(requires_grad));
    }
}

fn in_buffer<'b>(bytes: &'b [u8], verified: bool, dtype: DType, shape: &[u64]) -> Option<Tensor<'b>> {
    let length = bytes.len();
    let storage = Storage::part(Arc::new(bytes), 0..length, "cpu", verified)?;
    Tensor::new(storage, dtype, shape).ok()
}

impl fmt::Debug for TensorTarget<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let memory = match &self.place {
            Place::None => "new memory",
            Place::Buffer(..) => "the caller's",
            Place::Tensor(_) => "a tensor",
        };
        f.debug_struct("TensorTarget")
            .field("dtype", &self.dtype)
            .field("shape", &self.shape)
            .field("memory", &memory)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_has_room_for_its_tensor_and_no_more() {
        let mut elements = [0.0f32; 6];
        assert!(TensorTarget::from_slice(&mut elements, &[2, 3]).is_ok());
        let error = TensorTarget::from_slice(&mut elements, &[2, 4]).unwrap_err();
        assert_eq!(error.to_string(), "a float32 tensor of shape [2, 4] does not fill a buffer of 24 bytes");
        assert!(TensorTarget::from_bytes(&mut [0; 3], DType::Int16, &[1]).is_err());
        assert!(TensorTarget::from_bytes(&mut [], DType::Int64, &[u64::MAX, 2]).is_err());
    }
}
