//! Whether the chunks of a tensor lie in it, apart from each other, and fill it.

use alloc::format;
use alloc::vec::Vec;

use super::{About, Chunk, Flaws, Metadata, Tensor};
use crate::show;

/// Checks all tensors. `offsets` are where the entries are in the pickle; with `partial` some of
/// the chunks are elsewhere.
pub(super) fn check(metadata: &Metadata, offsets: &[u64], partial: bool, flaws: &mut Flaws) {
    let mut work = WORK;
    for (entry, &at) in metadata.entries.iter().zip(offsets) {
        let Some(tensor) = &entry.tensor else { continue };
        let name = || show::name(&entry.name);
        let Some(whole) = volume(&tensor.size) else {
            flaws.add(About::Box, at, || format!("{} has more elements than there can be", name()));
            continue;
        };
        let stray = tensor.chunks.iter().find(|chunk| !lies_in(chunk, &tensor.size));
        if let Some(Chunk { offsets, sizes }) = stray {
            flaws.add(About::Box, at, || {
                format!("a chunk of {}, {sizes:?} at {offsets:?}, is not inside its {:?}", name(), tensor.size)
            });
            continue;
        }
        let filled = tensor.chunks.iter().try_fold(0u64, |sum, chunk| sum.checked_add(volume(&chunk.sizes)?));
        if !partial && filled != Some(whole) || partial && filled.is_none_or(|filled| filled > whole) {
            flaws.add(About::Box, at, || {
                let filled = filled.unwrap_or(u64::MAX);
                format!("the chunks of {} have {filled} elements, and the tensor {whole}", name())
            });
            continue;
        }
        match overlap(tensor, &mut work) {
            Ok(None) => {}
            Ok(Some((one, other))) => flaws.add(About::Box, at, || {
                format!("two chunks of {} overlap: those at {:?} and {:?}", name(), one.offsets, other.offsets)
            }),
            Err(TooMuch) => {
                return flaws.add(About::Limit, at, || {
                    format!("the chunks of {} are too many in too many dimensions to be compared", name())
                });
            }
        }
    }
}

struct TooMuch;

fn volume(size: &[u64]) -> Option<u64> {
    // An empty tensor is one however large its other dimensions are.
    if size.contains(&0) {
        return Some(0);
    }
    let volume = size.iter().try_fold(1u64, |volume, &length| volume.checked_mul(length))?;
    i64::try_from(volume).is_ok().then_some(volume)
}

fn lies_in(chunk: &Chunk, size: &[u64]) -> bool {
    chunk.offsets.len() == size.len()
        && chunk.sizes.len() == size.len()
        && chunk.offsets.iter().zip(&chunk.sizes).zip(size).all(|((&offset, &length), &all)| {
            offset.checked_add(length).is_some_and(|end| end <= all)
        })
}

/// Two chunks with an element in common, if there are any.
///
/// They are gone through in the order of one dimension: the one in which the fewest of them lie
/// side by side, so that each has few others to be compared with.
fn overlap<'t>(tensor: &'t Tensor, work: &mut u64) -> Result<Option<(&'t Chunk, &'t Chunk)>, TooMuch> {
    let mut chunks: Vec<&Chunk> = tensor.chunks.iter().filter(|chunk| !chunk.sizes.contains(&0)).collect();
    if chunks.len() < 2 {
        return Ok(None);
    }
    let spans = |axis: usize| -> Vec<(u64, u64)> {
        let spans = chunks.iter().filter_map(|chunk| span(chunk, axis));
        spans.collect()
    };
    let best = (0..tensor.size.len()).min_by_key(|&axis| abreast(spans(axis)));
    // Two numbers, each the whole tensor.
    let Some(axis) = best else { return Ok(chunks.first().copied().zip(chunks.get(1).copied())) };
    chunks.sort_by_key(|chunk| span(chunk, axis));
    let mut open: Vec<&Chunk> = Vec::new();
    for chunk in chunks {
        let Some((start, _)) = span(chunk, axis) else { continue };
        let cost = (open.len() as u64).saturating_mul(tensor.size.len() as u64).saturating_add(1);
        *work = work.checked_sub(cost).ok_or(TooMuch)?;
        open.retain(|other| span(other, axis).is_some_and(|(_, end)| end > start));
        if let Some(other) = open.iter().find(|other| meet(chunk, other)) {
            return Ok(Some((other, chunk)));
        }
        open.push(chunk);
    }
    Ok(None)
}

/// Where a chunk starts and ends along an axis.
fn span(chunk: &Chunk, axis: usize) -> Option<(u64, u64)> {
    let start = *chunk.offsets.get(axis)?;
    Some((start, start.checked_add(*chunk.sizes.get(axis)?)?))
}

/// How many spans have a point in common, at most.
fn abreast(spans: Vec<(u64, u64)>) -> i64 {
    let mut steps: Vec<(u64, i64)> = spans.into_iter().flat_map(|(start, end)| [(start, 1), (end, -1)]).collect();
    // What ends where another starts is apart from it.
    steps.sort_unstable();
    let (mut open, mut most) = (0i64, 0i64);
    for (_, step) in steps {
        open = open.saturating_add(step);
        most = most.max(open);
    }
    most
}

fn meet(one: &Chunk, other: &Chunk) -> bool {
    (0..one.sizes.len()).all(|axis| match (span(one, axis), span(other, axis)) {
        (Some((start, end)), Some((other_start, other_end))) => start < other_end && other_start < end,
        _ => false,
    })
}

/// Comparisons of numbers, all tensors together: about a second of them.
pub(crate) const WORK: u64 = 1 << 28;
