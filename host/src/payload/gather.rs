//! Brings a strided tensor's elements into row-major order.

use std::borrow::Cow;

use rayon::prelude::*;

use crate::payload::checksum::CHUNK;
use crate::payload::layout::{is_contiguous, numel};
use crate::sandbox::bindings::types::Tensor;

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
    // A stride of zero makes terabytes of one byte: such a length is no reason to abort.
    let mut gathered = Vec::new();
    gathered.try_reserve_exact(length).ok()?;
    gathered.resize(length, 0);
    part(view, storage, 0, &mut gathered)?;
    Some(Cow::Owned(gathered))
}

/// Fills `out`, which has their length, with the elements of `view` in row-major
/// order, with all cores. None if they do not all lie in `storage`, or are neither
/// in order nor whole bytes.
pub(crate) fn fill(view: &Tensor, storage: &[u8], out: &mut [u8]) -> Option<()> {
    if is_contiguous(view) {
        let Cow::Borrowed(bytes) = elements(view, storage)? else { return None };
        if bytes.len() != out.len() {
            return None;
        }
        out.par_chunks_mut(CHUNK).zip(bytes.par_chunks(CHUNK)).for_each(|(out, bytes)| {
            out.copy_from_slice(bytes);
        });
        return Some(());
    }
    let chunks = out.par_chunks_mut(CHUNK).enumerate();
    chunks.map(|(index, chunk)| part(view, storage, (index * CHUNK) as u64, chunk)).collect()
}

/// Fills `out` with the bytes of `view` in row-major order from byte `start` on,
/// which is the first of an element. None if they do not all lie in `storage`, or
/// elements are not whole bytes.
pub(crate) fn part(view: &Tensor, storage: &[u8], start: u64, out: &mut [u8]) -> Option<()> {
    let width = usize::try_from(view.dtype.bits() / 8).ok().filter(|&width| width > 0)?;
    let mut index = position(view, start / u64::try_from(width).ok()?)?;
    for element in out.chunks_mut(width) {
        let at = index
            .iter()
            .zip(&view.stride)
            .try_fold(view.offset, |sum, (&i, &stride)| sum.checked_add(i.checked_mul(stride)?))?;
        let at = usize::try_from(at).ok()?.checked_mul(width)?;
        element.copy_from_slice(storage.get(at..at.checked_add(element.len())?)?);
        advance(&mut index, &view.shape);
    }
    Some(())
}

/// The indices of an element, given its number in row-major order.
fn position(view: &Tensor, element: u64) -> Option<Vec<u64>> {
    let mut rest = element;
    let mut index: Vec<u64> = Vec::with_capacity(view.shape.len());
    for &size in view.shape.iter().rev() {
        index.push(rest.checked_rem(size)?);
        rest /= size;
    }
    index.reverse();
    Some(index)
}

/// Counts up, the last dimension fastest.
fn advance(index: &mut [u64], shape: &[u64]) {
    for (i, &size) in index.iter_mut().zip(shape).rev() {
        *i += 1;
        if *i < size {
            return;
        }
        *i = 0;
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
    fn parts_are_what_the_whole_has_there() {
        let storage: Vec<u8> = (0..60).collect();
        let view = view(0, &[3, 4, 5], &[1, 15, 3]);
        let whole = elements(&view, &storage).unwrap().into_owned();
        for start in 0..60 {
            let mut out = vec![0; 60 - start];
            part(&view, &storage, start as u64, &mut out).unwrap();
            assert_eq!(out, whole[start..]);
        }
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
