use crate::pickle::Graph;
use crate::{Error, Limits};

/// Runs a pickle's instructions as its bytes arrive.
///
/// Call [`feed`](Self::feed) with the bytes in order, in pieces of any size,
/// until it answers [`Progress::Done`]; then [`finish`](Self::finish).
#[derive(Debug)]
pub struct Machine {}

/// How far a [`Machine`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Not at the end. The next instruction cannot run before this many more
    /// bytes have come; at least 1.
    More(u64),
    /// STOP was reached after this many bytes of the pickle, STOP included.
    Done(u64),
}

impl Machine {
    /// A machine for a pickle that starts at `offset` of its file, in `part`.
    pub fn new(_offset: u64, _part: &str, _limits: &Limits) -> Self {
        Self {}
    }

    /// Takes the pickle's next bytes and runs all whole instructions.
    pub fn feed(&mut self, _bytes: &[u8]) -> Result<Progress, Error> {
        Ok(Progress::More(1))
    }

    /// What the pickle built. An error before [`Progress::Done`].
    pub fn finish(self) -> Result<Graph, Error> {
        Err(Error::misuse("stub"))
    }
}
