//! Random numbers that are the same in every run.

/// Marsaglia's xorshift of 64 bits, with the multiplication of xorshift64*.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// `seed` is not 0.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// One of `0..bound`; the bias of the modulo is of no account here.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32;
        usize::try_from(number).unwrap_or(usize::MAX) % bound.max(1)
    }
}
