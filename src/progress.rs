//! A bar on stderr for what takes long, if a person is there to look at it.

use std::io::{self, IsTerminal};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar that appears after a second, and is gone when this is dropped.
#[derive(Default)]
pub struct Progress {
    running: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// Starts to watch how much of `total` bytes `done` says is done.
    ///
    /// The library calls nobody back, so a thread looks at its meter instead.
    /// Without a terminal there is none: logs and pipes stay clean.
    pub fn start(what: &str, total: u64, done: impl Fn() -> u64 + Send + 'static) -> Self {
        if !io::stderr().is_terminal() {
            return Self::default();
        }
        let (stop, stopped) = mpsc::channel();
        let what = what.to_owned();
        let watch = move || watch(&stopped, what, total, done);
        // No thread, no bar: the work goes on all the same.
        let thread = thread::Builder::new().name("strongroom-progress".into()).spawn(watch);
        Self { running: thread.ok().map(|thread| (stop, thread)) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.running.take() {
            drop(stop);
            // A bar that failed is no failure of the work.
            let _ = thread.join();
        }
    }
}

fn watch(stopped: &Receiver<()>, what: String, total: u64, done: impl Fn() -> u64) {
    let goes_on = |pause| stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout);
    if !goes_on(PATIENCE) {
        return;
    }
    let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(total).with_style(style).with_message(what);
    while goes_on(FRAME) {
        bar.set_position(done().min(total));
    }
    bar.finish_and_clear();
}

const TEMPLATE: &str = "{msg} {wide_bar} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec}";

/// What takes no longer than this needs no bar.
const PATIENCE: Duration = Duration::from_secs(1);

const FRAME: Duration = Duration::from_millis(100);
