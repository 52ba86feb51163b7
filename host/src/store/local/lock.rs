//! Who is alive, and who may move names: advisory locks, which the kernel releases
//! when their holder dies, however it dies.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::MutexGuard;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::{Errno, retry_on_intr};

use super::sync::sync_open;
use super::under_way::{UnderWay, hold};
use crate::{Error, Result};

/// How long others may move names before it is an error: each move takes one rename and one sync, and
/// a prune looks at all that is there before.
const PATIENCE: Duration = Duration::from_secs(60);

/// Says that a file or directory is in use for as long as it is open. False if
/// somebody removes it at this moment: then it is to be made again.
pub(super) fn claim(file: &File, path: &Path) -> io::Result<bool> {
    // Where there are no locks, what is young is not removed.
    if take(file, FlockOperation::NonBlockingLockShared)? == Lock::Others {
        return Ok(false);
    }
    is_at(file, path)
}

/// What came of asking for a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lock {
    Taken,
    /// Others hold it.
    Others,
    /// The file system has none.
    None,
}

/// Asks for a lock. An error of the disk is one: it does not say that there are no locks,
/// and others may find this file without one.
pub(super) fn take(file: &File, operation: FlockOperation) -> io::Result<Lock> {
    match retry_on_intr(|| flock(file, operation)) {
        Ok(()) => Ok(Lock::Taken),
        Err(Errno::WOULDBLOCK) => Ok(Lock::Others),
        // NFS wants a file that is open for writing, which no directory can be.
        Err(Errno::NOLCK | Errno::NOTSUP | Errno::NOSYS | Errno::INVAL | Errno::BADF) => Ok(Lock::None),
        Err(errno) => Err(errno.into()),
    }
}

/// Whether the open file or directory is the one of this name.
pub(super) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let file = file.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (file.dev(), file.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The names in a directory, held: nobody else moves a checkpoint there.
#[derive(Debug)]
pub(super) struct Names {
    path: PathBuf,
    directory: File,
}

impl Names {
    /// Holds the names in the directory `path` until dropped.
    pub(super) fn of(path: &Path) -> Result<Self> {
        Self::within(PATIENCE, path)
    }

    /// The same, but waits no longer than that for others.
    pub(super) fn within(patience: Duration, path: &Path) -> Result<Self> {
        waiting(patience, path, || Self::at_once(path))
    }

    /// Holds them together with what is under way in this process: what is done then is
    /// done whole. Who ends the process need not wait as long as others hold the names.
    pub(super) fn and_under_way(path: &Path) -> Result<(MutexGuard<'static, UnderWay>, Self)> {
        waiting(PATIENCE, path, || {
            let under_way = hold();
            Ok(Self::at_once(path)?.map(|names| (under_way, names)))
        })
    }

    /// None if others hold them.
    fn at_once(path: &Path) -> Result<Option<Self>> {
        let failed = |source| Error::io(path, "lock", source);
        let directory = File::open(path).map_err(failed)?;
        match take(&directory, FlockOperation::NonBlockingLockExclusive).map_err(failed)? {
            Lock::Others => Ok(None),
            // Without locks a rename is still one step.
            Lock::Taken | Lock::None => Ok(Some(Self { path: path.into(), directory })),
        }
    }

    /// Brings the names to disk.
    pub(super) fn sync(&self) -> Result<()> {
        sync_open(&self.directory).map_err(|source| Error::io(&self.path, "sync", source))
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        // Closing is not enough if another thread has forked meanwhile: the child has
        // the same lock.
        let _ = flock(&self.directory, FlockOperation::Unlock);
    }
}

/// What `attempt` gets at last.
fn waiting<T>(patience: Duration, path: &Path, attempt: impl Fn() -> Result<Option<T>>) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(got) = attempt()? {
            return Ok(got);
        }
        if start.elapsed() > patience {
            let reason = format!("another process has held it for {} s", patience.as_secs());
            return Err(Error::io(path, "lock", io::Error::new(io::ErrorKind::WouldBlock, reason)));
        }
        thread::sleep(Duration::from_millis(2));
    }
}
