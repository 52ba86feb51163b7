//! FNV-1a: the same everywhere, and enough, since equal hashes are only ever taken for
//! what may be equal.

use core::fmt;

/// The hash of what was written so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hash(pub(crate) u64);

impl Hash {
    /// That of nothing.
    pub(crate) const START: Self = Self(0xcbf2_9ce4_8422_2325);

    /// That of a text.
    pub(crate) fn of(text: &str) -> u64 {
        let mut hash = Self::START;
        hash.add(text);
        hash.0
    }

    fn add(&mut self, text: &str) {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

impl fmt::Write for Hash {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.add(text);
        Ok(())
    }
}

/// How many bytes were written so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Length(pub(crate) u64);

impl fmt::Write for Length {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = self.0.saturating_add(text.len() as u64);
        Ok(())
    }
}
