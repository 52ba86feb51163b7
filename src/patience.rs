//! An end for work that a file makes far longer than any honest file does.

use std::path::Path;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use strongroom::Error;
use strongroom::store::Local;

use crate::failure;

/// While it lives, this process may work for some time, as processors count it: waiting for a
/// disk or for who reads the output is no work. Beyond that it ends.
#[must_use]
pub struct Patience {
    over: Arc<AtomicBool>,
}

impl Patience {
    /// Waits for work on the file `path`.
    pub fn start(limit: Duration, path: &Path) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (flag, path, end) = (over.clone(), path.to_path_buf(), worked().saturating_add(limit));
        let wait = move || {
            while !flag.load(Ordering::Relaxed) {
                if worked() > end {
                    Local::abandon();
                    let reason = format!("it took longer than the `timeout` of {limit:?} to understand");
                    let error = Error::Stopped { path, reason, limit: Some("timeout") };
                    process::exit(failure::report(&error.into()).into());
                }
                thread::sleep(TICK);
            }
        };
        // Without a thread the component's own deadline still holds.
        let _ = thread::Builder::new().name("strongroom-patience".into()).spawn(wait);
        Self { over }
    }
}

impl Drop for Patience {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

/// The time that all threads of this process have worked.
fn worked() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}

/// How late it may be.
const TICK: Duration = Duration::from_millis(20);
