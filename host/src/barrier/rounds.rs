use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Barrier;
use crate::Result;

/// How often this rank has met the others. All ranks count alike, so that one that is
/// ahead does not mix with one that is behind.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    /// The number of the next round.
    next: AtomicU64,
    /// The first round whose notes are still on the board.
    kept: AtomicU64,
}

impl Rounds {
    /// The number of a round that begins.
    pub(crate) fn begin(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Counts on from here.
    pub(crate) fn resume_at(&self, round: u64) {
        if self.next.swap(round, Ordering::Relaxed) != round {
            // The notes of those before are another handle's.
            self.kept.store(round, Ordering::Relaxed);
        }
    }

    /// Forgets the rounds before one to which all ranks have come: they are done with
    /// those, well or not. That this rank is done with them says nothing of others.
    pub(crate) fn all_came_to(&self, round: u64, forget: impl Fn(u64) -> Result<()>) {
        for past in self.kept.swap(round, Ordering::Relaxed)..round {
            // What is left on the board is in nobody's way.
            let _ = forget(past);
        }
    }

    /// One round of [`Barrier::execute_barrier`].
    pub(super) fn execute(&self, barrier: &dyn Barrier, timeout: Duration) -> Result<()> {
        let topic = |round: u64| format!("barrier/{round}");
        let round = self.begin();
        barrier.announce(&topic(round), &[])?;
        let all: Vec<usize> = (0..barrier.rank_info().global_world_size).collect();
        barrier.collect(&topic(round), &all, timeout)?;
        self.all_came_to(round, |past| barrier.forget(&topic(past)));
        Ok(())
    }
}
