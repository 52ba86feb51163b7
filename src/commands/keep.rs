//! Which old checkpoints are kept: what `save` and `prune` have in common.

use std::num::{NonZeroU64, NonZeroUsize};

use strongroom::Retention;

/// The options that say so.
#[derive(clap::Args)]
pub struct Keep {
    /// Keep the newest N checkpoints of the directory, and remove older ones
    #[arg(long, value_name = "N")]
    keep_last: Option<NonZeroUsize>,

    /// Keep also those whose number (100 for step-100) is a multiple of K
    #[arg(long, value_name = "K", requires = "keep_last")]
    keep_every: Option<NonZeroU64>,
}

impl Keep {
    /// What was asked for, if anything was.
    pub fn asked(&self) -> Option<Retention> {
        let keep_last = self.keep_last?;
        Some(Retention { keep_last, keep_every: self.keep_every })
    }
}
