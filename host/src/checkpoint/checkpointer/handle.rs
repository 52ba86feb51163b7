use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::{Error, Result};

/// Something that goes on in the background: waited for with or without a
/// timeout, polled, or awaited. Clones are of the same thing.
///
/// Its error is [`Error::Save`], every time it is asked.
///
/// ```
/// use std::time::Duration;
///
/// use strongroom::{Checkpointer, CheckpointerConfig, HookArguments, RankInfo, StateDict, make_async_checkpointer};
///
/// # fn main() -> strongroom::Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let path = directory.path().join("step-1");
/// let mut checkpointer = make_async_checkpointer(&CheckpointerConfig::default(), RankInfo::single(), &[])?;
/// let written = checkpointer.save(&path, &StateDict::new(), &HookArguments::new())?.written;
/// while written.wait_timeout(Duration::from_secs(1)).is_none() {
///     println!("still at it");
/// }
/// assert!(written.is_done());
/// written.wait()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Handle {
    shared: Arc<Shared>,
}

/// The other end of a [`Handle`]. Dropped unkept, the handle gets an error.
#[derive(Debug)]
pub(crate) struct Promise {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    outcome: Option<std::result::Result<(), Arc<Error>>>,
    wakers: Vec<Waker>,
}

/// A handle of the save of `path`, and the promise that ends it.
pub(crate) fn pair(path: &Path) -> (Promise, Handle) {
    let shared = Arc::new(Shared { path: path.into(), state: Mutex::default(), changed: Condvar::new() });
    (Promise { shared: shared.clone() }, Handle { shared })
}

impl Handle {
    /// A handle of what is done already.
    pub(crate) fn done(path: &Path) -> Self {
        let (promise, handle) = pair(path);
        promise.keep(Ok(()));
        handle
    }

    /// Waits until it is done.
    pub fn wait(&self) -> Result<()> {
        let running = |state: &mut State| state.outcome.is_none();
        let state = self.shared.changed.wait_while(self.shared.lock(), running);
        let state = state.unwrap_or_else(PoisonError::into_inner);
        self.outcome(&state).unwrap_or(Ok(()))
    }

    /// Waits until it is done, but no longer than `timeout`: then none.
    pub fn wait_timeout(&self, timeout: Duration) -> Option<Result<()>> {
        let running = |state: &mut State| state.outcome.is_none();
        let state = self.shared.changed.wait_timeout_while(self.shared.lock(), timeout, running);
        let (state, _) = state.unwrap_or_else(PoisonError::into_inner);
        self.outcome(&state)
    }

    /// Whether it is done, well or not.
    pub fn is_done(&self) -> bool {
        self.shared.lock().outcome.is_some()
    }

    fn outcome(&self, state: &State) -> Option<Result<()>> {
        let failed =
            |source: &Arc<Error>| Error::Save { path: self.shared.path.clone(), source: source.clone() };
        state.outcome.as_ref().map(|outcome| outcome.as_ref().map_err(failed).copied())
    }
}

impl Future for Handle {
    type Output = Result<()>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let mut state = self.shared.lock();
        if let Some(outcome) = self.outcome(&state) {
            return Poll::Ready(outcome);
        }
        // A task that is polled again and again is still one task.
        state.wakers.retain(|waker| !waker.will_wake(context.waker()));
        state.wakers.push(context.waker().clone());
        Poll::Pending
    }
}

impl Promise {
    /// Ends the handle.
    pub(crate) fn keep(self, outcome: Result<()>) {
        self.end(outcome);
    }

    fn end(&self, outcome: Result<()>) {
        let mut state = self.shared.lock();
        if state.outcome.is_some() {
            return;
        }
        state.outcome = Some(outcome.map_err(Arc::new));
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        self.shared.changed.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.end(Err(Error::Value("whoever was to do it is gone".into())));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;
    use std::thread;

    use super::*;

    #[test]
    fn it_can_be_polled_waited_for_and_given_up() {
        let (promise, handle) = pair(Path::new("step-1"));
        assert!(!handle.is_done());
        assert!(handle.wait_timeout(Duration::from_millis(1)).is_none());
        let waiting = thread::spawn({
            let handle = handle.clone();
            move || handle.wait()
        });
        promise.keep(Err(Error::Value("the disk is full".into())));
        let error = waiting.join().unwrap().unwrap_err();
        assert_eq!(error.to_string(), "the save of step-1: the disk is full");
        // Asked again, it says the same again.
        assert!(handle.wait_timeout(Duration::ZERO).unwrap().is_err());
        assert!(handle.is_done());
    }

    #[test]
    fn a_promise_that_is_dropped_is_an_error_not_a_wait_for_ever() {
        let (promise, handle) = pair(Path::new("step-1"));
        drop(promise);
        assert!(handle.wait().is_err());
    }

    #[test]
    fn a_task_that_awaits_it_is_woken_once() {
        #[derive(Default)]
        struct Count(AtomicUsize);
        impl Wake for Count {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::SeqCst);
            }
        }
        let (promise, mut handle) = pair(Path::new("step-1"));
        let count = Arc::new(Count::default());
        let waker = Waker::from(count.clone());
        let mut context = Context::from_waker(&waker);
        for _ in 0..3 {
            assert!(Pin::new(&mut handle).poll(&mut context).is_pending());
        }
        promise.keep(Ok(()));
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        assert!(matches!(Pin::new(&mut handle).poll(&mut context), Poll::Ready(Ok(()))));
    }
}
