//! What is read though it looks like a leftover: it is held until it has been read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{FlockOperation, OFlags};

use super::hidden::Kind;
use super::lock::take;

/// Files and directories with hidden names that this process reads from, open.
///
/// Who rescues what a dead save has left may write beside it, and whoever writes sweeps up.
/// A shared lock keeps other processes from that, and a list this one, also where there are
/// no locks.
#[derive(Debug, Default)]
pub(super) struct Held(Vec<File>);

impl Held {
    /// Holds what is at `path` and each directory above it, as far as they have such names.
    pub(super) fn hidden(path: &Path) -> Self {
        let hidden = path.ancestors().filter(|path| path.file_name().and_then(Kind::of).is_some());
        let mut held = Self::default();
        for path in hidden {
            let flags = (OFlags::NONBLOCK | OFlags::NOFOLLOW).bits().cast_signed();
            let Ok(file) = File::options().read(true).custom_flags(flags).open(path) else { continue };
            // Who has it alone removes it now: what is open can be read all the same.
            let _ = take(&file, FlockOperation::NonBlockingLockShared);
            if let Ok(identity) = identity(&file) {
                *list().entry(identity).or_default() += 1;
                held.0.push(file);
            }
        }
        held
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        for identity in self.0.iter().filter_map(|file| identity(file).ok()) {
            let mut list = list();
            if let Some(count) = list.get_mut(&identity) {
                *count -= 1;
                if *count == 0 {
                    list.remove(&identity);
                }
            }
        }
    }
}

/// Whether this process reads from it.
pub(super) fn is_held(file: &File) -> bool {
    identity(file).is_ok_and(|identity| list().contains_key(&identity))
}

fn identity(file: &File) -> io::Result<(u64, u64)> {
    file.metadata().map(|metadata| (metadata.dev(), metadata.ino()))
}

fn list() -> MutexGuard<'static, BTreeMap<(u64, u64), usize>> {
    // Each change is one operation of a map: a panic leaves nothing half done.
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Device and inode of each, and how often it is held.
static HELD: Mutex<BTreeMap<(u64, u64), usize>> = Mutex::new(BTreeMap::new());
