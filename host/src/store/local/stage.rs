//! Checkpoint directories that are written.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, RenameFlags, rename, renameat_with};
use rustix::io::Errno;

use super::hidden::Kind;
use super::lock::{Names, claim, is_at};
use super::sink::LocalSink;
use super::source::LocalSource;
use super::sync::{parent, sync_ancestors, sync_directory};
use crate::store::{Sink, Source, Stage};
use crate::{Error, Result};

/// A hidden directory beside the checkpoint's final place, so that one rename
/// brings all ranks' files there.
#[derive(Debug)]
pub(super) struct LocalStage {
    path: PathBuf,
    directory: PathBuf,
    /// The directory, open: who cleans up leaves it alone.
    claimed: File,
    /// Set when nobody knows which of two names the disk has for the directory:
    /// then it may be the only checkpoint there is after a power cut.
    kept: AtomicBool,
}

impl LocalStage {
    /// Makes the stage, or joins the one that another rank has made.
    pub(super) fn join(path: &Path, name: &OsStr, token: &str) -> Result<Self> {
        let directory = Kind::Stage.beside(path, name, token);
        let failed = |source| Error::io(&directory, "create", source);
        loop {
            match fs::create_dir_all(&directory) {
                // It was there, and was cleaned up before it was looked at.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && !directory.exists() => continue,
                made => made.map_err(failed)?,
            }
            let claimed = match File::open(&directory) {
                // Cleaned up before anybody said that it is in use.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                opened => opened.map_err(failed)?,
            };
            if claim(&claimed, &directory).map_err(failed)? {
                return Ok(Self { path: path.into(), directory, claimed, kept: AtomicBool::new(false) });
            }
        }
    }

    /// Gives the directory its final name. Whether it changed names with one that was
    /// there.
    fn appear(&self, replaces: Option<&str>) -> Result<bool> {
        let exists = || Error::Exists { path: self.path.clone() };
        let failed = |errno: Errno| Error::io(&self.path, "commit the checkpoint", errno.into());
        let replaces = |directory: &Path| replaces.is_some_and(|name| directory.join(name).exists());
        match self.rename(RenameFlags::NOREPLACE) {
            Ok(()) => Ok(false),
            Err(Errno::EXIST) if replaces(&self.path) => match self.rename(RenameFlags::EXCHANGE) {
                Err(Errno::INVAL) => Err(self.cannot_exchange()),
                exchanged => exchanged.map(|()| true).map_err(failed),
            },
            Err(Errno::EXIST) => Err(exists()),
            Err(Errno::INVAL | Errno::NOSYS) if replaces(&self.path) => Err(self.cannot_exchange()),
            Err(Errno::INVAL | Errno::NOSYS) if fs::symlink_metadata(&self.path).is_ok() => Err(exists()),
            Err(Errno::INVAL | Errno::NOSYS) => match self.rename(RenameFlags::empty()) {
                Err(Errno::EXIST | Errno::NOTEMPTY | Errno::NOTDIR) => Err(exists()),
                renamed => renamed.map(|()| false).map_err(failed),
            },
            Err(errno) => Err(failed(errno)),
        }
    }

    /// NFS and others know no flags. Without them no directory is replaced that has
    /// something in it, and all checkpoints have.
    fn rename(&self, flags: RenameFlags) -> rustix::io::Result<()> {
        let renamed = match flags.is_empty() {
            true => rename(&self.directory, &self.path),
            false => renameat_with(CWD, &self.directory, CWD, &self.path, flags),
        };
        match renamed {
            // A file server that was asked twice, as its first answer was lost, says
            // no to what it has done.
            Err(_) if is_at(&self.claimed, &self.path).unwrap_or(false) => Ok(()),
            renamed => renamed,
        }
    }

    /// In two steps there would be a moment with no checkpoint of that name.
    fn cannot_exchange(&self) -> Error {
        let reason = "this file system cannot replace a directory in one step: save under a new name";
        Error::io(&self.path, "replace the checkpoint", io::Error::new(io::ErrorKind::Unsupported, reason))
    }

    /// Takes the final name away again: an error of a commit must not leave what was
    /// said to have failed, and never cost what was there before.
    fn take_back(&self, names: &Names, exchanged: bool, error: Error) -> Error {
        let renamed = match exchanged {
            true => renameat_with(CWD, &self.path, CWD, &self.directory, RenameFlags::EXCHANGE),
            // The hidden name is nobody else's.
            false => rename(&self.path, &self.directory),
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

    fn create(&self, name: &str, length: u64) -> Result<Box<dyn Sink>> {
        Ok(Box::new(LocalSink::create(&self.directory.join(name), OsStr::new(name), length, true)?))
    }

    fn open(&self, name: &str) -> Result<Arc<dyn Source>> {
        Ok(Arc::new(LocalSource::open(&self.directory.join(name))?))
    }

    fn directory(&self) -> Option<&Path> {
        Some(&self.directory)
    }

    fn commit(&self, replaces: Option<&str>) -> Result<()> {
        sync_directory(&self.directory)?;
        sync_ancestors(&self.path)?;
        let names = Names::of(parent(&self.path))?;
        let exchanged = self.appear(replaces)?;
        if let Err(error) = names.sync() {
            return Err(self.take_back(&names, exchanged, error));
        }
        drop(names);
        if exchanged {
            // Now the stage holds what was replaced. The new checkpoint is there,
            // whatever becomes of it.
            let _ = self.discard();
        }
        Ok(())
    }

    fn discard(&self) -> Result<()> {
        if self.kept.load(Ordering::Relaxed) {
            return Ok(());
        }
        match fs::remove_dir_all(&self.directory) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(Error::io(&self.directory, "remove", source))
            }
            _ => Ok(()),
        }
    }
}
