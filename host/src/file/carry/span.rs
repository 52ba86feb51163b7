//! The part of a payload that strided views look into, kept while it passes by: its file has
//! it in one order, and it goes out in another.

use std::sync::{Mutex, PoisonError};

use super::misplaced;
use crate::file::read::reverse;
use crate::payload::layout::extent;
use crate::sandbox::bindings::types::Tensor;
use crate::{Error, Result};

/// Bytes of a payload from the first that a view looks at to the last.
pub(super) struct Span {
    /// Where they begin in it: at a multiple of the width of any number.
    start: u64,
    bytes: Mutex<Vec<u8>>,
}

impl Span {
    /// Of all that these views look at in a payload of so many bytes, in memory that is taken at
    /// once.
    pub(super) fn of(views: &[&Tensor], payload: u64) -> Result<Self> {
        let first = |view: &&Tensor| view.offset.checked_mul(view.dtype.bits() / 8);
        let starts = views.iter().map(first).collect::<Option<Vec<u64>>>().ok_or_else(misplaced)?;
        let ends =
            views.iter().map(|view| extent(view)).collect::<Option<Vec<u64>>>().ok_or_else(misplaced)?;
        let start = starts.into_iter().min().unwrap_or(0) / WIDEST * WIDEST;
        let end = ends.into_iter().max().unwrap_or(0);
        if end > payload {
            return Err(misplaced());
        }
        let end = end.next_multiple_of(WIDEST).min(payload);
        let length = usize::try_from(end.saturating_sub(start)).map_err(|_| misplaced())?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length).map_err(|_| {
            Error::Value(format!("there is no memory for the {length} bytes that strided tensors look at"))
        })?;
        bytes.resize(length, 0);
        Ok(Self { start, bytes: Mutex::new(bytes) })
    }

    /// Keeps what it needs of a chunk that starts at `at`, whose numbers of `swap` bytes are
    /// reversed. Chunks begin between numbers.
    pub(super) fn keep(&self, at: u64, chunk: &[u8], swap: u8) -> Result<()> {
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let end = self.start + bytes.len() as u64;
        let (from, to) = (self.start.max(at), end.min(at + chunk.len() as u64));
        if from >= to {
            return Ok(());
        }
        let range = |first: u64| Some(usize::try_from(from - first).ok()?..usize::try_from(to - first).ok()?);
        let source = range(at).and_then(|range| chunk.get(range));
        let target = range(self.start).and_then(|range| bytes.get_mut(range));
        let (source, target) = source.zip(target).ok_or_else(misplaced)?;
        target.copy_from_slice(source);
        reverse(target, swap);
        Ok(())
    }

    /// Where the bytes begin, and they.
    pub(super) fn into_parts(self) -> (u64, Vec<u8>) {
        (self.start, self.bytes.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A view of bytes from `start` on, as one of those bytes alone.
pub(super) fn shifted(view: &Tensor, start: u64) -> Option<Tensor> {
    let before = start.checked_div(view.dtype.bits() / 8)?;
    Some(Tensor { offset: view.offset.checked_sub(before)?, ..view.clone() })
}

/// Bytes of the widest number, a complex of two doubles.
const WIDEST: u64 = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::DType;

    fn view(offset: u64, shape: &[u64], stride: &[u64]) -> Tensor {
        let dtype = DType::Int16;
        let (shape, stride) = (shape.into(), stride.into());
        Tensor { storage: None, dtype, offset, shape, stride, requires_grad: false, conj: false, neg: false }
    }

    #[test]
    fn what_views_look_at_is_kept_whatever_the_chunks_are() {
        let payload: Vec<u8> = (0..100).collect();
        let mut reversed = payload.clone();
        reverse(&mut reversed, 2);
        let views = [view(17, &[2], &[3]), view(20, &[2, 2], &[1, 12])];
        for chunk in [2, 6, 16, 38, 100] {
            let span = Span::of(&views.each_ref(), 100).unwrap();
            for (index, bytes) in payload.chunks(chunk).enumerate() {
                span.keep((index * chunk) as u64, bytes, 2).unwrap();
            }
            let (start, bytes) = span.into_parts();
            assert_eq!((start, bytes.as_slice()), (32, &reversed[32..80]), "{chunk}");
            assert_eq!(shifted(&views[0], start).unwrap().offset, 1);
        }
    }

    #[test]
    fn a_view_beyond_its_payload_is_an_error() {
        assert!(Span::of(&[&view(17, &[2], &[3])], 40).is_err());
        assert!(Span::of(&[&view(u64::MAX, &[2], &[3])], 40).is_err());
        assert!(Span::of(&[&view(0, &[u64::MAX / 4, 2], &[1, 3])], u64::MAX).is_err());
    }
}
