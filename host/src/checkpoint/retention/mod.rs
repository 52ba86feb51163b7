//! Which checkpoints of a run there are, and which may go.

mod family;
mod links;
mod prune;
mod root;

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::num::NonZeroU64;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::checkpoint::Record;
use crate::checkpoint::presence;
use crate::store::{Entry, Local, Store};
use crate::{Error, Result};
use family::{Family, Name};

pub use family::Pattern;
pub(crate) use prune::remove_beside;
pub use prune::{Pruned, prunable_beside_in, prunable_in, prune, prune_in};
pub(crate) use root::root_of;

/// A committed checkpoint in a directory of checkpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its directory.
    pub path: PathBuf,
    /// The number in its name, 100 for `step-100` and `step-100-fp16`: the last that stands
    /// by itself, or else the one at the end.
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
    /// Why directories are not among them that may be checkpoints: a file of theirs is
    /// missing or has another length, their record is damaged, or who asks may not read
    /// it. The newest may be one of these.
    pub passed_over: Vec<Error>,
}

/// The committed checkpoints directly under `root`, links to directories aside. None if
/// there is no such directory.
///
/// A directory without record is none. One whose record is damaged or of a later version, or
/// that lacks a file or the end of one, is passed over: an older checkpoint that is whole is
/// worth more than an error. A record that cannot be read now is an error.
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
            _ => return Err(went_again_and_again(root)),
        }
    }
}

fn went_again_and_again(root: &Path) -> Error {
    let reason = "checkpoints went again and again while they were looked at";
    Error::io(root, "list", io::Error::new(io::ErrorKind::ResourceBusy, reason))
}

/// The committed checkpoints in the directory that `path` is in, if only by a link.
pub fn list_beside_in(store: &dyn Store, path: &Path) -> Result<Listing> {
    list_in(store, &root_of(store, path))
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
fn candidates(store: &dyn Store, root: &Path) -> Result<Vec<(OsString, PathBuf)>> {
    let entries = match store.list(root) {
        Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Vec::new(),
        entries => entries?,
    };
    let hidden = |name: &OsStr| name.as_encoded_bytes().starts_with(b".");
    let shown = entries.into_iter().filter(|entry| entry.directory && !hidden(&entry.name));
    Ok(shown.map(|Entry { name, .. }| (name.clone(), root.join(name))).collect())
}

/// What is there, and whether something of it went while it was looked at.
fn look(store: &dyn Store, root: &Path) -> Result<(Listing, bool)> {
    let (mut listing, mut gone) = (Listing::default(), false);
    for (name, path) in candidates(store, root)? {
        let record = match presence::whole(store, &path) {
            Ok(Some(record)) => record,
            Ok(None) => {
                gone |= !store.exists(&path)?;
                continue;
            }
            Err(Error::Replaced { .. }) => {
                gone = true;
                continue;
            }
            // So says a file server of what went.
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::StaleNetworkFileHandle => {
                gone = true;
                continue;
            }
            Err(error) if is_of_its_own(&error) => {
                listing.passed_over.push(error);
                continue;
            }
            Err(error) => return Err(error),
        };
        listing.checkpoints.push(Listed {
            path,
            number: Name::of(&name).number,
            committed: record.committed,
            world_size: record.world_size,
            length: record.length,
        });
    }
    listing.checkpoints.sort_by(|a, b| (a.committed, &a.path).cmp(&(b.committed, &b.path)));
    Ok((listing, gone))
}

/// Whether an error is of this one checkpoint: it is damaged, or somebody else's. A disk
/// that fails now says something of the others.
fn is_of_its_own(error: &Error) -> bool {
    match error {
        Error::Checkpoint { .. } | Error::Newer { .. } => true,
        Error::Io { source, .. } => source.kind() == io::ErrorKind::PermissionDenied,
        _ => false,
    }
}

/// The newest committed checkpoint directly under `root`, by the time of its
/// commit. None if there is none. One that is damaged as far as [`list`] sees it is passed
/// over, and that says so.
pub fn latest(root: impl AsRef<Path>) -> Result<Option<PathBuf>> {
    latest_in(&Local, root.as_ref())
}

/// The same, in a store of one's own.
pub fn latest_in(store: &dyn Store, root: &Path) -> Result<Option<PathBuf>> {
    Ok(list_latest_in(store, root)?.checkpoints.pop().map(|listed| listed.path))
}

/// The committed checkpoints directly under `root`, where the record of the newest is right to
/// its end: of the others the head was read. Those that are newer and damaged behind that are
/// passed over.
pub fn list_latest_in(store: &dyn Store, root: &Path) -> Result<Listing> {
    let mut pause = Duration::from_millis(1);
    loop {
        let mut listing = list_in(store, root)?;
        let newest = loop {
            let Some(listed) = listing.checkpoints.last() else { break Sealed::Right };
            match is_sealed(store, listed, &mut listing.passed_over)? {
                Sealed::Damaged => drop(listing.checkpoints.pop()),
                other => break other,
            }
        };
        match newest {
            // For one that goes there is a newer one.
            Sealed::Gone if pause < LONGEST_PAUSE => {
                thread::sleep(pause);
                pause *= 2;
            }
            Sealed::Gone => return Err(went_again_and_again(root)),
            _ => return Ok(listing),
        }
    }
}

/// What comes of reading a record to its end.
enum Sealed {
    Right,
    Damaged,
    /// Somebody removes its checkpoint.
    Gone,
}

/// Whether a checkpoint has a record that is right to its end. If it is damaged, that is noted.
fn is_sealed(store: &dyn Store, listed: &Listed, damaged: &mut Vec<Error>) -> Result<Sealed> {
    match Record::read_sealed(store, &listed.path) {
        Err(error) if is_of_its_own(&error) => {
            damaged.push(error);
            Ok(Sealed::Damaged)
        }
        sealed => Ok(if sealed?.is_some() { Sealed::Right } else { Sealed::Gone }),
    }
}

/// The checkpoints that count when others are deleted for their sake: their records are right
/// to the end.
fn sealed(store: &dyn Store, root: &Path) -> Result<Listing> {
    let Listing { checkpoints, passed_over } = list_in(store, root)?;
    let mut listing = Listing { passed_over, ..Listing::default() };
    for listed in checkpoints {
        if let Sealed::Right = is_sealed(store, &listed, &mut listing.passed_over)? {
            listing.checkpoints.push(listed);
        }
    }
    Ok(listing)
}

/// Which committed checkpoints are kept, of each family by itself: those whose names
/// differ only in their number. `step-100` and `step-200` are of one family, `step-100-ema`
/// and `best` of others. The newest of a family always is kept.
///
/// The number is the last that stands by itself, as in `step-100-fp16` and
/// `epoch=3-step=100`, or else the one at the end, as in `step100`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// The newest so many.
    pub keep_last: NonZeroUsize,
    /// Besides those, the ones whose number (100 for `step-100`) is a multiple of
    /// this.
    #[serde(default)]
    pub keep_every: Option<NonZeroU64>,
    /// Only those with such names are counted, and may go: all of them together, whatever
    /// their families.
    #[serde(default)]
    pub keep_in: Option<Pattern>,
}

/// What belongs together.
#[derive(PartialEq, Eq, Hash)]
enum Group {
    Family(Family),
    /// All that has a name of the pattern.
    Pattern,
}

impl Retention {
    /// Keeps the newest so many.
    pub fn last(keep_last: NonZeroUsize) -> Self {
        Self { keep_last, keep_every: None, keep_in: None }
    }

    /// Those of `all`, in the order of their commits, that may go: what [`prune`]
    /// removes.
    pub fn dispensable<'l>(&self, all: &'l [Listed]) -> Vec<&'l Listed> {
        let mut newer: HashMap<Group, usize> = HashMap::new();
        let mut going = Vec::new();
        for listed in all.iter().rev() {
            let Some(group) = listed.path.file_name().and_then(|name| self.group(name)) else { continue };
            let count = newer.entry(group).or_default();
            *count += 1;
            if *count > self.keep_last.get() && !self.is_one_of_every(listed) {
                going.push(listed);
            }
        }
        going.reverse();
        going
    }

    fn group(&self, name: &OsStr) -> Option<Group> {
        match &self.keep_in {
            Some(pattern) => pattern.matches(name).then_some(Group::Pattern),
            None => Some(Group::Family(Name::of(name).family)),
        }
    }

    fn is_one_of_every(&self, listed: &Listed) -> bool {
        let name = listed.path.file_name().map(Name::of);
        self.keep_every.zip(name).is_some_and(|(every, name)| name.is_multiple_of(every))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(name: &str, committed: u64) -> Listed {
        let number = Name::of(OsStr::new(name)).number;
        Listed { path: name.into(), number, committed, world_size: 1, length: 0 }
    }

    fn goes(all: &[Listed], keep_last: usize, keep_every: Option<u64>) -> Vec<String> {
        goes_in(all, keep_last, keep_every, None)
    }

    fn goes_in(
        all: &[Listed],
        keep_last: usize,
        keep_every: Option<u64>,
        keep_in: Option<&str>,
    ) -> Vec<String> {
        let retention = Retention {
            keep_last: NonZeroUsize::new(keep_last).unwrap(),
            keep_every: keep_every.and_then(NonZeroU64::new),
            keep_in: keep_in.map(|pattern| pattern.parse().unwrap()),
        };
        retention.dispensable(all).iter().map(|listed| listed.path.display().to_string()).collect()
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
    fn each_family_is_counted_by_itself() {
        let names = [
            "encoder-100",
            "decoder-100",
            "best",
            "encoder-200",
            "encoder-100-ema",
            "decoder-200",
            "first",
            "a-7",
        ];
        let all: Vec<Listed> = (0..).zip(names).map(|(at, name)| listed(name, at)).collect();
        assert_eq!(goes(&all, 1, None), ["encoder-100", "decoder-100"]);
        assert_eq!(goes(&all, 1, Some(100)), [""; 0]);
    }

    #[test]
    fn a_pattern_counts_what_it_names_together_and_nothing_else() {
        let names = ["epoch=1-step=5", "best", "epoch=1-step=9", "epoch=2-step=15", "x-1", "x-2"];
        let all: Vec<Listed> = (0..).zip(names).map(|(at, name)| listed(name, at)).collect();
        assert_eq!(goes_in(&all, 1, None, Some("epoch*")), ["epoch=1-step=5", "epoch=1-step=9"]);
        assert_eq!(goes_in(&all, 1, None, None), ["epoch=1-step=5", "x-1"]);
        assert!("[".parse::<Pattern>().is_err());
    }

    #[test]
    fn every_so_many_stay_whatever_follows_the_number() {
        let names = ["step-100-fp16", "step-150-fp16", "step-200-fp16", "step-250-fp16"];
        let all: Vec<Listed> = (0..).zip(names).map(|(at, name)| listed(name, at)).collect();
        assert_eq!(goes(&all, 1, Some(100)), ["step-150-fp16"]);
    }
}
