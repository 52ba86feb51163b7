//! Checkpoint directories that are written.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, RenameFlags, rename, renameat_with};
use rustix::io::Errno;

use super::access::Access;
use super::hidden::Kind;
use super::lock::{Names, claim, is_at};
use super::parents;
use super::sink::LocalSink;
use super::source::LocalSource;
use super::sync::{parent, sync_ancestors, sync_directory};
use super::under_way::{Working, hold};
use crate::store::{Sink, Source, Stage};
use crate::{Error, Result};

/// A hidden directory beside the checkpoint's final place, so that one rename
/// brings all ranks' files there.
#[derive(Debug)]
pub(super) struct LocalStage {
    /// What errors call it.
    path: PathBuf,
    /// Where it will appear: at the end of the links that `path` is.
    place: PathBuf,
    directory: PathBuf,
    /// The directory, open: who cleans up leaves it alone.
    claimed: Arc<File>,
    /// Set when nobody knows which of two names the disk has for the directory:
    /// then it may be the only checkpoint there is after a power cut.
    kept: AtomicBool,
    _working: Working,
}

impl LocalStage {
    /// Makes the stage, or joins the one that another rank has made.
    pub(super) fn join(path: &Path, place: &Path, name: &OsStr, token: &str) -> Result<Self> {
        let directory = Kind::Stage.beside(place, name, token);
        let failed = |source| Error::io(path, "create", source);
        let (claimed, working) = parents::make(place, || Self::claim(place, &directory)).map_err(failed)?;
        let (path, place, kept) = (path.into(), place.into(), AtomicBool::new(false));
        Ok(Self { path, place, directory, claimed, kept, _working: working })
    }

    fn claim(place: &Path, directory: &Path) -> io::Result<(Arc<File>, Working)> {
        loop {
            // No claim counts that whoever ends this process does not know of.
            let mut under_way = hold();
            let made = match fs::create_dir(directory) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
                made => made.map(|()| true)?,
            };
            let claimed = match File::open(directory) {
                // Cleaned up before anybody said that it is in use.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                opened => opened?,
            };
            if claim(&claimed, directory)? {
                let claimed = Arc::new(claimed);
                let working = under_way.working(parent(directory), Some(claimed.clone()));
                drop(under_way);
                if let Some(access) = Access::of(place)?.filter(|_| made && place.is_dir()) {
                    // Before there is anything in it.
                    access.while_written().give(&claimed)?;
                }
                return Ok((claimed, working));
            }
        }
    }

    /// Who may read the file `name` of the directory that is replaced; of one that it does
    /// not have, who may read the others.
    fn access(&self, name: &str) -> io::Result<Option<Access>> {
        let own = self.place.join(name);
        if own.is_file() {
            return Access::of(&own);
        }
        let others = match fs::read_dir(&self.place) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            others => others?,
        };
        let others = others.map(|entry| Ok(entry?.path())).collect::<io::Result<BTreeSet<PathBuf>>>()?;
        Access::strictest(&others.into_iter().filter(|path| path.is_file()).collect::<Vec<_>>())
    }

    /// Gives the directory its final name. Whether it changed names with one that was
    /// there.
    fn appear(&self, may_replace: &dyn Fn() -> Result<()>) -> Result<bool> {
        let failed = |errno: Errno| Error::io(&self.path, "commit the checkpoint", errno.into());
        match self.rename(RenameFlags::NOREPLACE) {
            Ok(()) => Ok(false),
            Err(Errno::EXIST) => {
                self.is_no_link()?;
                may_replace()?;
                match self.rename(RenameFlags::EXCHANGE) {
                    Err(Errno::INVAL | Errno::NOSYS) => self.over_nothing(),
                    exchanged => exchanged.map(|()| true).map_err(failed),
                }
            }
            Err(Errno::INVAL | Errno::NOSYS) => {
                if fs::symlink_metadata(&self.place).is_ok() {
                    self.is_no_link()?;
                    may_replace()?;
                }
                self.over_nothing()
            }
            Err(errno) => Err(failed(errno)),
        }
    }

    /// The links that led here were followed: one that has come meanwhile is somebody's.
    fn is_no_link(&self) -> Result<()> {
        match fs::symlink_metadata(&self.place).is_ok_and(|there| there.is_symlink()) {
            true => Err(Error::Exists { path: self.path.clone() }),
            false => Ok(()),
        }
    }

    /// Without flags no directory is replaced that has something in it: an empty one is.
    fn over_nothing(&self) -> Result<bool> {
        match self.rename(RenameFlags::empty()) {
            Err(Errno::EXIST | Errno::NOTEMPTY | Errno::NOTDIR) => Err(self.cannot_exchange()),
            renamed => renamed
                .map(|()| false)
                .map_err(|errno| Error::io(&self.path, "commit the checkpoint", errno.into())),
        }
    }

    /// NFS and others know no flags. Without them no directory is replaced that has
    /// something in it, and all checkpoints have.
    fn rename(&self, flags: RenameFlags) -> rustix::io::Result<()> {
        let renamed = match flags.is_empty() {
            true => rename(&self.directory, &self.place),
            false => renameat_with(CWD, &self.directory, CWD, &self.place, flags),
        };
        match renamed {
            // A file server that was asked twice, as its first answer was lost, says
            // no to what it has done.
            Err(_) if is_at(&self.claimed, &self.place).unwrap_or(false) => Ok(()),
            renamed => renamed,
        }
    }

    /// In two steps there would be a moment with no checkpoint of that name.
    fn cannot_exchange(&self) -> Error {
        let reason = "this file system cannot replace a directory in one step: save under a new name";
        Error::io(&self.path, "replace the checkpoint", io::Error::new(io::ErrorKind::Unsupported, reason))
    }

    /// Gives what somebody has put into the directory that was replaced, in the moment before,
    /// to the one that is there now. Whether nothing but what was `known` is left.
    fn hand_on(&self, known: &BTreeSet<OsString>) -> bool {
        let Ok(names) = names_in(&self.directory) else { return false };
        let mut all = true;
        for name in names.into_iter().filter(|name| !known.contains(name)) {
            let (from, to) = (self.directory.join(&name), self.place.join(&name));
            all &= renameat_with(CWD, &from, CWD, &to, RenameFlags::NOREPLACE).is_ok();
        }
        all
    }

    /// Takes the final name away again: an error of a commit must not leave what was
    /// said to have failed, and never cost what was there before.
    fn take_back(&self, names: &Names, exchanged: bool, error: Error) -> Error {
        let renamed = match exchanged {
            true => renameat_with(CWD, &self.place, CWD, &self.directory, RenameFlags::EXCHANGE),
            // The hidden name is nobody else's.
            false => rename(&self.place, &self.directory),
        };
        let kept = renamed.is_err() || names.sync().is_err();
        self.kept.store(kept, Ordering::Relaxed);
        match renamed {
            Ok(()) => error,
            Err(_) => Error::Committed { path: self.path.clone(), source: Box::new(error) },
        }
    }
}

impl Stage for LocalStage {
    fn path(&self) -> &Path {
        &self.path
    }

    fn place(&self) -> &Path {
        &self.place
    }

    fn create(&self, name: &str, length: u64) -> Result<Box<dyn Sink>> {
        let path = self.path.join(name);
        let access = self.access(name).map_err(|source| Error::io(&path, "create", source))?;
        let place = self.directory.join(name);
        Ok(Box::new(LocalSink::staged(&path, &place, OsStr::new(name), length, access)?))
    }

    fn open(&self, name: &str) -> Result<Arc<dyn Source>> {
        Ok(Arc::new(LocalSource::open(&self.path.join(name), &self.directory.join(name))?))
    }

    fn directory(&self) -> Option<&Path> {
        Some(&self.directory)
    }

    fn commit(&self, may_replace: &dyn Fn() -> Result<()>) -> Result<()> {
        let failed = |source| Error::io(&self.path, "set the mode of", source);
        if let Some(access) = Access::of(&self.place).map_err(failed)? {
            access.give(&self.claimed).map_err(failed)?;
        }
        sync_directory(&self.directory)?;
        sync_ancestors(&self.place)?;
        // Whoever ends this process waits: a commit is done or undone, not left.
        let (mut under_way, names) = Names::and_under_way(parent(&self.place))?;
        under_way.appeared = true;
        // What comes from now on was not looked at.
        let known = names_in(&self.place).map_err(|source| Error::io(&self.path, "list", source))?;
        let exchanged = self.appear(may_replace)?;
        if let Err(error) = names.sync() {
            return Err(self.take_back(&names, exchanged, error));
        }
        drop(names);
        drop(under_way);
        parents::keep(&self.place, false)?;
        if exchanged {
            // Now the stage holds what was replaced. The new checkpoint is there,
            // whatever becomes of it.
            if self.hand_on(&known) {
                let _ = self.discard();
            }
        }
        Ok(())
    }

    fn discard(&self) -> Result<()> {
        if self.kept.load(Ordering::Relaxed) {
            return Ok(());
        }
        // Who ends this process has looked whether others work on it, and waits for nobody.
        let under_way = hold();
        let removed = match remove_all(&self.directory) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(Error::io(&self.directory, "remove", source))
            }
            _ => Ok(()),
        };
        drop(under_way);
        parents::unmake(&self.place);
        removed
    }
}

/// The names in a directory: none if there is none.
fn names_in(directory: &Path) -> io::Result<BTreeSet<OsString>> {
    match fs::read_dir(directory) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(BTreeSet::new())
        }
        entries => entries?.map(|entry| Ok(entry?.file_name())).collect(),
    }
}

impl Drop for LocalStage {
    fn drop(&mut self) {
        // Another rank removes what is staged, and the directories that it has made, in what this
        // process has made. If that rank has died, or somebody else uses them, this is not for long.
        let start = Instant::now();
        while parents::are_made(&self.place) && self.directory.exists() && start.elapsed() < PATIENCE {
            thread::sleep(PAUSE);
        }
        let start = Instant::now();
        while !self.place.exists() && parents::are_made(&self.place) && start.elapsed() < BRIEF {
            parents::unmake(&self.place);
            thread::sleep(PAUSE);
        }
        // Those of a checkpoint that is there stay.
        parents::unmake(&self.place);
    }
}

/// How long a stage may stay that is of no more use.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the directories above may.
const BRIEF: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(5);

/// Removes a directory and all in it, be it one whose owner said that nothing in it
/// changes.
pub(super) fn remove_all(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
            fs::remove_dir_all(directory)
        }
        removed => removed,
    }
}
