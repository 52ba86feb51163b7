use alloc::vec::Vec;

use super::number::{Number, decode};
use crate::dtype::DType;
use crate::step::Range;

/// The elements of a tensor in some order, a window at a time: whatever its
/// strides are, only the bytes that hold elements are fetched.
#[derive(Debug)]
pub(super) struct Elements {
    dtype: DType,
    big_endian: bool,
    /// Where the element of index 0 lies in the region.
    base: u64,
    /// Size and stride in bytes of each dimension, the outermost first.
    dimensions: Vec<(u64, u64)>,
    /// The index of the next element to ask for.
    index: Vec<u64>,
    /// Elements not asked for.
    left: u64,
    /// Where the elements of the window lie, and what was asked for to have them.
    places: Vec<u64>,
    ranges: Vec<Range>,
    parts: Vec<Vec<u8>>,
    /// Elements of the window that were taken.
    taken: usize,
}

impl Elements {
    /// Elements in the order that `dimensions` gives: size and stride of each in
    /// elements, the outermost first. That of index 0 lies at `base` of the region.
    pub(super) fn new(dtype: DType, big_endian: bool, base: u64, dimensions: &[(u64, u64)]) -> Self {
        let width = dtype.bits() / 8;
        let dimensions: Vec<_> =
            dimensions.iter().map(|&(size, stride)| (size, stride.saturating_mul(width))).collect();
        Self {
            dtype,
            big_endian,
            base,
            index: dimensions.iter().map(|_| 0).collect(),
            left: dimensions.iter().fold(1, |all, &(size, _)| all.saturating_mul(size)),
            dimensions,
            places: Vec::new(),
            ranges: Vec::new(),
            parts: Vec::new(),
            taken: 0,
        }
    }

    /// The next element, unless the window is used up.
    pub(super) fn next(&mut self) -> Option<Number> {
        let place = *self.places.get(self.taken)?;
        let after = self.ranges.partition_point(|range| range.offset <= place);
        let part = after.checked_sub(1)?;
        let start = usize::try_from(place.checked_sub(self.ranges.get(part)?.offset)?).ok()?;
        let end = start.checked_add(usize::try_from(self.dtype.bits() / 8).ok()?)?;
        let number = decode(self.dtype, self.parts.get(part)?.get(start..end)?, self.big_endian)?;
        self.taken += 1;
        Some(number)
    }

    /// The next element of an integer type.
    pub(super) fn next_int(&mut self) -> Option<i64> {
        match self.next()? {
            Number::Int(value) => Some(value),
            Number::Float(_) => None,
        }
    }

    /// Whether all elements were taken.
    pub(super) fn is_over(&self) -> bool {
        self.left == 0 && self.taken >= self.places.len()
    }

    /// Turns to the next window. The answer is what must be fetched for it.
    pub(super) fn ask(&mut self) -> Vec<Range> {
        self.places.clear();
        self.parts.clear();
        self.taken = 0;
        while self.left > 0 && self.places.len() < WINDOW {
            self.places.push(self.place());
            self.advance();
        }
        let width = self.dtype.bits() / 8;
        let mut sorted = self.places.clone();
        sorted.sort_unstable();
        self.ranges.clear();
        for place in sorted {
            let end = place.saturating_add(width);
            match self.ranges.last_mut() {
                Some(range) if place <= range.offset.saturating_add(range.length).saturating_add(GAP) => {
                    range.length = end.saturating_sub(range.offset).max(range.length);
                }
                _ => self.ranges.push(Range::new(place, width)),
            }
        }
        self.ranges.clone()
    }

    /// Takes the window's bytes, in the order asked for.
    pub(super) fn accept(&mut self, parts: Vec<Vec<u8>>) {
        self.parts = parts;
    }

    /// How many bytes the window's elements are, each counted.
    pub(super) fn window(&self) -> u64 {
        (self.places.len() as u64).saturating_mul(self.dtype.bits() / 8)
    }

    fn place(&self) -> u64 {
        let steps = self.index.iter().zip(&self.dimensions);
        steps.fold(self.base, |place, (&index, &(_, stride))| {
            place.saturating_add(index.saturating_mul(stride))
        })
    }

    fn advance(&mut self) {
        self.left = self.left.saturating_sub(1);
        for (index, &(size, _)) in self.index.iter_mut().zip(&self.dimensions).rev() {
            *index += 1;
            if *index < size {
                return;
            }
            *index = 0;
        }
    }
}

/// Elements in a window.
const WINDOW: usize = 32 << 10;
/// Bytes between elements that are fetched rather than skipped. With it a window
/// stays below a mebibyte.
const GAP: u64 = 16;

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn all(mut elements: Elements, bytes: &[u8]) -> (Vec<i64>, u64) {
        let (mut numbers, mut fetched) = (Vec::new(), 0);
        loop {
            while let Some(number) = elements.next_int() {
                numbers.push(number);
            }
            if elements.is_over() {
                return (numbers, fetched);
            }
            let ranges = elements.ask();
            fetched += ranges.iter().map(|range| range.length).sum::<u64>();
            let part = |range: &Range| {
                let start = usize::try_from(range.offset).unwrap();
                bytes[start..start + usize::try_from(range.length).unwrap()].to_vec()
            };
            elements.accept(ranges.iter().map(part).collect());
        }
    }

    #[test]
    fn elements_come_in_order_whatever_the_strides() {
        let bytes: Vec<u8> = (0..200_000i32).flat_map(i32::to_le_bytes).collect();
        for (dimensions, base) in [
            (vec![(100_000, 1)], 4),
            (vec![(50_000, 1), (3, 50_000)], 0),
            (vec![(3, 50_000), (50_000, 1)], 40),
            (vec![(50, 2), (10, 1000), (7, 0)], 0),
            (vec![(150, 1000)], 0),
            (vec![], 8),
            (vec![(0, 1)], 0),
        ] {
            let mut expected = vec![i64::try_from(base / 4).unwrap()];
            for &(size, stride) in &dimensions {
                let step =
                    |&at: &i64| (0..size).map(move |index| at + i64::try_from(index * stride).unwrap());
                expected = expected.iter().flat_map(step).collect();
            }
            let (numbers, fetched) = all(Elements::new(DType::Int32, false, base, &dimensions), &bytes);
            assert_eq!(numbers, expected, "{dimensions:?}");
            assert!(fetched <= (expected.len() as u64) * 24, "{dimensions:?}: {fetched}");
        }
    }
}
