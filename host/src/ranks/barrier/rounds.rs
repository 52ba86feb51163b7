use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::Barrier;
use crate::Result;

/// How often this rank has met the others. All ranks count alike, so that one that is
/// ahead does not mix with one that is behind.
#[derive(Debug, Default)]
pub struct Rounds {
    /// The number of the next round.
    next: AtomicU64,
    /// The first round whose notes are still on the board.
    kept: AtomicU64,
    /// Whether the last round was over when this rank came to it.
    missed: AtomicBool,
}

/// What another rank has left of a round.
pub(crate) enum Left {
    /// Nothing yet.
    Nothing,
    /// It is there still.
    Open,
    /// It has given up what this rank comes to.
    Over,
    /// It has given up something else.
    Other,
}

impl Rounds {
    /// The number of a round that begins.
    pub(crate) fn begin(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// The number of a round that begins, for a rank that may not have been at all those
    /// before: what another has `left` of them says how far the ranks are.
    ///
    /// A round of its own that the others have given up is joined, for who is late is to
    /// hear why. But not twice in turn: who is one behind would stay so.
    pub(crate) fn begin_with(&self, left: impl Fn(u64) -> Left) -> u64 {
        loop {
            let round = self.begin();
            let missed = match left(round) {
                Left::Nothing | Left::Open => false,
                Left::Over => true,
                Left::Other => continue,
            };
            if !(self.missed.swap(missed, Ordering::Relaxed) && missed) {
                return round;
            }
            self.missed.store(false, Ordering::Relaxed);
        }
    }

    /// Counts on from here, but never back: what is on the board of a round that was is
    /// not said anew.
    pub(crate) fn resume_at(&self, round: u64) {
        if self.next.fetch_max(round, Ordering::Relaxed) < round {
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
    pub fn execute(&self, barrier: &dyn Barrier, timeout: Duration) -> Result<()> {
        let topic = |round: u64| format!("barrier/{round}");
        let round = self.begin();
        barrier.announce(&topic(round), &[])?;
        let all: Vec<usize> = (0..barrier.rank_info().global_world_size).collect();
        barrier.collect(&topic(round), &all, timeout)?;
        self.all_came_to(round, |past| barrier.forget(&topic(past)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rank_that_is_behind_goes_on_to_where_the_others_are() {
        let rounds = Rounds::default();
        let left = |round| if round < 3 { Left::Other } else { Left::Open };
        assert_eq!(rounds.begin_with(left), 3);
        assert_eq!(rounds.begin_with(|_| Left::Nothing), 4);
    }

    #[test]
    fn a_round_that_is_over_is_joined_once_and_passed_by_the_next_time() {
        let rounds = Rounds::default();
        assert_eq!(rounds.begin_with(|_| Left::Over), 0);
        let left = |round| if round < 3 { Left::Over } else { Left::Nothing };
        assert_eq!(rounds.begin_with(left), 2);
        assert_eq!(rounds.begin_with(left), 3);
    }

    #[test]
    fn it_never_counts_back() {
        let rounds = Rounds::default();
        rounds.resume_at(7);
        assert_eq!(rounds.begin(), 7);
        rounds.resume_at(3);
        assert_eq!(rounds.begin(), 8);
    }
}
