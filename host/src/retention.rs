//! Which checkpoints of a run there are, and which may go.

use std::io;
use std::num::NonZeroU64;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::checkpoint::Record;
use crate::store::{Entry, Local, Store};
use crate::{Error, Result};

/// A committed checkpoint in a directory of checkpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its directory.
    pub path: PathBuf,
    /// The number its name ends with: 100 for `step-100`.
    pub number: Option<u64>,
    /// When it was committed: nanoseconds since 1970, UTC.
    pub committed: u64,
    /// How many ranks saved it.
    pub world_size: usize,
    /// Bytes of its files.
    pub length: u64,
}

/// What [`list`] finds.
#[derive(Debug, Default)]
pub struct Listing {
    /// The committed checkpoints, in the order of their commits.
    pub checkpoints: Vec<Listed>,
    /// Why directories are not among them that may be checkpoints: their record is
    /// damaged, or who asks may not read it. The newest may be one of these.
    pub passed_over: Vec<Error>,
}

/// The committed checkpoints directly under `root`, links to directories aside.
///
/// A directory without record is none. One whose record is damaged is passed over: an
/// older checkpoint that is whole is worth more than an error. A record that cannot be
/// read now, or of a later version, is an error.
///
/// ```
/// use strongroom::{CheckpointWriter, HookArguments, StateDict};
///
/// # fn main() -> strongroom::Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let root = directory.path();
/// CheckpointWriter::single()?.write(root.join("step-10"), &StateDict::new(), &HookArguments::new())?;
/// let all = strongroom::list(root)?;
/// assert_eq!(all.checkpoints[0].number, Some(10));
/// assert!(all.passed_over.is_empty());
/// assert_eq!(strongroom::latest(root)?, Some(root.join("step-10")));
/// # Ok(())
/// # }
/// ```
pub fn list(root: impl AsRef<Path>) -> Result<Listing> {
    list_in(&Local, root.as_ref())
}

/// The same, in a store of one's own.
pub fn list_in(store: &dyn Store, root: &Path) -> Result<Listing> {
    let mut pause = Duration::from_millis(1);
    loop {
        match look(store, root)? {
            (listing, false) => return Ok(listing),
            // Somebody removes checkpoints, and for each there is a newer one, which may
            // have come after the names were read.
            _ if pause < LONGEST_PAUSE => {
                thread::sleep(pause);
                pause *= 2;
            }
            _ => {
                let reason = "checkpoints went again and again while they were looked at";
                return Err(Error::io(root, "list", io::Error::new(io::ErrorKind::ResourceBusy, reason)));
            }
        }
    }
}

/// Of pauses that double, from a millisecond on: two seconds in all.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// When the newest checkpoint was committed, of those whose record can be read.
pub(crate) fn newest_commit(store: &dyn Store, root: &Path) -> u64 {
    let candidates = candidates(store, root).unwrap_or_default();
    let records = candidates.iter().filter_map(|(_, path)| Record::read(store, path).ok()?);
    records.map(|record| record.committed).max().unwrap_or(0)
}

/// The directories that may be checkpoints, by name. A hidden one is a save that is not
/// committed.
fn candidates(store: &dyn Store, root: &Path) -> Result<Vec<(String, PathBuf)>> {
    let shown = store.list(root)?.into_iter().filter(|entry| entry.directory && !entry.name.starts_with('.'));
    Ok(shown.map(|Entry { name, .. }| (name.clone(), root.join(name))).collect())
}

/// What is there, and whether something of it went while it was looked at.
fn look(store: &dyn Store, root: &Path) -> Result<(Listing, bool)> {
    let (mut listing, mut gone) = (Listing::default(), false);
    for (name, path) in candidates(store, root)? {
        let record = match Record::read(store, &path) {
            Ok(Some(record)) => record,
            Ok(None) => {
                gone |= !store.exists(&path)?;
                continue;
            }
            // So says a file server of what went.
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::StaleNetworkFileHandle => {
                gone = true;
                continue;
            }
            Err(error) if is_of_no_file(&error) => continue,
            Err(error) if is_of_its_own(&error) => {
                listing.passed_over.push(error);
                continue;
            }
            Err(error) => return Err(error),
        };
        // A record says what was committed, not what is still there.
        match record.incomplete(store, &path) {
            Ok(None) => {}
            Ok(Some(missing)) => {
                gone |= !store.exists(&path)?;
                listing.passed_over.push(Error::checkpoint(&path, missing));
                continue;
            }
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                gone = true;
                continue;
            }
            Err(error) if is_of_its_own(&error) => {
                listing.passed_over.push(error);
                continue;
            }
            Err(error) => return Err(error),
        }
        listing.checkpoints.push(Listed {
            path,
            number: number(&name),
            committed: record.committed,
            world_size: record.world_size,
            length: record.length,
        });
    }
    listing.checkpoints.sort_by(|a, b| (a.committed, &a.path).cmp(&(b.committed, &b.path)));
    Ok((listing, gone))
}

/// Whether an error says that what has a record's name is no file.
fn is_of_no_file(error: &Error) -> bool {
    matches!(error, Error::Io { source, .. } if source.kind() == io::ErrorKind::InvalidInput)
}

/// Whether an error is of this one record: it is damaged, or somebody else's. A disk
/// that fails now, or a record of a later version, says something of the others.
fn is_of_its_own(error: &Error) -> bool {
    match error {
        Error::Checkpoint { .. } => true,
        Error::Io { source, .. } => source.kind() == io::ErrorKind::PermissionDenied,
        _ => false,
    }
}

/// The newest committed checkpoint directly under `root`, by the time of its
/// commit. None if there is none. One whose record is damaged is passed over, and
/// [`list`] says so.
pub fn latest(root: impl AsRef<Path>) -> Result<Option<PathBuf>> {
    latest_in(&Local, root.as_ref())
}

/// The same, in a store of one's own.
pub fn latest_in(store: &dyn Store, root: &Path) -> Result<Option<PathBuf>> {
    Ok(list_in(store, root)?.checkpoints.pop().map(|listed| listed.path))
}

/// Which committed checkpoints are kept. The newest always is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// The newest so many.
    pub keep_last: NonZeroUsize,
    /// Besides those, the ones whose number (100 for `step-100`) is a multiple of
    /// this.
    #[serde(default)]
    pub keep_every: Option<NonZeroU64>,
}

impl Retention {
    /// Keeps the newest so many.
    pub fn last(keep_last: NonZeroUsize) -> Self {
        Self { keep_last, keep_every: None }
    }

    /// Those of `all`, in the order of their commits, that may go: what [`prune`]
    /// removes.
    pub fn dispensable<'l>(&self, all: &'l [Listed]) -> impl Iterator<Item = &'l Listed> {
        let older = all.get(..all.len().saturating_sub(self.keep_last.get())).unwrap_or_default();
        let keep_every = self.keep_every;
        older.iter().filter(move |listed| match (keep_every, listed.number) {
            (Some(every), Some(number)) => number % every != 0,
            _ => true,
        })
    }
}

/// Removes the committed checkpoints directly under `root` that are not to be
/// kept, each in one step, the oldest first. Answers what was removed.
///
/// What saves that died have left goes, too. Nothing else is touched: no other
/// directory, no save that is under way, and never the newest committed checkpoint.
///
/// ```
/// use std::num::NonZeroUsize;
/// use strongroom::{CheckpointWriter, HookArguments, Retention, StateDict};
///
/// # fn main() -> strongroom::Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let root = directory.path();
/// let writer = CheckpointWriter::single()?;
/// for step in 1..=3 {
///     writer.write(root.join(format!("step-{step}")), &StateDict::new(), &HookArguments::new())?;
/// }
/// let removed = strongroom::prune(root, &Retention::last(NonZeroUsize::new(2).unwrap()))?;
/// assert_eq!(removed, [root.join("step-1")]);
/// # Ok(())
/// # }
/// ```
pub fn prune(root: impl AsRef<Path>, retention: &Retention) -> Result<Vec<PathBuf>> {
    prune_in(&Local, root.as_ref(), retention)
}

/// The same, in a store of one's own.
pub fn prune_in(store: &dyn Store, root: &Path, retention: &Retention) -> Result<Vec<PathBuf>> {
    let tidied = store.tidy(root);
    let removed = remove_dispensable(store, root, retention, &|_| true)?;
    tidied.map(|()| removed)
}

/// Removes the checkpoints that are not to be kept, if `may_go` says yes to them too.
pub(crate) fn remove_dispensable(
    store: &dyn Store,
    root: &Path,
    retention: &Retention,
    may_go: &dyn Fn(&Listed) -> bool,
) -> Result<Vec<PathBuf>> {
    let all = list_in(store, root)?.checkpoints;
    let mut removed = Vec::new();
    for listed in retention.dispensable(&all).filter(|listed| may_go(listed)) {
        // Asked when nobody can commit: the newer ones may be gone again, taken back as
        // they could not be brought to disk, and this one may have been replaced.
        let still = || Ok(retention.dispensable(&list_in(store, root)?.checkpoints).any(|now| now == listed));
        if store.remove(&listed.path, &still)? {
            removed.push(listed.path.clone());
        }
    }
    Ok(removed)
}

/// The number a name ends with.
fn number(name: &str) -> Option<u64> {
    let digits = name.len() - name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    name.get(name.len() - digits..)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(name: &str, committed: u64) -> Listed {
        Listed { path: name.into(), number: number(name), committed, world_size: 1, length: 0 }
    }

    fn goes(all: &[Listed], keep_last: usize, keep_every: Option<u64>) -> Vec<String> {
        let retention = Retention {
            keep_last: NonZeroUsize::new(keep_last).unwrap(),
            keep_every: keep_every.and_then(NonZeroU64::new),
        };
        retention.dispensable(all).map(|listed| listed.path.display().to_string()).collect()
    }

    #[test]
    fn the_newest_stay_and_every_so_many_of_the_others() {
        let all: Vec<Listed> = (1..=6).map(|n| listed(&format!("step-{}", n * 50), n)).collect();
        assert_eq!(goes(&all, 2, None), ["step-50", "step-100", "step-150", "step-200"]);
        assert_eq!(goes(&all, 1, Some(100)), ["step-50", "step-150", "step-250"]);
        assert!(goes(&all, 6, None).is_empty());
        assert!(goes(&all, usize::MAX, None).is_empty());
        assert!(goes(&[], 1, None).is_empty());
    }

    #[test]
    fn a_name_without_number_is_kept_by_its_age_alone() {
        let all = [listed("first", 1), listed("step-0", 2), listed("best", 3)];
        assert_eq!(goes(&all, 1, Some(10)), ["first"]);
        assert_eq!(number("step-100"), Some(100));
        assert_eq!(number("epoch3-step007"), Some(7));
        assert_eq!(number("99999999999999999999999"), None);
        assert_eq!(number("best"), None);
    }
}
