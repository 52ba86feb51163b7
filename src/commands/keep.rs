//! Which old checkpoints are kept: what `save` and `prune` have in common.

use std::num::{NonZeroU64, NonZeroUsize};

use strongroom::{Pattern, Retention};

/// The options that say so.
#[derive(clap::Args)]
pub struct Keep {
    /// Keep the newest N checkpoints of a family, and remove older ones
    ///
    /// A family is what differs only in the number of its name: step-100 and step-200, or
    /// step-100-fp16 and step-200-fp16. The number is the last that stands by itself, or
    /// else the one at the end. A checkpoint with files that are not its own is not
    /// removed, nor one that a link leads into, that is being read, or that the user may not
    /// delete, and a note says so.
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    keep_last: Option<NonZeroUsize>,

    /// With --keep-last: keep also those whose number (100 for step-100) is a multiple of K
    #[arg(long, value_name = "K", requires = "keep_last")]
    keep_every: Option<NonZeroU64>,

    /// With --keep-last: count, and remove, what has names like this, a glob, rather than each
    /// family
    #[arg(long, value_name = "PATTERN", requires = "keep_last")]
    keep_in: Option<Pattern>,
}

impl Keep {
    /// What was asked for, if anything was.
    pub fn asked(&self) -> Option<Retention> {
        let keep_last = self.keep_last?;
        Some(Retention { keep_last, keep_every: self.keep_every, keep_in: self.keep_in.clone() })
    }
}

/// The newest of a family always stays.
fn at_least_one(text: &str) -> Result<NonZeroUsize, String> {
    let number: usize = text.parse().map_err(|error: std::num::ParseIntError| error.to_string())?;
    NonZeroUsize::new(number).ok_or_else(|| "at least 1 is kept".into())
}
