use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;

use crate::Error;

/// Where bytes of a file lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Bytes from the start of the file.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
}

impl Range {
    /// `length` bytes from `offset`.
    pub fn new(offset: u64, length: u64) -> Self {
        Self { offset, length }
    }

    /// The first offset after the range, unless it overflows.
    pub fn end(&self) -> Option<u64> {
        self.offset.checked_add(self.length)
    }
}

/// Bytes the caller brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Bytes from the start of the file.
    pub offset: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// What a machine wants after one of its states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next<T> {
    /// These ranges: disjoint, inside the file. They reach the next state whole
    /// and in this order, as `parts`.
    Fetch(Vec<Range>),
    /// Nothing more: this is the result.
    Done(T),
}

/// Collects what was asked for, in whatever pieces it comes, so that no state of
/// any machine ever sees a part of a range.
///
/// A range's pieces come from its start on; ranges come in any order.
#[derive(Debug, Default)]
pub(crate) struct Gather {
    ranges: Vec<Range>,
    parts: Vec<Vec<u8>>,
    /// The next offset wanted, and which range wants it. Only incomplete ranges.
    wanted: BTreeMap<u64, usize>,
}

impl Gather {
    /// Asks for `ranges`, which must be disjoint.
    pub(crate) fn new(ranges: Vec<Range>) -> Result<Self, Error> {
        let mut wanted = BTreeMap::new();
        for (index, range) in ranges.iter().enumerate() {
            let twice = range.length > 0 && wanted.insert(range.offset, index).is_some();
            if twice || range.end().is_none() {
                return Err(Error::misuse(format!("a range at {} was asked for twice", range.offset)));
            }
        }
        let parts = ranges.iter().map(|_| Vec::new()).collect();
        Ok(Self { ranges, parts, wanted })
    }

    /// Takes a piece of what was asked for.
    pub(crate) fn accept(&mut self, chunk: Chunk) -> Result<(), Error> {
        let Chunk { offset, bytes } = chunk;
        let length = bytes.len() as u64;
        let unasked = || Error::misuse(format!("{length} bytes at {offset} were not asked for"));
        let index = self.wanted.remove(&offset).ok_or_else(unasked)?;
        let (range, part) = match (self.ranges.get(index), self.parts.get_mut(index)) {
            (Some(range), Some(part)) => (range, part),
            _ => return Err(unasked()),
        };
        let missing = range.length - part.len() as u64;
        if length > missing {
            return Err(unasked());
        }
        if part.is_empty() {
            *part = bytes;
        } else {
            part.extend_from_slice(&bytes);
        }
        if length < missing {
            self.wanted.insert(offset + length, index);
        }
        Ok(())
    }

    /// Whether nothing was asked for.
    pub(crate) fn is_idle(&self) -> bool {
        self.ranges.is_empty()
    }

    /// What has not come yet.
    pub(crate) fn missing(&self) -> Vec<Range> {
        self.wanted
            .iter()
            .filter_map(|(&offset, &index)| {
                let end = self.ranges.get(index)?.end()?;
                Some(Range::new(offset, end - offset))
            })
            .collect()
    }

    /// The parts, in the order they were asked for.
    pub(crate) fn into_parts(self) -> Vec<Vec<u8>> {
        self.parts
    }
}

/// How bytes are fetched whose end only they tell: a window at a time, wider each time.
#[derive(Debug)]
pub(crate) struct Window(u64);

impl Default for Window {
    fn default() -> Self {
        Self(FIRST)
    }
}

impl Window {
    /// Bytes to fetch next, where at least `missing` are needed and `left` are there.
    pub(crate) fn next(&mut self, missing: u64, left: u64) -> u64 {
        let length = missing.max(self.0).min(left);
        self.0 = self.0.saturating_mul(2).min(WIDEST);
        length
    }
}

/// The first window: most pickles fit.
const FIRST: u64 = 64 << 10;
/// The widest window.
const WIDEST: u64 = 1 << 20;
