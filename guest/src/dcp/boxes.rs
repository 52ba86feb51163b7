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
                format!(
                    "a chunk of {}, {sizes:?} at {offsets:?}, is not inside its {:?}",
                    name(),
                    tensor.size
                )
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
                format!(
                    "two chunks of {} overlap: those at {:?} and {:?}",
                    name(),
                    one.offsets,
                    other.offsets
                )
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
        && chunk
            .offsets
            .iter()
            .zip(&chunk.sizes)
            .zip(size)
            .all(|((&offset, &length), &all)| offset.checked_add(length).is_some_and(|end| end <= all))
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
    let mut steps: Vec<(u64, i64)> =
        spans.into_iter().flat_map(|(start, end)| [(start, 1), (end, -1)]).collect();
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

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::DType;
    use crate::dcp::Entry;

    fn found(size: &[u64], chunks: &[(&[u64], &[u64])], partial: bool) -> Vec<alloc::string::String> {
        let chunk =
            |&(offsets, sizes): &(&[u64], &[u64])| Chunk { offsets: offsets.into(), sizes: sizes.into() };
        let chunks = chunks.iter().map(chunk).collect();
        let tensor = Some(Tensor { dtype: DType::Float32, size: size.into(), chunks });
        let entries = vec![Entry { name: "w".into(), tensor }];
        let mut flaws = Flaws::default();
        check(&Metadata { entries, ..Metadata::default() }, &[0], partial, &mut flaws);
        flaws.into_vec().into_iter().map(|flaw| flaw.what).collect()
    }

    /// Where one starts, and its size.
    type Corner<'a> = (&'a [u64], &'a [u64]);

    #[test]
    fn chunks_that_make_up_their_tensor_are_fine() {
        let fine: [(&[u64], &[Corner<'_>]); 6] = [
            (&[], &[(&[], &[])]),
            (&[4], &[(&[0], &[4])]),
            (&[2], &[(&[0], &[1]), (&[1], &[1]), (&[2], &[0])]),
            (&[0, u64::MAX], &[(&[0, 0], &[0, u64::MAX])]),
            (&[4, 4], &[(&[0, 0], &[2, 2]), (&[2, 2], &[2, 2]), (&[0, 2], &[2, 2]), (&[2, 0], &[2, 2])]),
            // A wheel: no cut goes all the way through.
            (
                &[3, 3],
                &[
                    (&[0, 0], &[1, 2]),
                    (&[0, 2], &[2, 1]),
                    (&[2, 1], &[1, 2]),
                    (&[1, 0], &[2, 1]),
                    (&[1, 1], &[1, 1]),
                ],
            ),
        ];
        for (size, chunks) in fine {
            assert!(found(size, chunks, false).is_empty(), "{size:?} {:?}", found(size, chunks, false));
        }
    }

    #[test]
    fn chunks_that_do_not_are_told() {
        let wrong: [(&[u64], &[Corner<'_>], &str); 8] = [
            (&[4], &[(&[0], &[3])], "the chunks of `w` have 3 elements, and the tensor 4"),
            (&[4], &[], "the chunks of `w` have 0 elements, and the tensor 4"),
            (&[4], &[(&[1], &[4])], "a chunk of `w`, [4] at [1], is not inside its [4]"),
            (
                &[4],
                &[(&[u64::MAX], &[4])],
                "a chunk of `w`, [4] at [18446744073709551615], is not inside its [4]",
            ),
            (&[4], &[(&[0, 0], &[4, 1])], "a chunk of `w`, [4, 1] at [0, 0], is not inside its [4]"),
            (&[4], &[(&[0], &[2]), (&[1], &[2])], "two chunks of `w` overlap: those at [0] and [1]"),
            (&[], &[(&[], &[]), (&[], &[])], "the chunks of `w` have 2 elements, and the tensor 1"),
            (&[1 << 40, 1 << 40], &[], "`w` has more elements than there can be"),
        ];
        for (size, chunks, text) in wrong {
            assert_eq!(found(size, chunks, false), [text]);
        }
        assert!(found(&[4], &[(&[0], &[3])], true).is_empty());
        assert_eq!(found(&[4], &[(&[0], &[2]), (&[1], &[2])], true).len(), 1);
    }

    /// Against the simplest way: each element counted.
    #[test]
    fn overlaps_are_those_of_elements() {
        let mut seed = 7u64;
        let mut random = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        for _ in 0..2000 {
            let size = vec![5, 4];
            let mut chunks = Vec::new();
            for _ in 0..=random(4) {
                let offsets = vec![random(5), random(4)];
                let sizes = vec![random(6 - offsets[0]), random(5 - offsets[1])];
                chunks.push(Chunk { offsets, sizes });
            }
            let has = |chunk: &Chunk, at: [u64; 2]| {
                (0..2).all(|axis| {
                    (chunk.offsets[axis]..chunk.offsets[axis] + chunk.sizes[axis]).contains(&at[axis])
                })
            };
            let twice = (0..5)
                .flat_map(|row| (0..4).map(move |column| [row, column]))
                .any(|at| chunks.iter().filter(|chunk| has(chunk, at)).count() > 1);
            let tensor = Tensor { dtype: DType::Float32, size, chunks };
            let mut work = WORK;
            let overlap = overlap(&tensor, &mut work).unwrap_or_else(|_| panic!("too much"));
            assert_eq!(overlap.is_some(), twice, "{:?}", tensor.chunks);
        }
    }

    #[test]
    fn many_chunks_take_little_work_where_they_lie_in_a_row() {
        let count = 100_000;
        for axis in 0..2 {
            let at = |index: u64| if axis == 0 { vec![index, 0] } else { vec![0, index] };
            let chunks = (0..count).map(|index| Chunk { offsets: at(index), sizes: vec![1, 1] }).collect();
            let size = if axis == 0 { vec![count, 1] } else { vec![1, count] };
            let mut work = WORK;
            assert!(matches!(overlap(&Tensor { dtype: DType::Int8, size, chunks }, &mut work), Ok(None)));
            assert!(WORK - work < 10 * count, "{}", WORK - work);
        }
    }
}
