//! Whether a file of another kind ends as a zip archive does: readers of zip look
//! there first and care for nothing before.

use alloc::vec::Vec;

use crate::step::Range;

/// What may be the end record of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// Where it is in the region.
    pub(super) at: u64,
    /// Whether it and its comment end with the region.
    pub(super) exact: bool,
    /// Where its directory would start; none if there is nothing in it.
    directory: Option<u64>,
}

/// The records in the last bytes of a region, the last one first.
pub(super) fn candidates(tail: &[u8], tail_start: u64) -> Vec<End> {
    let mut ends = Vec::new();
    for (at, record) in tail.windows(RECORD).enumerate().rev().filter(|(_, bytes)| bytes.starts_with(MAGIC)) {
        let left = tail.len().saturating_sub(at).saturating_sub(RECORD);
        if let Some(end) = End::new(record, tail_start.saturating_add(at as u64), left)
            && ends.len() < MOST
        {
            ends.push(end);
        }
    }
    ends
}

impl End {
    fn new(record: &[u8], at: u64, left: usize) -> Option<Self> {
        let half = |at: usize| Some(u16::from_le_bytes(*record.get(at..)?.first_chunk()?));
        let size = u32::from_le_bytes(*record.get(12..)?.first_chunk()?);
        let exact = usize::from(half(20)?) == left;
        if size == 0 && half(10)? == 0 {
            return exact.then_some(Self { at, exact, directory: None });
        }
        // In zip64 the size is in another record, of 56 bytes, and between the two
        // is a third one of 20.
        let before = if size == u32::MAX { 76 } else { u64::from(size) };
        Some(Self { at, exact, directory: Some(at.checked_sub(before)?) })
    }

    /// The bytes that tell whether the directory is there.
    pub(super) fn proof(&self) -> Option<Range> {
        self.directory.map(|start| Range::new(start, PROOF))
    }
}

/// Those of different directories: what tells of one is not asked for twice.
pub(super) fn distinct(mut ends: Vec<End>) -> Vec<End> {
    ends.sort_unstable_by_key(|end| end.directory);
    let same = |next: &mut End, end: &mut End| match (next.directory, end.directory) {
        (Some(next), Some(end)) => next < end.saturating_add(PROOF),
        _ => false,
    };
    ends.dedup_by(same);
    ends
}

/// Whether these bytes start a directory.
pub(super) fn is_directory(bytes: &[u8]) -> bool {
    bytes == b"PK\x01\x02" || bytes == b"PK\x06\x06"
}

/// Bytes from the end in which an end record can be, with the longest comment.
pub(super) const TAIL: u64 = 22 + 65_535;
/// Bytes of a record without its comment.
const RECORD: usize = 22;
/// Bytes that tell a directory.
const PROOF: u64 = 4;
const MAGIC: &[u8] = b"PK\x05\x06";
/// Records that are looked at.
const MOST: usize = 16;
