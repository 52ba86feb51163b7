use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::flaw::Flaw;
use crate::Error;

/// What becomes of flaws.
#[derive(Debug)]
pub(super) enum Faults {
    /// The first ends the work.
    Strict,
    /// They are kept and the work goes on.
    Kept(Kept),
}

/// Flaws that were kept.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// What is wrong, as far as it was kept.
    pub(super) flaws: Vec<Flaw>,
    /// Where the calls are that something is wrong with.
    pub(super) calls: BTreeSet<u64>,
}

impl Faults {
    /// Takes a flaw; an error ends the work. A limit always does.
    pub(super) fn take(&mut self, flaw: Flaw) -> Result<(), Error> {
        match self {
            Self::Kept(_) if matches!(flaw.error, Error::Limit(_)) => Err(flaw.error),
            Self::Kept(kept) => {
                // More say nothing new, and a path for each would cost.
                if kept.flaws.len() < KEPT {
                    kept.flaws.push(flaw);
                }
                Ok(())
            }
            Self::Strict => Err(flaw.error),
        }
    }

    /// Notes that something is wrong with the call at an offset. False if that
    /// was known: a storage's flaw is met again wherever the storage is.
    pub(super) fn mark(&mut self, call: u64) -> bool {
        match self {
            Self::Strict => true,
            Self::Kept(kept) => kept.calls.insert(call),
        }
    }

    /// Whether there are as many as are kept.
    pub(super) fn is_full(&self) -> bool {
        matches!(self, Self::Kept(kept) if kept.flaws.len() >= KEPT)
    }

    /// Those that were kept.
    pub(super) fn into_kept(self) -> Kept {
        match self {
            Self::Strict => Kept::default(),
            Self::Kept(kept) => kept,
        }
    }
}

/// Flaws that are kept.
const KEPT: usize = 1000;
