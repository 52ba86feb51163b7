use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;

use super::Value;
use super::flaw::Flaw;

/// Values a pickle put aside, under indexes of its own choice.
///
/// Picklers count from 0, so the start is a vector. A hostile file may choose
/// any index: what lies beyond the vector costs what one entry costs.
#[derive(Debug)]
pub(super) struct Memo {
    dense: Vec<Value>,
    /// Indexes greater than the length of `dense`.
    sparse: BTreeMap<u64, Value>,
    limit: u32,
}

impl Memo {
    /// An empty memo of at most `limit` entries.
    pub(super) fn new(limit: u32) -> Self {
        Self { dense: Vec::new(), sparse: BTreeMap::new(), limit }
    }

    /// How many entries there are, which is what MEMOIZE takes for an index.
    pub(super) fn len(&self) -> u64 {
        (self.dense.len() as u64).saturating_add(self.sparse.len() as u64)
    }

    /// Puts a value aside, over what was there.
    pub(super) fn put(&mut self, index: u64, value: Value) -> Result<(), Flaw> {
        if let Some(slot) = self.slot(index) {
            *slot = value;
            return Ok(());
        }
        if self.len() >= u64::from(self.limit) {
            return Err(Flaw::Limit("memo", u64::from(self.limit)));
        }
        if index == self.dense.len() as u64 {
            self.dense.push(value);
            self.join();
        } else {
            self.sparse.insert(index, value);
        }
        Ok(())
    }

    /// The value under an index.
    pub(super) fn get(&self, index: u64) -> Result<Value, Flaw> {
        let dense = usize::try_from(index).ok().and_then(|index| self.dense.get(index));
        let value = dense.or_else(|| self.sparse.get(&index)).copied();
        value.ok_or_else(|| Flaw::malformed("a memo entry", format!("none at {index}")))
    }

    fn slot(&mut self, index: u64) -> Option<&mut Value> {
        if index < self.dense.len() as u64 {
            return self.dense.get_mut(usize::try_from(index).ok()?);
        }
        if self.sparse.is_empty() { None } else { self.sparse.get_mut(&index) }
    }

    /// Moves entries that have become adjacent into the vector.
    fn join(&mut self) {
        while let Some(entry) = self.sparse.first_entry() {
            if *entry.key() != self.dense.len() as u64 {
                return;
            }
            self.dense.push(entry.remove());
        }
    }
}
