//! The thread that talks to etcd, so that callers need no asynchronous runtime.

use std::future::Future;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use strongroom::{Error, Result};

#[derive(Debug)]
pub(super) struct Background {
    handle: Handle,
    /// None once it was stopped.
    thread: Mutex<Option<(oneshot::Sender<()>, JoinHandle<()>)>>,
}

impl Background {
    pub(super) fn start() -> Result<Self> {
        let failed = |error| Error::Setup(format!("the thread of the etcd barrier: {error}"));
        // Only a host's name is looked up on another thread.
        let mut builder = Builder::new_current_thread();
        let runtime = builder.enable_all().max_blocking_threads(1).build().map_err(failed)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let run = move || {
            // Stopped, or dropped: the end either way.
            let _ = runtime.block_on(stopped);
            runtime.shutdown_background();
        };
        let thread = thread::Builder::new().name("etcd-barrier".into()).spawn(run).map_err(failed)?;
        Ok(Self { handle, thread: Mutex::new(Some((stop, thread))) })
    }

    /// Runs work there until it is done or the thread is stopped.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.handle.spawn(work);
    }

    /// Runs work there and waits for it. None if the thread was stopped.
    pub(super) fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let (send, receive) = mpsc::sync_channel(1);
        self.spawn(async move {
            let _ = send.send(work.await);
        });
        receive.recv().ok()
    }

    pub(super) fn stop(&self) {
        let running = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((stop, thread)) = running {
            let _ = stop.send(());
            let _ = thread.join();
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.stop();
    }
}
