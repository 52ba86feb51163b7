//! Output that has an end, whatever a file asks to be shown.

use std::fmt;
use std::io::{self, Write};

/// Output of at most so many bytes.
pub struct Capped<'o> {
    out: &'o mut dyn Write,
    left: usize,
    most: usize,
}

/// More was to be written than may be.
#[derive(Debug)]
pub struct TooMuch(usize);

impl<'o> Capped<'o> {
    /// Writes to `out`.
    pub fn new(out: &'o mut dyn Write, most: usize) -> Self {
        Self { out, left: most, most }
    }
}

impl Write for Capped<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.left = self.left.checked_sub(bytes.len()).ok_or_else(|| io::Error::other(TooMuch(self.most)))?;
        self.out.write_all(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl fmt::Display for TooMuch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the output is longer than the {} bytes of --max-output", super::grouped(self.0 as u64))
    }
}

impl std::error::Error for TooMuch {}
