//! Brings a strided tensor's elements into row-major order.

use std::borrow::Cow;

use crate::bindings::types::Tensor;
use crate::state::{is_contiguous, numel};

/// The elements of `view` in `storage`: borrowed where they lie in order, else
/// gathered. None if they do not all lie inside.
pub(crate) fn elements<'s>(view: &Tensor, storage: &'s [u8]) -> Option<Cow<'s, [u8]>> {
    let length = usize::try_from(view.dtype.bytes(numel(&view.shape)?)?).ok()?;
    if length == 0 {
        return Some(Cow::Borrowed(&[]));
    }
    if is_contiguous(view) {
        let bits = view.offset.checked_mul(view.dtype.bits())?;
        if bits % 8 != 0 {
            return None;
        }
        let start = usize::try_from(bits / 8).ok()?;
        return storage.get(start..start.checked_add(length)?).map(Cow::Borrowed);
    }
    // Elements of less than a byte cannot be moved one by one.
    let width = usize::try_from(view.dtype.bits() / 8).ok().filter(|&width| width > 0)?;
    // A stride of zero makes terabytes of one byte: such a length is no reason to abort.
    let mut gathered = Vec::new();
    gathered.try_reserve_exact(length).ok()?;
    rows(view, |first, count, step| {
        for index in 0..count {
            let start = usize::try_from(index.checked_mul(step)?.checked_add(first)?).ok()?;
            let start = start.checked_mul(width)?;
            gathered.extend_from_slice(storage.get(start..start.checked_add(width)?)?);
        }
        Some(())
    })?;
    Some(Cow::Owned(gathered))
}

/// Calls `row` with the first element, the size and the stride of each run along
/// the last dimension, in row-major order.
fn rows(view: &Tensor, mut row: impl FnMut(u64, u64, u64) -> Option<()>) -> Option<()> {
    let (&count, outer) = view.shape.split_last()?;
    let (&step, strides) = view.stride.split_last()?;
    let mut index = vec![0u64; outer.len()];
    loop {
        let first = index
            .iter()
            .zip(strides)
            .try_fold(view.offset, |sum, (&i, &stride)| sum.checked_add(i.checked_mul(stride)?))?;
        row(first, count, step)?;
        // Count up, the last outer dimension fastest.
        let mut dimension = outer.len();
        loop {
            let Some(previous) = dimension.checked_sub(1) else { return Some(()) };
            dimension = previous;
            index[dimension] += 1;
            if index[dimension] < outer[dimension] {
                break;
            }
            index[dimension] = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::DType;

    fn view(offset: u64, shape: &[u64], stride: &[u64]) -> Tensor {
        Tensor {
            storage: None,
            dtype: DType::Uint8,
            offset,
            shape: shape.into(),
            stride: stride.into(),
            requires_grad: false,
            conj: false,
            neg: false,
        }
    }

    #[test]
    fn a_transposed_view_is_copied_in_row_major_order() {
        let gathered = elements(&view(1, &[3, 2], &[1, 3]), &[9, 0, 1, 2, 3, 4, 5]);
        assert_eq!(gathered.as_deref(), Some(&[0, 3, 1, 4, 2, 5][..]));
    }

    #[test]
    fn a_contiguous_view_is_borrowed() {
        let storage = [0, 1, 2, 3];
        assert!(matches!(elements(&view(1, &[3], &[1]), &storage), Some(Cow::Borrowed([1, 2, 3]))));
    }

    #[test]
    fn a_broadcast_view_repeats_its_element() {
        assert_eq!(elements(&view(0, &[2, 2], &[0, 0]), &[7]).as_deref(), Some(&[7, 7, 7, 7][..]));
    }

    #[test]
    fn a_view_beyond_its_storage_is_refused() {
        assert_eq!(elements(&view(0, &[2, 2], &[1, 2]), &[0, 1, 2]), None);
        assert_eq!(elements(&view(2, &[2], &[1]), &[0, 1, 2]), None);
    }
}
