//! What every command works with: the sandbox, and a store that counts.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use strongroom::store::{Local, Metered, Store};
use strongroom::{
    Checkpoint, DirectoryKind, Engine, Error, File, Limits, Listed, Listing, Uncommitted, Verified, list_in,
    list_latest_in,
};

use crate::output::note;
use crate::patience::Patience;
use crate::progress::Progress;

/// The engine, and the file system behind a meter for the progress bar.
pub struct Context {
    /// The engine that all jobs share.
    pub engine: Engine,
    /// Where files are.
    pub store: Metered<Local>,
    /// How long understanding one file may take.
    pub patience: Duration,
}

impl Context {
    /// Sets the sandbox up.
    pub fn start() -> Result<Self> {
        Self::limited(Limits::default())
    }

    /// The same, where understanding a file may take so much.
    pub fn limited(limits: Limits) -> Result<Self> {
        let engine = Engine::shared()?.limited(limits);
        Ok(Self { engine, store: Metered::new(Local), patience: limits.deadline })
    }

    /// Opens a checkpoint file.
    pub fn open(&self, path: &Path) -> Result<File> {
        let _patience = Patience::start(self.patience, path);
        let unfinished = || matches!(DirectoryKind::of(&self.store, path), Ok(DirectoryKind::Unfinished));
        match File::open_in(&self.engine, &self.store, path) {
            // Not there yet, or not any more: that is not the same.
            Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound && unfinished() => {
                bail!(Error::NotCommitted { path: path.into(), kind: DirectoryKind::Unfinished })
            }
            opened => Ok(opened?),
        }
    }

    /// Opens a checkpoint directory.
    pub fn checkpoint(&self, path: &Path) -> Result<Checkpoint> {
        let _patience = Patience::start(self.patience, path);
        Ok(Checkpoint::open_in(&self.engine, Arc::new(self.store.clone()), path)?)
    }

    /// Opens the files of ranks in a directory without commit record.
    pub fn uncommitted(&self, path: &Path) -> Result<Uncommitted> {
        let _patience = Patience::start(self.patience, path);
        Ok(Uncommitted::open_in(&self.engine, Arc::new(self.store.clone()), path)?)
    }

    /// The committed checkpoints of a directory. Says on stderr which others there
    /// may be.
    pub fn list(&self, root: &Path) -> Result<Vec<Listed>> {
        let listing = list_in(&self.store, root)?;
        self.tell_passed_over(root, &listing);
        Ok(listing.checkpoints)
    }

    /// That a directory has none, and what it is instead.
    pub fn none_in(&self, root: &Path) -> String {
        let none = format!("{}: there is no committed checkpoint in it that is whole", root.display());
        match DirectoryKind::of(&self.store, root) {
            Ok(DirectoryKind::Checkpoints(_) | DirectoryKind::Empty | DirectoryKind::Other) | Err(_) => none,
            // It is told by itself.
            Ok(DirectoryKind::Above { kind, .. }) if matches!(*kind, DirectoryKind::LostRecord(_)) => none,
            Ok(DirectoryKind::Committed) => format!("{none}: it is one itself"),
            Ok(kind) => format!("{none}: it is {kind}"),
        }
    }

    /// The newest of them.
    pub fn latest(&self, root: &Path) -> Result<Option<Listed>> {
        let mut listing = list_latest_in(&self.store, root)?;
        self.tell_passed_over(root, &listing);
        Ok(listing.checkpoints.pop())
    }

    /// Says which directories may be checkpoints, too: those that a listing passed over, and those
    /// that have lost their record.
    fn tell_passed_over(&self, root: &Path, listing: &Listing) {
        listing.passed_over.iter().for_each(|error| note(&format!("passed over: {error}")));
        let mut entries = self.store.list(root).unwrap_or_default();
        entries.retain(|entry| entry.directory && !entry.name.as_encoded_bytes().starts_with(b"."));
        entries.sort_unstable();
        for path in entries.into_iter().map(|entry| root.join(entry.name)) {
            let kind = DirectoryKind::of(&self.store, &path);
            if let Ok(kind @ DirectoryKind::LostRecord(_)) = kind {
                note(&format!("passed over: {}", Error::NotCommitted { path, kind }));
            }
        }
    }

    /// Verifies every checksum of a file.
    pub fn verify(&self, file: &File) -> Result<Verified> {
        let _progress = self.reading("verifying", file.state().length());
        Ok(file.verify()?)
    }

    /// Verifies every file of a checkpoint directory.
    pub fn verify_all(&self, checkpoint: &Checkpoint) -> Result<Verified> {
        let _progress = self.reading("verifying", checkpoint.record().length);
        Ok(checkpoint.verify()?)
    }

    /// Shows how much of `total` bytes was read, while the answer lives.
    fn reading(&self, what: &str, total: u64) -> Progress {
        let meter = self.store.meter().clone();
        let before = meter.read();
        Progress::start(what, total, move || meter.read() - before)
    }

    /// Shows how much of `total` bytes was written, while the answer lives.
    pub fn writing(&self, what: &str, total: u64) -> Progress {
        let meter = self.store.meter().clone();
        let before = meter.written();
        Progress::start(what, total, move || meter.written() - before)
    }
}
