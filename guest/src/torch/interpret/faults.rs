use alloc::vec::Vec;

use super::flaw::Flaw;
use crate::Error;

/// What becomes of flaws.
#[derive(Debug)]
pub(super) enum Faults {
    /// The first ends the work.
    Strict,
    /// They are kept and the work goes on.
    Kept(Vec<Flaw>),
}

impl Faults {
    /// Takes a flaw; an error ends the work. A limit always does.
    pub(super) fn take(&mut self, flaw: Flaw) -> Result<(), Error> {
        match self {
            Self::Kept(_) if matches!(flaw.error, Error::Limit(_)) => Err(flaw.error),
            Self::Kept(kept) => {
                // More say nothing new, and a path for each would cost.
                if kept.len() < KEPT {
                    kept.push(flaw);
                }
                Ok(())
            }
            Self::Strict => Err(flaw.error),
        }
    }

    /// Whether there are as many as are kept.
    pub(super) fn is_full(&self) -> bool {
        matches!(self, Self::Kept(kept) if kept.len() >= KEPT)
    }

    /// Those that were kept.
    pub(super) fn into_kept(self) -> Vec<Flaw> {
        match self {
            Self::Strict => Vec::new(),
            Self::Kept(kept) => kept,
        }
    }
}

/// Flaws that are kept.
const KEPT: usize = 1000;
