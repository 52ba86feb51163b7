//! What this process has under way, for the moment when it is told to end.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{FlockOperation, flock};

use super::leftovers;

/// Held while a name is made or moved: who ends the process then finds all of them, and
/// interrupts no commit.
///
/// Nobody waits for the names of a directory ([`Names`](super::lock::Names)) while it has
/// this, but who ends the process.
pub(super) fn hold() -> MutexGuard<'static, UnderWay> {
    // Each change is one operation of a set: a panic leaves nothing half done.
    UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner)
}

static UNDER_WAY: Mutex<UnderWay> = Mutex::new(UnderWay {
    files: BTreeSet::new(),
    roots: BTreeMap::new(),
    claims: Vec::new(),
    made: BTreeSet::new(),
    appeared: false,
});

pub(super) struct UnderWay {
    /// Files that are not finished.
    pub(super) files: BTreeSet<PathBuf>,
    /// Directories in which this process stages or removes others, and how often.
    roots: BTreeMap<PathBuf, usize>,
    /// What says that stages are in use.
    claims: Vec<Arc<File>>,
    /// Directories that were made for what is not there yet.
    pub(super) made: BTreeSet<PathBuf>,
    /// Whether anything that this process wrote may have come to its place.
    pub(super) appeared: bool,
}

/// Says that hidden directories under `root` are this process's, until it is dropped.
#[derive(Debug)]
pub(super) struct Working {
    root: PathBuf,
    claim: Option<Arc<File>>,
}

impl UnderWay {
    pub(super) fn working(&mut self, root: &Path, claim: Option<Arc<File>>) -> Working {
        *self.roots.entry(root.into()).or_default() += 1;
        self.claims.extend(claim.clone());
        Working { root: root.into(), claim }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        let mut under_way = hold();
        if let Some(claim) = &self.claim {
            under_way.claims.retain(|other| !Arc::ptr_eq(other, claim));
        }
        if let Some(count) = under_way.roots.get_mut(&self.root) {
            *count -= 1;
            if *count == 0 {
                under_way.roots.remove(&self.root);
            }
        }
    }
}

/// Removes what is under way. What other processes work on as well stays: the last of
/// them takes it along. From then on nothing can be created: the process is to end. Answers
/// whether nothing has come to its place before.
pub(super) fn abandon() -> bool {
    let held = hold();
    for file in &held.files {
        let _ = fs::remove_file(file);
    }
    // All of them first: what is staged is dead only when nobody has it.
    for claim in &held.claims {
        let _ = flock(claim, FlockOperation::Unlock);
    }
    for root in held.roots.keys() {
        let _ = leftovers::remove_soon(root);
    }
    // What is inside comes after what it is in.
    for directory in held.made.iter().rev() {
        let _ = fs::remove_dir(directory);
    }
    let nothing = !held.appeared;
    mem::forget(held);
    nothing
}
