//! What one file may cost whoever loads it, and whoever judges it.

/// What may still be spent on a file.
#[derive(Debug)]
pub(super) struct Budget {
    /// What may still be decompressed, in bytes, all children together.
    pub(super) inflatable: u64,
    /// What the file's bytes are good for.
    granted: Cost,
    /// What its readers spend.
    spent: Cost,
}

/// Bounds of time and memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cost {
    /// Nanoseconds.
    pub(super) time: u64,
    /// Bytes, all that is ever allocated.
    pub(super) memory: u64,
}

/// A file whose readers spend more than its bytes are good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Overdrawn {
    pub(super) spent: Cost,
    pub(super) granted: Cost,
}

impl Cost {
    pub(super) const fn new(time: u64, memory: u64) -> Self {
        Self { time, memory }
    }

    /// Both.
    pub(super) fn and(self, other: Self) -> Self {
        Self { time: self.time.saturating_add(other.time), memory: self.memory.saturating_add(other.memory) }
    }

    /// So many times this.
    pub(super) fn times(self, count: u64) -> Self {
        Self { time: self.time.saturating_mul(count), memory: self.memory.saturating_mul(count) }
    }
}

impl Budget {
    /// What a file of `length` bytes may cost before any of its pickles is looked at.
    pub(super) fn new(length: u64, inflatable: u64) -> Self {
        let granted = BASE.and(STORED.times(length));
        Self { inflatable, granted, spent: Cost::default() }
    }

    /// Bytes of a pickle as it is in the file.
    pub(super) fn grant_pickle(&mut self, bytes: u64) {
        self.granted = self.granted.and(PICKLE.times(bytes));
    }

    /// Bytes that are decompressed before anything is made of them.
    pub(super) fn grant_compressed(&mut self, bytes: u64) {
        self.granted = self.granted.and(COMPRESSED.times(bytes));
    }

    /// The time that is left.
    pub(super) fn time(&self) -> u64 {
        self.granted.time.saturating_sub(self.spent.time)
    }

    /// Spends. Once it is too much it stays so, for whoever asks: a report that is thrown away
    /// must not be the only one that says it.
    pub(super) fn spend(&mut self, cost: Cost) -> Result<(), Overdrawn> {
        self.spent = self.spent.and(cost);
        let Self { spent, granted, .. } = *self;
        let over = spent.time > granted.time || spent.memory > granted.memory;
        if over { Err(Overdrawn { spent, granted }) } else { Ok(()) }
    }
}

/// What any file may cost.
const BASE: Cost = Cost::new(4_000_000_000, 1 << 30);
/// What each byte of a file adds: its tensors are made, and copied while they are.
const STORED: Cost = Cost::new(0, 8);
/// What each byte of a pickle adds.
const PICKLE: Cost = Cost::new(2_000, 512);
/// The same where it is compressed, perhaps to a sixteenth.
const COMPRESSED: Cost = Cost::new(16_000, 512);
