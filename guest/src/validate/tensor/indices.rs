//! The indices of sparse tensors, by their bytes.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::elements::Elements;
use super::reading::Look;
use crate::validate::finding::Rule;

/// Indices that lead outside.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-TENSOR-INDICES",
    "indices that a sparse tensor cannot have",
    "Operations on sparse tensors use the indices as they are: one out of range reads or writes \
     memory that is not the tensor's. PyTorch refuses the file under weights_only.",
);

/// The indices of a tensor in coordinate form, entry by entry.
#[derive(Debug)]
pub(super) struct Coordinates {
    /// The sizes of the dimensions that are sparse.
    sizes: Vec<u64>,
    /// Whether the entries say they are sorted and distinct.
    coalesced: bool,
    before: Vec<u64>,
    current: Vec<u64>,
}

/// Offsets of rows, and the columns in each: or of columns, and the rows.
#[derive(Debug)]
pub(super) struct Compressed {
    /// How many rows there are.
    rows: u64,
    /// How many columns there are.
    columns: u64,
    /// Entries, in each batch.
    entries: u64,
    /// The row whose end is read next; 0 for the first offset.
    row: u64,
    /// Where the current row starts.
    start: u64,
    /// Where it ends, once read.
    end: Option<u64>,
    /// Entries of the batch seen.
    seen: u64,
    /// The last column of the current row.
    before: Option<u64>,
}

impl Coordinates {
    pub(super) fn new(sizes: Vec<u64>, coalesced: bool) -> Self {
        Self { sizes, coalesced, before: Vec::new(), current: Vec::new() }
    }

    /// Looks at what is there of the entries.
    pub(super) fn look(&mut self, indices: &mut Elements) -> Look {
        while let Some(index) = indices.next_int() {
            let size = self.sizes.get(self.current.len()).copied().unwrap_or_default();
            let Some(index) = u64::try_from(index).ok().filter(|&index| index < size) else {
                let dimension = self.current.len();
                return Look::Wrong(format!("index {index} in dimension {dimension} of {size}"));
            };
            self.current.push(index);
            if self.current.len() == self.sizes.len() {
                if self.coalesced && !self.before.is_empty() && self.before >= self.current {
                    return Look::Wrong("entries that say they are sorted and are not".into());
                }
                core::mem::swap(&mut self.before, &mut self.current);
                self.current.clear();
            }
        }
        if indices.is_over() { Look::Done } else { Look::More(0) }
    }
}

impl Compressed {
    pub(super) fn new(rows: u64, columns: u64, entries: u64) -> Self {
        Self { rows, columns, entries, row: 0, start: 0, end: None, seen: 0, before: None }
    }

    /// Looks at what is there of the rows and of the columns, in step.
    pub(super) fn look(&mut self, rows: &mut Elements, columns: &mut Elements) -> Look {
        loop {
            let Some(end) = self.end else {
                let Some(offset) = rows.next_int() else {
                    return if rows.is_over() { Look::Done } else { Look::More(0) };
                };
                if let Some(flaw) = self.row(offset) {
                    return Look::Wrong(flaw);
                }
                continue;
            };
            if self.seen == end {
                self.finish(end);
                continue;
            }
            let Some(column) = columns.next_int() else {
                // As many as the last offset says; there are no fewer.
                return if columns.is_over() { Look::Done } else { Look::More(1) };
            };
            if let Some(flaw) = self.column(column) {
                return Look::Wrong(flaw);
            }
        }
    }

    /// Takes the next offset of a row.
    fn row(&mut self, offset: i64) -> Option<String> {
        let row = self.row;
        let Some(end) = u64::try_from(offset).ok() else { return Some(format!("row offset {offset}")) };
        if row == 0 {
            if end != 0 {
                return Some(format!("a first row offset of {end}"));
            }
            (self.start, self.seen) = (0, 0);
            // A tensor without rows has one offset.
            self.row = if self.rows == 0 { 0 } else { 1 };
            let none = self.rows == 0 && self.entries > 0;
            return none.then(|| format!("{} entries in no row", self.entries));
        }
        if end < self.start || end.saturating_sub(self.start) > self.columns {
            let (start, columns) = (self.start, self.columns);
            return Some(format!("row offset {end} after {start}, in a tensor of {columns} columns"));
        }
        if end > self.entries || (row == self.rows && end != self.entries) {
            return Some(format!("row offset {end} of {} entries", self.entries));
        }
        self.end = Some(end);
        self.before = None;
        None
    }

    fn column(&mut self, column: i64) -> Option<String> {
        let Some(at) = u64::try_from(column).ok().filter(|&column| column < self.columns) else {
            return Some(format!("column {column} of {}", self.columns));
        };
        if self.before.is_some_and(|before| before >= at) {
            return Some(format!("column {at} after {}, in one row", self.before.unwrap_or_default()));
        }
        self.before = Some(at);
        self.seen = self.seen.saturating_add(1);
        None
    }

    /// The row is over; after the last one comes the next batch.
    fn finish(&mut self, end: u64) {
        self.end = None;
        self.start = end;
        self.row = if self.row == self.rows { 0 } else { self.row.saturating_add(1) };
    }
}
