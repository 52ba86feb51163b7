//! Where the elements of a tensor lie in its storage.

use crate::sandbox::bindings::types as wit;

/// Elements of a shape, unless that overflows.
pub(crate) fn numel(shape: &[u64]) -> Option<u64> {
    shape.iter().try_fold(1u64, |product, &size| product.checked_mul(size))
}

/// Bytes of storage that hold the last element looked at, unless that overflows.
pub(crate) fn extent(view: &wit::Tensor) -> Option<u64> {
    if view.shape.len() != view.stride.len() {
        return None;
    }
    if view.shape.contains(&0) {
        return Some(0);
    }
    let last =
        view.shape.iter().zip(&view.stride).try_fold(view.offset, |last, (&size, &stride)| {
            last.checked_add((size - 1).checked_mul(stride)?)
        })?;
    view.dtype.bytes(last.checked_add(1)?)
}

/// Whether elements lie one after another in row-major order.
pub(crate) fn is_contiguous(view: &wit::Tensor) -> bool {
    let mut expected = 1u64;
    view.shape.contains(&0)
        || view.shape.iter().zip(&view.stride).rev().all(|(&size, &stride)| {
            let fits = size == 1 || stride == expected;
            expected = expected.saturating_mul(size);
            fits
        })
}
