//! Where the items of a file of a distributed checkpoint start: each is an archive, and nothing is
//! between them.
//!
//! An archive says at its end how long it is, so they are found from the last to the first:
//!
//! ```text
//! | local headers and data … | directory | (zip64 end, locator) | end record | <- the next starts here
//! ^ end - 22 - directory size - directory offset
//! ```

use alloc::vec::Vec;

use super::matching::Root;
use crate::step::Range;
use crate::validate::zip::displaced;
use crate::zip::records::{
    END_RECORD, END_RECORD_BYTES, EndRecord, LOCAL_HEADER, ZIP64_END_BYTES, ZIP64_LOCATOR_BYTES,
};
use crate::zip::windows::Windows;

/// An item of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Where it is in the file.
    pub range: Range,
    /// What its pickle builds, if that is understood.
    pub root: Option<Root>,
}

/// A walk over archives that lie end to end, from the last to the first.
#[derive(Debug)]
pub(in crate::validate) struct Walk {
    /// Where the items found so far start, the last first.
    starts: Vec<u64>,
    /// Where the next one to be found ends.
    end: u64,
    /// What is in hand of the bytes before that.
    held: Windows,
    /// What was asked for last.
    asked: Vec<Range>,
    most: usize,
}

/// How far a walk came.
#[derive(Debug)]
pub(in crate::validate) enum Walked {
    /// These bytes are needed.
    Fetch(Vec<Range>),
    /// All is known: the items that end the region, first to last, each with its range. What is
    /// before the first is no item; there is nothing before it where it starts at 0.
    Items(Vec<Range>),
}

impl Walk {
    /// A walk over a region, of which the items from `end` on are known. At most so many are found.
    pub(in crate::validate) fn new(end: u64, most: u32) -> Self {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        Self { starts: Vec::from([end]), end, held: Windows::default(), asked: Vec::new(), most }
    }

    /// The next state: what was fetched, in the order asked for; at first, nothing.
    pub(in crate::validate) fn resume(&mut self, parts: Vec<Vec<u8>>, length: u64) -> Walked {
        if !self.asked.is_empty() {
            self.held = Windows::new(&self.asked, parts);
            self.asked = Vec::new();
        }
        while self.end > 0 && self.starts.len() < self.most {
            let tail = Range::new(self.end.saturating_sub(RECORDS), self.end.min(RECORDS));
            let Some(bytes) = self.held.get(tail) else { return self.fetch(tail) };
            let Some(start) = start(bytes, tail.offset) else { break };
            let head = Range::new(start, LOCAL_HEADER.len() as u64);
            match self.held.get(head) {
                None => return self.fetch(head),
                Some(head) if head == LOCAL_HEADER => {}
                Some(_) => break,
            }
            self.starts.push(start);
            self.end = start;
        }
        let ends = core::iter::once(length).chain(self.starts.iter().copied());
        let mut items: Vec<Range> = ends
            .zip(self.starts.iter().copied())
            .map(|(end, start)| Range::new(start, end.saturating_sub(start)))
            .collect();
        items.reverse();
        Walked::Items(items)
    }

    /// Asks for a range, and for what is before it: small items lie close together.
    fn fetch(&mut self, range: Range) -> Walked {
        let end = self.end.max(range.end().unwrap_or(u64::MAX));
        let near = end.saturating_sub(WINDOW);
        // The start of a large item is far from its end.
        let asked = if range.offset >= near {
            Vec::from([Range::new(near, end.saturating_sub(near))])
        } else {
            let tail = Range::new(end.saturating_sub(RECORDS), end.min(RECORDS));
            let before = range.offset.saturating_sub(WINDOW);
            let head = Range::new(before, range.end().unwrap_or(range.offset).saturating_sub(before));
            Vec::from([head, tail])
        };
        self.asked.clone_from(&asked);
        Walked::Fetch(asked)
    }
}

/// Where the archive starts that these bytes, from `base` on, end.
fn start(tail: &[u8], base: u64) -> Option<u64> {
    let length = usize::try_from(END_RECORD_BYTES).ok()?;
    let record = tail.get(tail.len().checked_sub(length)?..)?;
    let fits = record.starts_with(&END_RECORD) && EndRecord::parse(record)?.comment == 0;
    displaced(tail, base).filter(|start| fits && *start < base.saturating_add(tail.len() as u64))
}

/// The records at the end of an archive.
const RECORDS: u64 = ZIP64_END_BYTES + ZIP64_LOCATOR_BYTES + END_RECORD_BYTES;
/// Bytes that are looked at together.
const WINDOW: u64 = 64 << 10;
