use super::float::{Count, Special};
use super::sum;
use crate::DType;

/// The parts of a storage that are looked at as elements of one dtype.
///
/// Views may overlap in any number: bytes are counted once, between one end of a
/// view and the next, and the sum over a view is the difference of two sums.
pub(super) struct Intervals {
    /// Which storage.
    pub(super) storage: usize,
    /// What its elements are.
    pub(super) dtype: DType,
    count: Count,
    /// Where views begin and end: bytes from the start of the storage, ascending.
    edges: Vec<u64>,
}

impl Intervals {
    /// Those of views that begin and end at `edges`.
    pub(super) fn new(storage: usize, dtype: DType, count: Count, mut edges: Vec<u64>) -> Self {
        edges.sort_unstable();
        edges.dedup();
        Self { storage, dtype, count, edges }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.edges.len().saturating_sub(1)
    }

    /// Counts what of `bytes`, which start at `start` of the storage, is in each
    /// interval, and adds what is special.
    pub(super) fn count(&self, start: u64, bytes: &[u8], mut add: impl FnMut(usize, Special)) {
        let end = start.saturating_add(bytes.len() as u64);
        let first = self.edges.partition_point(|&edge| edge <= start).saturating_sub(1);
        for (index, ends) in self.edges.windows(2).enumerate().skip(first) {
            let [from, to] = [ends[0].max(start), ends[1].min(end)];
            if ends[0] >= end {
                break;
            }
            let range = usize::try_from(from.saturating_sub(start))
                .ok()
                .zip(usize::try_from(to.saturating_sub(start)).ok());
            let special =
                range.and_then(|(from, to)| bytes.get(from..to)).map_or_else(Special::default, self.count);
            if special != Special::default() {
                add(index, special);
            }
        }
    }

    /// Sums up to each edge, from counts of the intervals.
    pub(super) fn sums(&self, counts: &[Special]) -> Vec<Special> {
        let mut total = Special::default();
        let mut sums = vec![total];
        sums.extend(counts.iter().map(|&count| {
            total = sum(total, count);
            total
        }));
        sums
    }

    /// What is special between two edges.
    pub(super) fn between(&self, sums: &[Special], start: u64, end: u64) -> Special {
        let at = |edge| {
            self.edges
                .binary_search(&edge)
                .ok()
                .and_then(|index| sums.get(index))
                .copied()
                .unwrap_or_default()
        };
        let (before, after) = (at(start), at(end));
        Special { nan: after.nan.saturating_sub(before.nan), inf: after.inf.saturating_sub(before.inf) }
    }
}
