use alloc::vec::Vec;

use super::Value;
use super::flaw::Flaw;
use super::heap::Time;

/// The machine's stack. Instructions see no deeper than the topmost mark.
#[derive(Debug, Default)]
pub(super) struct Stack {
    values: Vec<Value>,
    /// For each value, when it came to its place.
    since: Vec<Time>,
    /// How many values lie under each mark, outermost mark first.
    marks: Vec<usize>,
    /// The last of the marks, or 0: values below are out of reach.
    fence: usize,
}

impl Stack {
    /// Puts a value on top.
    pub(super) fn push(&mut self, value: Value, now: Time) {
        self.values.push(value);
        self.since.push(now);
    }

    /// Takes the top value.
    pub(super) fn pop(&mut self) -> Result<Value, Flaw> {
        if self.values.len() <= self.fence {
            return Err(self.underflow());
        }
        self.since.pop();
        self.values.pop().ok_or_else(|| self.underflow())
    }

    /// How many values there are, below all marks too.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// How many marks there are.
    pub(super) fn marks(&self) -> usize {
        self.marks.len()
    }

    /// The top value.
    pub(super) fn top(&self) -> Result<Value, Flaw> {
        self.under(self.values.len())
    }

    /// Sets a mark.
    pub(super) fn mark(&mut self) {
        self.fence = self.values.len();
        self.marks.push(self.fence);
    }

    /// Takes the topmost mark away and says where the values above it start.
    pub(super) fn unmark(&mut self) -> Result<usize, Flaw> {
        let start = self.marks.pop().ok_or_else(|| Flaw::malformed("a mark", "none on the stack"))?;
        self.fence = self.marks.last().copied().unwrap_or(0);
        Ok(start)
    }

    /// Takes the top value, or the mark if that is on top.
    pub(super) fn pop_value_or_mark(&mut self) -> Result<Option<Value>, Flaw> {
        if self.marks.last() == Some(&self.values.len()) {
            self.unmark().map(|_| None)
        } else {
            self.pop().map(Some)
        }
    }

    /// When the value just under `start` came to its place.
    pub(super) fn since_under(&self, start: usize) -> Time {
        start.checked_sub(1).and_then(|below| self.since.get(below)).copied().unwrap_or_default()
    }

    /// Where the top `count` values start.
    pub(super) fn last(&self, count: usize) -> Result<usize, Flaw> {
        let start = self.values.len().checked_sub(count).filter(|&start| start >= self.fence);
        start.ok_or_else(|| self.underflow())
    }

    /// The value just under `start`.
    pub(super) fn under(&self, start: usize) -> Result<Value, Flaw> {
        let below = start.checked_sub(1).filter(|&below| below >= self.fence);
        below.and_then(|below| self.values.get(below)).copied().ok_or_else(|| self.underflow())
    }

    /// The values from `start` to the top.
    pub(super) fn from(&self, start: usize) -> &[Value] {
        self.values.get(start..).unwrap_or_default()
    }

    /// Drops the values from `start` to the top.
    pub(super) fn cut(&mut self, start: usize) {
        self.values.truncate(start);
        self.since.truncate(start);
    }

    /// Takes the values from `start` to the top. The new vector is exactly as
    /// large as they are, however large the stack once was.
    pub(super) fn take(&mut self, start: usize) -> Vec<Value> {
        let taken = self.from(start).to_vec();
        self.cut(start);
        taken
    }

    fn underflow(&self) -> Flaw {
        let found = if self.marks.is_empty() { "too few on the stack" } else { "too few above the mark" };
        Flaw::malformed("values", found)
    }
}
