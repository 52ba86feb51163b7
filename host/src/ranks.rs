//! Ranks as threads of one process.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::{Error, Result};

/// Runs `work` as each of `world_size` ranks. If a rank fails, the ranks that
/// wait for it fail too, and the error is of the one that failed first.
pub(crate) fn run<T: Send>(
    world_size: usize,
    work: impl Fn(usize, &Barrier) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let barrier = Barrier::new(world_size);
    let rank = |rank: usize| {
        let leave = Leave { barrier: &barrier };
        let done = work(rank, &barrier);
        if done.is_ok() {
            std::mem::forget(leave);
        }
        done.map_err(|error| match error {
            Error::Rank { .. } => error,
            error => Error::Rank { rank, source: Box::new(error) },
        })
    };
    let results: Vec<Result<T>> = thread::scope(|scope| {
        let rank = &rank;
        let threads: Vec<_> = (0..world_size).map(|index| scope.spawn(move || rank(index))).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, Result<T>>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        threads.into_iter().map(join).collect()
    });
    let mut done = Vec::new();
    let mut abandoned = None;
    for result in results {
        match result {
            Ok(value) => done.push(value),
            Err(Error::Rank { source, .. }) if matches!(*source, Error::Abandoned) => {
                abandoned = Some(Error::Abandoned);
            }
            Err(error) => return Err(error),
        }
    }
    abandoned.map_or(Ok(done), Err)
}

/// Where all ranks of a process wait for each other, any number of times.
#[derive(Debug)]
pub(crate) struct Barrier {
    world_size: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    arrived: usize,
    round: u64,
    /// A rank is gone and will not come.
    broken: bool,
}

impl Barrier {
    fn new(world_size: usize) -> Self {
        Self { world_size, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Returns when all ranks have called it, or with an error when one is gone.
    pub(crate) fn wait(&self) -> Result<()> {
        let mut state = self.lock();
        state.arrived += 1;
        if state.arrived == self.world_size {
            state.arrived = 0;
            state.round += 1;
            self.changed.notify_all();
        }
        let round = state.round;
        let all = state.arrived == 0;
        if !all {
            let waiting = |state: &mut State| state.round == round && !state.broken;
            state = self.changed.wait_while(state, waiting).unwrap_or_else(PoisonError::into_inner);
        }
        if state.broken && !all && state.round == round { Err(Error::Abandoned) } else { Ok(()) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the others when a rank ends early, by error or by panic.
struct Leave<'b> {
    barrier: &'b Barrier,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.barrier.lock().broken = true;
        self.barrier.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn no_rank_passes_before_all_have_come() {
        let arrived = AtomicUsize::new(0);
        let ranks = run(4, |rank, barrier| {
            for round in 1..=100 {
                arrived.fetch_add(1, Ordering::SeqCst);
                barrier.wait()?;
                assert!(arrived.load(Ordering::SeqCst) >= 4 * round);
            }
            Ok(rank)
        });
        assert_eq!(ranks.unwrap(), [0, 1, 2, 3]);
    }

    #[test]
    fn a_rank_that_fails_is_named_and_nobody_waits_for_it() {
        let error = run(3, |rank, barrier| {
            if rank == 1 {
                return Err(Error::Value("the disk is on fire".into()));
            }
            barrier.wait()
        });
        assert_eq!(error.unwrap_err().to_string(), "rank 1: the disk is on fire");
    }
}
