use super::float::{self, Special};
use crate::file::read::reverse;
use crate::payload::Stored;
use crate::payload::checksum::CHUNK;
use crate::payload::layout::numel;
use crate::{DType, Result};

/// The dimensions of a view, in an order of their own: the set of its elements does
/// not depend on it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Dims {
    /// Those that lead to other elements, by descending stride.
    dims: Vec<Dim>,
    /// How often each element is seen: the product of the sizes that have no stride.
    times: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Dim {
    size: u64,
    stride: u64,
}

/// What may still be spent on views that are not dense.
pub(super) struct Effort {
    bytes: u64,
    steps: u64,
}

impl Effort {
    /// Enough for any file that was written by a program that means well.
    pub(super) fn for_bytes(bytes: u64) -> Self {
        Self { bytes: bytes.saturating_mul(4).saturating_add(64 << 20), steps: 1 << 28 }
    }
}

impl Dims {
    /// The dimensions of a view; none if it has no elements or more than can be counted.
    pub(super) fn new(shape: &[u64], stride: &[u64]) -> Option<Self> {
        numel(shape).filter(|&numel| numel > 0 && shape.len() == stride.len())?;
        let all = shape.iter().zip(stride).filter(|&(&size, _)| size > 1);
        let times = all.clone().filter(|&(_, &stride)| stride == 0).map(|(&size, _)| size).product();
        let mut dims: Vec<Dim> =
            all.filter(|&(_, &stride)| stride > 0).map(|(&size, &stride)| Dim { size, stride }).collect();
        dims.sort_unstable_by_key(|dim| std::cmp::Reverse((dim.stride, dim.size)));
        Some(Self { dims, times })
    }

    /// Elements in all, each as often as it is seen.
    pub(super) fn numel(&self) -> u64 {
        self.dims.iter().fold(self.times, |numel, dim| numel.saturating_mul(dim.size))
    }

    /// Elements of the storage from the first to behind the last.
    pub(super) fn extent(&self) -> Option<u64> {
        reach(&self.dims)?.checked_add(1)
    }

    /// What is special in the view, where `extent` is what is special between its
    /// first element and its last.
    ///
    /// Only where there is anything at all between them, and other elements too, is
    /// it read again. None if that would take too long.
    pub(super) fn special(
        &self,
        extent: Special,
        part: &Stored,
        dtype: DType,
        start: u64,
        end: u64,
        effort: &mut Effort,
    ) -> Result<Option<Special>> {
        let found = if self.is_dense() { Some(extent) } else { self.look(part, dtype, start, end, effort)? };
        let times = |count: u64| count.saturating_mul(self.times);
        Ok(found.map(|Special { nan, inf }| Special { nan: times(nan), inf: times(inf) }))
    }

    /// Whether its elements are all those between the first and the last.
    fn is_dense(&self) -> bool {
        let mut expected = 1u64;
        self.dims.iter().rev().all(|dim| {
            let fits = dim.stride == expected;
            expected = expected.saturating_mul(dim.size);
            fits
        })
    }

    fn look(
        &self,
        part: &Stored,
        dtype: DType,
        start: u64,
        end: u64,
        effort: &mut Effort,
    ) -> Result<Option<Special>> {
        let (Some(count), Some(width)) = (float::counter(dtype), dtype.bytes(1)) else { return Ok(None) };
        let Some(bytes) = effort.bytes.checked_sub(end - start) else { return Ok(None) };
        effort.bytes = bytes;
        let mut special = Special::default();
        let mut buffer = Vec::new();
        let mut at = start;
        while at < end {
            let length = usize::try_from(end - at).unwrap_or(usize::MAX).min(CHUNK);
            buffer.resize(length, 0);
            part.source.read_at(part.offset + at, &mut buffer)?;
            reverse(&mut buffer, part.swap);
            let first = (at - start) / width;
            let pages = buffer.chunks(PAGE).enumerate();
            for (page, bytes) in pages.filter(|(_, bytes)| count(bytes) != Special::default()) {
                let first = first + (page * PAGE) as u64 / width;
                let elements = bytes.chunks_exact(usize::try_from(width).unwrap_or(1));
                for (element, bytes) in (first..).zip(elements) {
                    let Special { nan, inf } = count(bytes);
                    if nan + inf == 0 {
                        continue;
                    }
                    let Some(ways) = ways(element, &self.dims, &mut effort.steps) else { return Ok(None) };
                    special.nan = special.nan.saturating_add(nan * ways);
                    special.inf = special.inf.saturating_add(inf * ways);
                }
            }
            at += length as u64;
        }
        Ok(Some(special))
    }
}

/// How many positions of a view are the element that is `element` behind its first.
/// None if there are too many to try.
///
/// As deep as there are dimensions of more than one element: 64, or their product
/// could not be counted.
fn ways(element: u64, dims: &[Dim], steps: &mut u64) -> Option<u64> {
    *steps = steps.checked_sub(1)?;
    let Some((dim, inner)) = dims.split_first() else { return Some(u64::from(element == 0)) };
    let last = (element / dim.stride).min(dim.size - 1);
    let first = element.saturating_sub(reach(inner)?).div_ceil(dim.stride);
    let mut sum = 0u64;
    for index in first..=last {
        sum = sum.saturating_add(ways(element - index * dim.stride, inner, steps)?);
    }
    Some(sum)
}

/// Elements from the first to the last.
fn reach(dims: &[Dim]) -> Option<u64> {
    dims.iter().try_fold(0u64, |reach, dim| reach.checked_add((dim.size - 1).checked_mul(dim.stride)?))
}

/// As many bytes as are asked together. A multiple of any element's width.
const PAGE: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    /// By the definition: all positions, one by one.
    fn slow(element: u64, shape: &[u64], stride: &[u64]) -> u64 {
        let mut places = vec![0];
        for (&size, &stride) in shape.iter().zip(stride) {
            places =
                places.iter().flat_map(|place| (0..size).map(move |index| place + index * stride)).collect();
        }
        places.into_iter().filter(|&place| place == element).count() as u64
    }

    #[test]
    fn positions_are_counted_as_by_the_definition() {
        let cases: [(&[u64], &[u64]); 7] = [
            (&[3, 4], &[4, 1]),
            (&[3, 4], &[1, 3]),
            (&[3, 4], &[8, 2]),
            (&[5, 3], &[1, 1]),
            (&[2, 3, 2], &[5, 2, 3]),
            (&[4, 3, 1], &[0, 2, 7]),
            (&[], &[]),
        ];
        for (shape, stride) in cases {
            let dims = Dims::new(shape, stride).unwrap();
            for element in 0..dims.extent().unwrap() + 2 {
                let ways = ways(element, &dims.dims, &mut 1000).unwrap() * dims.times;
                assert_eq!(ways, slow(element, shape, stride), "{shape:?} {stride:?} {element}");
            }
        }
    }

    #[test]
    fn what_is_dense_in_any_order_is_dense() {
        let dense = |shape: &[u64], stride: &[u64]| Dims::new(shape, stride).unwrap().is_dense();
        assert!(dense(&[2, 3], &[3, 1]) && dense(&[2, 3], &[1, 2]) && dense(&[], &[]));
        assert!(dense(&[2, 1, 3], &[3, 77, 1]) && dense(&[9, 3], &[0, 1]));
        assert!(!dense(&[2, 3], &[4, 1]) && !dense(&[3], &[2]) && !dense(&[3, 3], &[1, 1]));
        assert!(Dims::new(&[0, 3], &[3, 1]).is_none());
    }

    #[test]
    fn too_many_ways_are_not_tried() {
        let dims = Dims::new(&[2; 40], &[1; 40]).unwrap();
        assert_eq!(ways(20, &dims.dims, &mut 1000), None);
    }
}
