//! A store in which somebody else does something at the worst moment.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use strongroom::store::{
    Entry, Files, Found, Link, Local, Removal, Shared, Sink, Source, Stage, Store, Tidied, Which,
};
use strongroom::{Error, Result};

/// The machine's file system, and what is done once, in the middle of something.
pub struct Meddling<M> {
    moment: Moment,
    meddle: M,
    done: AtomicBool,
    /// What is done while its files are read.
    reading: Option<Arc<Reading>>,
}

/// What is done when files were read so many times.
struct Reading {
    left: AtomicUsize,
    meddle: Box<dyn Fn() + Send + Sync>,
}

/// When.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// When the names in a directory were read.
    Listed,
    /// When it was decided that a checkpoint goes.
    Decided,
    /// When it was looked at for the last time under its name.
    LookedAt,
    /// When files were read so many times.
    Read,
    /// When it was decided where a file goes.
    Placed,
}

impl Meddling<fn()> {
    /// Meddles when files were read `times` times.
    pub fn reading(times: usize, meddle: impl Fn() + Send + Sync + 'static) -> Self {
        let reading = Reading { left: AtomicUsize::new(times), meddle: Box::new(meddle) };
        Self { reading: Some(Arc::new(reading)), ..Self::new(Moment::Read, || ()) }
    }

    /// How many of those times are yet to come.
    pub fn reads_left(&self) -> usize {
        self.reading.as_ref().map_or(0, |reading| reading.left.load(Ordering::SeqCst))
    }

    /// Whether that moment came.
    pub fn is_read(&self) -> bool {
        self.reading.as_ref().is_some_and(|reading| reading.left.load(Ordering::SeqCst) == 0)
    }
}

impl<M: Fn()> Meddling<M> {
    pub fn new(moment: Moment, meddle: M) -> Self {
        Self { moment, meddle, done: AtomicBool::new(false), reading: None }
    }

    fn at(&self, moment: Moment) {
        if moment == self.moment && !self.done.swap(true, Ordering::Relaxed) {
            (self.meddle)();
        }
    }
}

impl<M> fmt::Debug for Meddling<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meddling").field("moment", &self.moment).finish_non_exhaustive()
    }
}

/// A file that somebody does something to while it is read.
struct MeddlingSource {
    source: Arc<dyn Source>,
    reading: Arc<Reading>,
}

impl fmt::Debug for MeddlingSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeddlingSource").field("source", &self.source).finish_non_exhaustive()
    }
}

impl Source for MeddlingSource {
    fn path(&self) -> &Path {
        self.source.path()
    }

    fn length(&self) -> u64 {
        self.source.length()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        self.source.read_at(offset, buffer)?;
        let left = &self.reading.left;
        if left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)) == Ok(1) {
            (self.reading.meddle)();
        }
        Ok(())
    }

    fn bytes(&self) -> Result<Option<Shared<'static>>> {
        self.source.bytes()
    }

    fn unchanged(&self) -> Result<()> {
        self.source.unchanged()
    }
}

impl<M: Fn() + Send + Sync> Store for Meddling<M> {
    fn open(&self, path: &Path) -> Result<Arc<dyn Source>> {
        let source = Local.open(path)?;
        match self.reading.clone() {
            Some(reading) => Ok(Arc::new(MeddlingSource { source, reading })),
            None => Ok(source),
        }
    }

    fn exists(&self, path: &Path) -> Result<bool> {
        Local.exists(path)
    }

    fn look(&self, path: &Path) -> Result<Option<Found>> {
        Local.look(path)
    }

    fn real(&self, path: &Path) -> Result<PathBuf> {
        Local.real(path)
    }

    fn create(&self, path: &Path, length: u64) -> Result<Box<dyn Sink>> {
        self.at(Moment::Placed);
        Local.create(path, length)
    }

    fn list(&self, path: &Path) -> Result<Vec<Entry>> {
        let entries = Local.list(path);
        self.at(Moment::Listed);
        entries
    }

    fn links(&self, root: &Path, found: &mut dyn FnMut(Link)) -> Result<Option<Error>> {
        Local.links(root, found)
    }

    fn available(&self, path: &Path) -> Result<Option<u64>> {
        Local.available(path)
    }

    fn remove(&self, root: &Path, which: &Which<'_>, contents: &Files<'_>) -> Result<Vec<Removal>> {
        self.at(Moment::Decided);
        let which = || {
            let answer = which();
            self.at(Moment::LookedAt);
            answer
        };
        Local.remove(root, &which, contents)
    }

    fn stage(&self, path: &Path, token: &str) -> Result<Box<dyn Stage>> {
        Local.stage(path, token)
    }

    fn leftovers(&self, root: &Path) -> Result<Vec<PathBuf>> {
        Local.leftovers(root)
    }

    fn tidy(&self, root: &Path) -> Result<Tidied> {
        Local.tidy(root)
    }
}
