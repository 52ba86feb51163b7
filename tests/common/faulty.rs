//! A store that breaks down: the nth thing asked of it fails, and with it all
//! that comes after, as on a disk that is full or gone.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use strongroom::store::{Entry, Files, Found, Link, Removal, Sink, Source, Stage, Store, Tidied, Which};
use strongroom::{Error, Result};

/// Wraps a store. Reading and removing what is staged always work.
#[derive(Clone, Debug)]
pub struct Faulty<S> {
    store: S,
    countdown: Countdown,
}

#[derive(Clone, Debug)]
struct Countdown {
    asked: Arc<AtomicU64>,
    works: u64,
}

impl<S: Store> Faulty<S> {
    /// Works `works` times: creating, writing to, finishing and committing count.
    pub fn after(works: u64, store: S) -> Self {
        Self { store, countdown: Countdown { asked: Arc::default(), works } }
    }

    /// How often it was asked.
    pub fn asked(&self) -> u64 {
        self.countdown.asked.load(Ordering::SeqCst)
    }
}

impl Countdown {
    fn ask(&self, path: &Path, action: &str) -> Result<()> {
        if self.asked.fetch_add(1, Ordering::SeqCst) < self.works {
            return Ok(());
        }
        let source = io::Error::new(io::ErrorKind::StorageFull, "the disk is full");
        Err(Error::Io { path: path.into(), action: action.into(), source })
    }

    fn sink(&self, sink: Box<dyn Sink>) -> Box<dyn Sink> {
        Box::new(FaultySink { sink, countdown: self.clone() })
    }
}

impl<S: Store> Store for Faulty<S> {
    fn open(&self, path: &Path) -> Result<Arc<dyn Source>> {
        self.store.open(path)
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
        self.countdown.ask(path, "create")?;
        Ok(self.countdown.sink(self.store.create(path, length)?))
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

    fn stage(&self, path: &Path, token: &str) -> Result<Box<dyn Stage>> {
        let stage = self.store.stage(path, token)?;
        Ok(Box::new(FaultyStage { stage, countdown: self.countdown.clone() }))
    }

    fn leftovers(&self, root: &Path) -> Result<Vec<PathBuf>> {
        self.store.leftovers(root)
    }

    fn tidy(&self, root: &Path) -> Result<Tidied> {
        self.store.tidy(root)
    }
}

#[derive(Debug)]
struct FaultyStage {
    stage: Box<dyn Stage>,
    countdown: Countdown,
}

impl Stage for FaultyStage {
    fn path(&self) -> &Path {
        self.stage.path()
    }

    fn place(&self) -> &Path {
        self.stage.place()
    }

    fn create(&self, name: &str, length: u64) -> Result<Box<dyn Sink>> {
        self.countdown.ask(self.path(), "create")?;
        Ok(self.countdown.sink(self.stage.create(name, length)?))
    }

    fn open(&self, name: &str) -> Result<Arc<dyn Source>> {
        self.stage.open(name)
    }

    fn directory(&self) -> Option<&Path> {
        self.stage.directory()
    }

    fn commit(&self, may_replace: &dyn Fn() -> Result<()>) -> Result<()> {
        self.countdown.ask(self.path(), "commit")?;
        self.stage.commit(may_replace)
    }

    fn discard(&self) -> Result<()> {
        self.stage.discard()
    }
}

#[derive(Debug)]
struct FaultySink {
    sink: Box<dyn Sink>,
    countdown: Countdown,
}

impl Sink for FaultySink {
    fn path(&self) -> &Path {
        self.sink.path()
    }

    fn place(&self) -> &Path {
        self.sink.place()
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        self.countdown.ask(self.path(), "write")?;
        self.sink.write_at(offset, bytes)
    }

    fn finish(self: Box<Self>, durable: bool) -> Result<()> {
        self.countdown.ask(self.path(), "finish")?;
        self.sink.finish(durable)
    }
}
