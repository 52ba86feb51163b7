use alloc::vec::Vec;

use crate::step::Range;

/// The bytes of a file that are in hand.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    /// Disjoint and sorted by offset.
    held: Vec<(u64, Vec<u8>)>,
}

impl Windows {
    /// What was fetched for `ranges`, which are sorted and disjoint.
    pub(crate) fn new(ranges: &[Range], parts: Vec<Vec<u8>>) -> Self {
        Self { held: ranges.iter().map(|range| range.offset).zip(parts).collect() }
    }

    /// The bytes of `range`, if all are held.
    pub(crate) fn get(&self, range: Range) -> Option<&[u8]> {
        let after = self.held.partition_point(|(offset, _)| *offset <= range.offset);
        let (offset, bytes) = self.held.get(after.checked_sub(1)?)?;
        let start = usize::try_from(range.offset.checked_sub(*offset)?).ok()?;
        let end = start.checked_add(usize::try_from(range.length).ok()?)?;
        bytes.get(start..end)
    }
}

/// The fewest ranges that cover `wanted`, sorted and disjoint. Ranges a short
/// gap apart become one: a request costs more than a few bytes.
pub(crate) fn merge(mut wanted: Vec<Range>) -> Vec<Range> {
    wanted.sort_unstable_by_key(|range| range.offset);
    let mut merged: Vec<Range> = Vec::new();
    for range in wanted {
        let end = range.offset.saturating_add(range.length);
        match merged.last_mut() {
            Some(last) if range.offset <= last.offset.saturating_add(last.length).saturating_add(GAP) => {
                last.length = last.length.max(end.saturating_sub(last.offset));
            }
            _ => merged.push(range),
        }
    }
    merged
}

/// Large enough to join the records of many scalars, small enough that a
/// million records cost no memory worth naming.
const GAP: u64 = 256;

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn ranges_that_overlap_or_nearly_touch_become_one() {
        let wanted =
            vec![Range::new(1000, 10), Range::new(0, 50), Range::new(20, 10), Range::new(60 + GAP, 4)];
        assert_eq!(merge(wanted.clone()), [Range::new(0, 50), Range::new(60 + GAP, 4), Range::new(1000, 10)]);
        let nearer = vec![Range::new(0, 50), Range::new(50 + GAP, 4)];
        assert_eq!(merge(nearer), [Range::new(0, 54 + GAP)]);
    }

    #[test]
    fn only_whole_ranges_are_in_hand() {
        let windows = Windows::new(&[Range::new(10, 3), Range::new(20, 2)], vec![vec![1, 2, 3], vec![4, 5]]);
        assert_eq!(windows.get(Range::new(11, 2)), Some(&[2, 3][..]));
        assert_eq!(windows.get(Range::new(21, 1)), Some(&[5][..]));
        assert_eq!(windows.get(Range::new(13, 0)), Some(&[][..]));
        for missing in [Range::new(9, 1), Range::new(12, 2), Range::new(20, 3), Range::new(u64::MAX, 1)] {
            assert_eq!(windows.get(missing), None, "{missing:?}");
        }
    }
}
