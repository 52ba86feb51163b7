//! Removing the checkpoints that may go.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use super::family::Name;
use super::root::Root;
use super::{Listed, Listing, Retention, links, list_in, sealed};
use crate::checkpoint::presence::{self, Contents};
use crate::file::protected::Sources;
use crate::store::{Local, Removal, Store, Tidied};
use crate::{Error, Result};

/// What a prune removes.
#[derive(Debug, Default)]
pub struct Pruned {
    /// The checkpoints, the oldest first.
    pub removed: Vec<PathBuf>,
    /// What writes and removals that died have left.
    pub leftovers: Vec<PathBuf>,
    /// Why others stay that were to go: somebody has put files into them, a link leads
    /// there, they are being read, or who asks may not delete them.
    pub spared: Vec<Error>,
    /// What could not be removed, and why.
    pub failed: Vec<Error>,
    /// What is wrong with checkpoints that are neither counted nor removed.
    pub passed_over: Vec<Error>,
}

/// Removes the committed checkpoints directly under `root` that are not to be
/// kept, each in one step, the oldest first. Answers what was removed.
///
/// What saves that died have left goes, too. Nothing else is touched: no other
/// directory, no save that is under way, no checkpoint with files that are not its own,
/// and never the newest committed checkpoint. One that is not whole is neither counted nor
/// removed.
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
/// let pruned = strongroom::prune(root, &Retention::last(NonZeroUsize::new(2).unwrap()))?;
/// assert_eq!(pruned.removed, [root.join("step-1")]);
/// # Ok(())
/// # }
/// ```
pub fn prune(root: impl AsRef<Path>, retention: &Retention) -> Result<Pruned> {
    prune_in(&Local, root.as_ref(), retention)
}

/// The same, in a store of one's own.
pub fn prune_in(store: &dyn Store, root: &Path, retention: &Retention) -> Result<Pruned> {
    let (root, reading) = (Root::at(store, root)?, Sources::default());
    let pruning = Pruning { store, root, retention, beside: None, reading: &reading };
    pruning.told(|| {
        let Tidied { removed: leftovers, failed } = match pruning.root.is_missing(store)? {
            true => Tidied::default(),
            false => store.tidy(&pruning.root.place)?,
        };
        let mut pruned = pruning.remove()?;
        pruned.leftovers = leftovers;
        pruned.failed.splice(0..0, failed);
        Ok(pruned)
    })
}

/// What [`prune_in`] would remove, if it were called now.
pub fn prunable_in(store: &dyn Store, root: &Path, retention: &Retention) -> Result<Pruned> {
    let (root, reading) = (Root::at(store, root)?, Sources::default());
    let pruning = Pruning { store, root, retention, beside: None, reading: &reading };
    pruning.told(|| {
        let leftovers = match pruning.root.is_missing(store)? {
            true => Vec::new(),
            false => store.leftovers(&pruning.root.place)?,
        };
        Ok(Pruned { leftovers, ..pruning.plan()?.0 })
    })
}

/// Which checkpoints a save to `path` of what is in the files `sources`, if it were done now,
/// would remove from the directory that it is in, and why it would leave others.
pub fn prunable_beside_in(
    store: &dyn Store,
    path: &Path,
    retention: &Retention,
    sources: &[PathBuf],
) -> Result<Pruned> {
    let (root, own) = Root::of_checkpoint(store, path)?;
    let reading = Sources::at(store, sources)?;
    let pruning = Pruning { store, root, retention, beside: Some(own), reading: &reading };
    pruning.told(|| Ok(pruning.plan()?.0))
}

/// Removes the checkpoints that are not to be kept beside a new one at `path`.
/// What is read stays.
pub(crate) fn remove_beside(
    store: &dyn Store,
    path: &Path,
    retention: &Retention,
    reading: &Sources,
) -> Result<Pruned> {
    let (root, own) = Root::of_checkpoint(store, path)?;
    let pruning = Pruning { store, root, retention, beside: Some(own), reading };
    pruning.told(|| pruning.remove())
}

/// Which checkpoints are to go from where.
struct Pruning<'p> {
    store: &'p dyn Store,
    root: Root,
    retention: &'p Retention,
    /// The name of a new one, for the sake of which others go.
    beside: Option<OsString>,
    reading: &'p Sources,
}

impl Pruning<'_> {
    /// What came of it, with the names that whoever gave the root knows.
    fn told(&self, work: impl FnOnce() -> Result<Pruned>) -> Result<Pruned> {
        let pruned = work().map_err(|error| self.root.told(error))?;
        let paths =
            |paths: Vec<PathBuf>| paths.into_iter().map(|path| self.root.shown(&path)).collect::<Vec<_>>();
        let errors =
            |errors: Vec<Error>| errors.into_iter().map(|error| self.root.told(error)).collect::<Vec<_>>();
        Ok(Pruned {
            removed: paths(pruned.removed),
            leftovers: paths(pruned.leftovers),
            spared: errors(pruned.spared),
            failed: errors(pruned.failed),
            passed_over: errors(pruned.passed_over),
        })
    }

    /// What would go now, and the checkpoints that count.
    fn plan(&self) -> Result<(Pruned, Vec<Listed>)> {
        let Listing { checkpoints, passed_over } = sealed(self.store, &self.root.place)?;
        let (going, spared) = self.decide(&checkpoints)?;
        let removed = going.iter().map(|name| self.root.join(name)).collect();
        Ok((Pruned { removed, spared, passed_over, ..Pruned::default() }, checkpoints))
    }

    /// The names of those that go, and why others stay.
    fn decide(&self, all: &[Listed]) -> Result<(Vec<OsString>, Vec<Error>)> {
        let (mut going, mut spared) = (Vec::new(), Vec::new());
        for path in self.retention.dispensable(all).into_iter().map(|listed| &listed.path) {
            let Some(name) = path.file_name().filter(|name| self.may_go(name)) else { continue };
            match presence::needed(self.store, path, self.reading) {
                Ok(None) => going.push(name.to_os_string()),
                Ok(Some(reason)) => spared.push(spare(path, &reason)),
                // Somebody else removes or replaces it.
                Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
                Err(Error::Replaced { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let needed = links::needed(self.store, &self.root, &going)?;
        going.retain(|name| !needed.contains_key(name));
        spared.extend(needed.iter().map(|(name, reason)| spare(&self.root.join(name), reason)));
        Ok((going, spared))
    }

    /// Whether it is one that may go: for the sake of a new one those of its family do, or those
    /// that were asked for. Not the new one itself: another job may have committed at the same
    /// moment.
    fn may_go(&self, name: &OsStr) -> bool {
        self.beside.as_ref().is_none_or(|own| {
            name != own && (self.retention.keep_in.is_some() || Name::of(name).family == Name::of(own).family)
        })
    }

    /// Removes what is to go.
    fn remove(&self) -> Result<Pruned> {
        let (mut pruned, counted) = self.plan()?;
        if pruned.removed.is_empty() {
            return Ok(pruned);
        }
        pruned.removed.clear();
        // What comes meanwhile does not count: its record would have to be read to the end.
        let counted: HashMap<&Path, u64> =
            counted.iter().map(|listed| (&*listed.path, listed.committed)).collect();
        let spared = RefCell::new(Vec::new());
        // Asked when nobody can commit: newer ones may be gone again, taken back as they could not
        // be brought to disk, and links may have come.
        let which = || {
            let mut now = list_in(self.store, &self.root.place)?.checkpoints;
            now.retain(|listed| counted.get(&*listed.path) == Some(&listed.committed));
            let (going, why) = self.decide(&now)?;
            spared.replace(why);
            Ok(going)
        };
        // Asked of each when nobody finds it any more: what somebody has put there meanwhile, or in
        // its place where locks do not reach.
        let contents = |name: &OsStr, moved: &Path| {
            let path = self.root.join(name);
            let contents = Contents::of(self.store, moved)?;
            if counted.get(&*path) != Some(&contents.record.committed) {
                return Err(Error::Replaced { path });
            }
            contents.only_own().map_err(|reason| spare(&path, &reason))
        };
        // What cannot be removed keeps nobody from saying what was.
        match self.store.remove(&self.root.place, &which, &contents) {
            Err(error) => pruned.failed.push(error),
            Ok(removals) => {
                pruned.spared = spared.take();
                removals.into_iter().for_each(|removal| pruned.note(&self.root, removal));
            }
        }
        Ok(pruned)
    }
}

impl Pruned {
    fn note(&mut self, root: &Root, (name, removed): Removal) {
        match removed {
            Ok(()) => self.removed.push(root.join(&name)),
            Err(Error::Replaced { .. }) => {}
            Err(error @ Error::Checkpoint { .. }) => self.spared.push(error),
            Err(error) => self.failed.push(error),
        }
    }
}

fn spare(path: &Path, reason: &str) -> Error {
    Error::checkpoint(path, format!("it is not deleted, as {reason}"))
}
