//! Telling somebody what a rank waits for.

use std::fmt;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::error::Listed;

/// What a rank waits for: a server, or other ranks. Its text says so: `waiting for
/// ranks 1, 3 at tcp-store://node0:29500`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The ranks that have not come. None for a server that no rank is.
    pub ranks: Vec<usize>,
    /// Where they meet: `tcp-store://node0:29500`.
    pub place: String,
    /// Whether it is the server there that does not answer.
    pub server: bool,
}

/// Who is told of waits that are not short.
///
/// It is told after three seconds, and every thirty after that, from a thread of its
/// own, whatever the wait itself is stuck in.
///
/// ```
/// use strongroom::{BarrierConfig, LocalBarrierConfig, OnWait};
///
/// let config = BarrierConfig {
///     on_wait: OnWait::new(|waiting| eprintln!("{waiting}")),
///     ..BarrierConfig::local(&LocalBarrierConfig::default())
/// };
/// ```
#[derive(Clone, Default)]
pub struct OnWait(Option<Arc<Observer>>);

type Observer = dyn Fn(&Waiting) + Send + Sync;

/// How long a wait is nothing to talk about.
const FIRST: Duration = Duration::from_secs(3);
/// How long until it is told again.
const AGAIN: Duration = Duration::from_secs(30);

impl OnWait {
    /// Calls this with what is waited for.
    pub fn new(tell: impl Fn(&Waiting) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(tell)))
    }

    /// A wait begins. It ends when the answer is dropped.
    pub fn watch(&self, waiting: Waiting) -> Watch {
        let Some(tell) = self.0.clone() else { return Watch::default() };
        let waiting = Arc::new(Mutex::new(waiting));
        let seen = waiting.clone();
        let (stop, stopped) = mpsc::channel();
        let run = move || {
            let mut pause = FIRST;
            while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                pause = AGAIN;
                let now = seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
                tell(&now);
            }
        };
        // Without a thread the wait is as good, only silent.
        let thread = thread::Builder::new().name("barrier watch".into()).spawn(run).ok();
        Watch { waiting: Some(waiting), stop: Some(stop), thread }
    }
}

impl fmt::Debug for OnWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "OnWait(_)" } else { "OnWait(nobody)" })
    }
}

/// The same observer, or none.
impl PartialEq for OnWait {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

impl Eq for OnWait {}

/// A wait under way.
#[derive(Debug, Default)]
pub struct Watch {
    waiting: Option<Arc<Mutex<Waiting>>>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// These have not come yet.
    pub fn missing(&self, ranks: &[usize]) {
        self.now(ranks, false);
    }

    /// What is waited for now: ranks, or the server where they meet.
    pub fn now(&self, ranks: &[usize], server: bool) {
        if let Some(waiting) = &self.waiting {
            let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.server = server;
            if waiting.ranks != ranks {
                waiting.ranks = ranks.into();
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there was printed there.
            let _ = thread.join();
        }
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ranks, place, server } = self;
        let noun = if ranks.len() == 1 { "rank" } else { "ranks" };
        match (ranks.is_empty(), server) {
            (true, _) => write!(f, "waiting for {place} to answer"),
            (false, true) => write!(f, "waiting for {noun} {} to serve {place}", Listed(ranks)),
            (false, false) => write!(f, "waiting for {noun} {} at {place}", Listed(ranks)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_for_whom_and_where() {
        let text = |ranks: &[usize], server| {
            Waiting { ranks: ranks.into(), place: "tcp-store://node0:29500".into(), server }.to_string()
        };
        assert_eq!(text(&[0], true), "waiting for rank 0 to serve tcp-store://node0:29500");
        assert_eq!(text(&[1, 3], false), "waiting for ranks 1, 3 at tcp-store://node0:29500");
        assert_eq!(text(&[], true), "waiting for tcp-store://node0:29500 to answer");
        let many: Vec<usize> = (0..1000).collect();
        assert!(text(&many, false).len() < 400);
    }

    #[test]
    fn short_waits_are_not_told_and_long_ones_with_what_is_missing_then() {
        let (send, told) = mpsc::channel();
        let on_wait = OnWait::new(move |waiting| send.send(waiting.clone()).unwrap());
        let waiting = || Waiting { ranks: vec![1, 2], place: "here".into(), server: false };
        drop(on_wait.watch(waiting()));
        let watch = on_wait.watch(waiting());
        watch.missing(&[2]);
        let first = told.recv_timeout(FIRST * 3).unwrap();
        assert_eq!(first.ranks, [2]);
        drop(watch);
        assert!(told.try_recv().is_err());
    }
}
