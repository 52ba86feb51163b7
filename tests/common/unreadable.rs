//! A store whose files cannot be read any more after so many reads, as on a disk
//! that is dying or a network that is gone.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use strongroom::store::{
    Entry, Files, Found, Link, Removal, Shared, Sink, Source, Stage, Store, Tidied, Which,
};
use strongroom::{Error, Result};

/// Wraps a store, of which only reading fails.
#[derive(Clone, Debug)]
pub struct Unreadable<S> {
    store: S,
    left: Arc<AtomicU64>,
}

impl<S: Store> Unreadable<S> {
    /// Reads `reads` times, from all files together.
    pub fn after(reads: u64, store: S) -> Self {
        Self { store, left: Arc::new(AtomicU64::new(reads)) }
    }
}

impl<S: Store> Store for Unreadable<S> {
    fn open(&self, path: &Path) -> Result<Arc<dyn Source>> {
        Ok(Arc::new(UnreadableSource { source: self.store.open(path)?, left: self.left.clone() }))
    }

    fn exists(&self, path: &Path) -> Result<bool> {
        self.store.exists(path)
    }

    fn look(&self, path: &Path) -> Result<Option<Found>> {
        self.store.look(path)
    }

    fn real(&self, path: &Path) -> Result<PathBuf> {
        self.store.real(path)
    }

    fn create(&self, path: &Path, length: u64) -> Result<Box<dyn Sink>> {
        self.store.create(path, length)
    }

    fn list(&self, path: &Path) -> Result<Vec<Entry>> {
        self.store.list(path)
    }

    fn links(&self, root: &Path, found: &mut dyn FnMut(Link)) -> Result<Option<Error>> {
        self.store.links(root, found)
    }

    fn available(&self, path: &Path) -> Result<Option<u64>> {
        self.store.available(path)
    }

    fn remove(&self, root: &Path, which: &Which<'_>, contents: &Files<'_>) -> Result<Vec<Removal>> {
        self.store.remove(root, which, contents)
    }

    fn leftovers(&self, root: &Path) -> Result<Vec<PathBuf>> {
        self.store.leftovers(root)
    }

    fn tidy(&self, root: &Path) -> Result<Tidied> {
        self.store.tidy(root)
    }

    fn stage(&self, path: &Path, token: &str) -> Result<Box<dyn Stage>> {
        self.store.stage(path, token)
    }
}

#[derive(Debug)]
struct UnreadableSource {
    source: Arc<dyn Source>,
    left: Arc<AtomicU64>,
}

impl Source for UnreadableSource {
    fn path(&self) -> &Path {
        self.source.path()
    }

    fn length(&self) -> u64 {
        self.source.length()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let counted = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if counted.is_ok() {
            return self.source.read_at(offset, buffer);
        }
        let action = format!("read {} bytes at {offset}", buffer.len());
        let source = io::Error::other("the disk is dying");
        Err(Error::Io { path: self.path().into(), action, source })
    }

    fn bytes(&self) -> Result<Option<Shared<'static>>> {
        Ok(None)
    }

    fn unchanged(&self) -> Result<()> {
        self.source.unchanged()
    }
}
