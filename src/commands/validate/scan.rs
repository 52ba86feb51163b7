//! Files judged by all cores, reports in the order of the files.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::Result;
use strongroom::{Report, ValidateOptions, validate_distributed_in, validate_in, validate_set_in};

use super::walk::Subject;
use crate::context::Context;
use crate::progress::Progress;

/// Judges all subjects, and hands their reports on as they are ready.
pub fn run(
    context: &Context,
    subjects: &[Subject],
    options: &ValidateOptions,
    mut take: impl FnMut(&mut dyn Iterator<Item = Report>) -> io::Result<()>,
) -> Result<()> {
    let finished = Arc::new(AtomicU64::new(0));
    let _progress = progress(context, subjects, options, &finished);
    let judge = |subject: &Subject| {
        let report = judge(context, subject, options);
        finished.fetch_add(subject.length, Ordering::Relaxed);
        report
    };
    let workers = match subjects.len() {
        // Asking the system takes longer than judging a file.
        ..=1 => 1,
        files => thread::available_parallelism().map_or(1, usize::from).min(files),
    };
    let failed = Mutex::new(None);
    // What could not even be started ends all.
    let keep = |report: Result<Report>| report.map_err(|error| *lock(&failed) = Some(error)).ok();
    if workers < 2 {
        let mut reports = subjects.iter().map_while(|subject| keep(judge(subject)));
        take(&mut reports)?;
    } else {
        let queue = Queue::new(subjects.len());
        thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| queue.work(|index| subjects.get(index).map(&judge)));
            }
            let mut reports = queue.reports().map_while(keep);
            take(&mut reports)
        })?;
    }
    failed.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

fn judge(context: &Context, subject: &Subject, options: &ValidateOptions) -> Result<Report> {
    let Context { engine, store, .. } = context;
    let set = match subject.is_set {
        true => validate_set_in(engine, store, &subject.path, options)?,
        false => None,
    };
    // A record that has gone leaves a directory, which is no file to read.
    Ok(match (set, &subject.checkpoint) {
        (Some(report), _) => report,
        (None, Some(checkpoint)) => {
            validate_distributed_in(engine, store, checkpoint, &subject.path, options)?
        }
        (None, None) => validate_in(engine, store, &subject.path, options)?,
    })
}

/// Shows how far it is, while the answer lives: by what was read if all is, else by
/// the files that are done.
fn progress(
    context: &Context,
    subjects: &[Subject],
    options: &ValidateOptions,
    finished: &Arc<AtomicU64>,
) -> Progress {
    let total = subjects.iter().map(|subject| subject.length).sum();
    let (meter, finished, deep) = (context.store.meter().clone(), finished.clone(), options.deep);
    Progress::start("validating", total, move || match deep {
        true => meter.read(),
        false => finished.load(Ordering::Relaxed),
    })
}

/// Work that is handed out in order and comes back in order.
struct Queue<T> {
    length: usize,
    next: AtomicUsize,
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    /// What came back before its turn.
    done: BTreeMap<usize, T>,
    /// How many were taken.
    taken: usize,
    stopped: bool,
}

impl<T> Queue<T> {
    fn new(length: usize) -> Self {
        let state = State { done: BTreeMap::new(), taken: 0, stopped: false };
        Self { length, next: AtomicUsize::new(0), state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Works until there is nothing left to do, or nobody who wants it.
    fn work(&self, work: impl Fn(usize) -> Option<T>) {
        let ends = Ends(self);
        loop {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            if index >= self.length || !self.may_begin(index) {
                break;
            }
            let Some(done) = work(index) else { break };
            lock(&self.state).done.insert(index, done);
            self.changed.notify_all();
        }
        std::mem::forget(ends);
    }

    /// Waits until what is done and not taken leaves room for more.
    fn may_begin(&self, index: usize) -> bool {
        let far = |state: &mut State<T>| index >= state.taken + AHEAD && !state.stopped;
        let state = self.changed.wait_while(lock(&self.state), far);
        !state.unwrap_or_else(PoisonError::into_inner).stopped
    }

    /// What was done, in order. Dropped, it ends all work.
    fn reports(&self) -> Reports<'_, T> {
        Reports(Ends(self))
    }

    fn stop(&self) {
        lock(&self.state).stopped = true;
        self.changed.notify_all();
    }
}

/// Ends all work when it is dropped: in a worker, when that panics.
struct Ends<'q, T>(&'q Queue<T>);

impl<T> Drop for Ends<'_, T> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

struct Reports<'q, T>(Ends<'q, T>);

impl<T> Iterator for Reports<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        let queue = self.0.0;
        let early = |state: &mut State<T>| {
            state.taken < queue.length && !state.done.contains_key(&state.taken) && !state.stopped
        };
        let state = queue.changed.wait_while(lock(&queue.state), early);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        let taken = state.taken;
        let report = state.done.remove(&taken)?;
        state.taken += 1;
        drop(state);
        queue.changed.notify_all();
        Some(report)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reports that may wait for one that takes long.
const AHEAD: usize = 256;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_takes_long_comes_in_its_turn_and_holds_the_others_back() {
        let queue = Queue::new(3 * AHEAD);
        let begun = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    queue.work(|index| {
                        begun.fetch_max(index, Ordering::SeqCst);
                        if index == 0 {
                            thread::sleep(Duration::from_millis(200));
                            assert!(begun.load(Ordering::SeqCst) < AHEAD + 4);
                        }
                        Some(index)
                    });
                });
            }
            assert!(queue.reports().eq(0..3 * AHEAD));
        });
    }

    #[test]
    fn who_has_seen_enough_ends_the_work() {
        let queue = Queue::new(usize::MAX);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| queue.work(Some));
            }
            assert_eq!(queue.reports().nth(1000), Some(1000));
        });
    }
}
