//! Whether a file of another kind ends as a zip archive does: readers of zip look
//! there first and care for nothing before.
//!
//! They find an archive by the last end record near the end, and its directory by what that
//! says: where it starts (miniz, which PyTorch reads with), or how long it is (Python's
//! zipfile); or by what the zip64 record says, whose locator is right before the end record.

use alloc::vec::Vec;

use crate::step::Range;
use crate::zip::records::{
    CENTRAL_ENTRY, END_RECORD, END_RECORD_BYTES, EndRecord, ZIP64_LOCATOR, ZIP64_LOCATOR_BYTES,
};
use crate::zip::windows::Windows;

/// What may be the end record of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// Where it is in the region.
    pub(super) at: u64,
    /// Whether it and its comment end with the region.
    pub(super) exact: bool,
    /// What tells whether it is one.
    proof: Proof,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    /// A locator of zip64 records is before it, or it is the end of an archive of nothing.
    Given,
    /// An entry of a directory is at one of these.
    Directory([u64; 2]),
}

/// The records in the last bytes of a region, and whether there are more than are looked at.
pub(super) fn candidates(tail: &[u8], tail_start: u64) -> (Vec<End>, bool) {
    let mut ends = Vec::new();
    let length = usize::try_from(END_RECORD_BYTES).unwrap_or(usize::MAX);
    for (at, bytes) in tail.windows(length).enumerate().rev() {
        let Some(record) = EndRecord::parse(bytes).filter(|_| bytes.starts_with(&END_RECORD)) else {
            continue;
        };
        if ends.len() >= MOST {
            return (ends, true);
        }
        let left = tail.len().saturating_sub(at).saturating_sub(length);
        let before = usize::try_from(ZIP64_LOCATOR_BYTES).ok().and_then(|bytes| at.checked_sub(bytes));
        let located =
            before.and_then(|before| tail.get(before..)).is_some_and(|b| b.starts_with(&ZIP64_LOCATOR));
        ends.extend(End::new(record, tail_start.saturating_add(at as u64), left, located));
    }
    (ends, false)
}

impl End {
    fn new(record: EndRecord, at: u64, left: usize, located: bool) -> Option<Self> {
        let exact = usize::from(record.comment) == left;
        let nothing = record.directory_size == 0 && record.entries == 0;
        let proof = match (located, nothing) {
            (true, _) => Proof::Given,
            (false, true) if exact => Proof::Given,
            (false, true) => return None,
            (false, false) => {
                let before = at.saturating_sub(record.directory_size.into());
                Proof::Directory([before, record.directory_offset.into()])
            }
        };
        Some(Self { at, exact, proof })
    }

    /// Whether it is the end of an archive, as far as these bytes tell.
    pub(super) fn is_proven(&self, windows: &Windows) -> bool {
        match self.proof {
            Proof::Given => true,
            Proof::Directory(places) => {
                let is_entry = |place: &u64| windows.get(entry(*place)) == Some(&CENTRAL_ENTRY[..]);
                places.iter().any(is_entry)
            }
        }
    }
}

/// The bytes that tell which of some records are ends.
pub(super) fn evidence(ends: &[End]) -> impl Iterator<Item = Range> + '_ {
    let places = ends.iter().filter_map(|end| match end.proof {
        Proof::Given => None,
        Proof::Directory(places) => Some(places),
    });
    places.flatten().map(entry)
}

/// The signature of a directory's entry there.
fn entry(place: u64) -> Range {
    Range::new(place, CENTRAL_ENTRY.len() as u64)
}

/// Bytes from the end in which readers look for an end record: with the longest comment, and
/// in pieces of 4 KiB, the first of which may lie before that (miniz).
pub(super) const TAIL: u64 = END_RECORD_BYTES + u16::MAX as u64 + (8 << 10);
/// Records that are looked at.
pub(super) const MOST: usize = 64;
