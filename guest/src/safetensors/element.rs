//! How a header counts elements, where that differs from torch.

use alloc::vec::Vec;

use crate::dtype::DType;

/// Bits of one element as a header counts them. torch's 4-bit type holds two
/// numbers in each element; a header counts the numbers.
pub(crate) fn bits(dtype: DType) -> u64 {
    if dtype == DType::Float4E2M1FNx2 { 4 } else { dtype.bits() }
}

/// Bits of a tensor of a header's `shape`, unless that overflows. Multiplies from
/// the left like the reference, which refuses `[2^63, 4, 0]` but not `[0, 2^63, 4]`.
pub(super) fn total_bits(dtype: DType, shape: &[u64]) -> Option<u64> {
    let elements = shape.iter().try_fold(1u64, |product, &size| product.checked_mul(size))?;
    elements.checked_mul(bits(dtype))
}

/// A header's `shape` as torch counts it. None where the last dimension would
/// split an element.
pub(super) fn to_torch(dtype: DType, mut shape: Vec<u64>) -> Option<Vec<u64>> {
    if dtype == DType::Float4E2M1FNx2 {
        let last = shape.last_mut().filter(|size| size.is_multiple_of(2))?;
        *last /= 2;
    }
    Some(shape)
}

/// torch's `shape` as a header counts it. None for a scalar of two numbers, which
/// no header can tell, and where it overflows.
pub(super) fn from_torch(dtype: DType, shape: &[u64]) -> Option<Vec<u64>> {
    let mut shape = shape.to_vec();
    if dtype == DType::Float4E2M1FNx2 {
        let last = shape.last_mut()?;
        *last = last.checked_mul(2)?;
    }
    Some(shape)
}

/// Elements between neighbours along each dimension of a row-major tensor, as
/// torch has it. None where a size or stride is beyond torch's signed 64 bits.
pub(super) fn row_major(shape: &[u64]) -> Option<Vec<u64>> {
    let mut stride = Vec::with_capacity(shape.len());
    let mut next = 1u64;
    for &size in shape.iter().rev() {
        i64::try_from(size).ok()?;
        i64::try_from(next).ok()?;
        stride.push(next);
        // Saturation is only an error if a further dimension needs the stride.
        next = next.saturating_mul(size.max(1));
    }
    stride.reverse();
    Some(stride)
}
