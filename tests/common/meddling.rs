//! A store in which somebody else does something at the worst moment.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use strongroom::Result;
use strongroom::store::{Entry, Found, Local, Sink, Source, Stage, Store};

/// The machine's file system, and what is done once, in the middle of something.
pub struct Meddling<M> {
    moment: Moment,
    meddle: M,
    done: AtomicBool,
}

/// When.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// When the names in a directory were read.
    Listed,
    /// When it was decided that a checkpoint goes.
    Decided,
    /// When it was looked at for the last time.
    LookedAt,
}

impl<M: Fn()> Meddling<M> {
    pub fn new(moment: Moment, meddle: M) -> Self {
        Self { moment, meddle, done: AtomicBool::new(false) }
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

impl<M: Fn() + Send + Sync> Store for Meddling<M> {
    fn open(&self, path: &Path) -> Result<Arc<dyn Source>> {
        Local.open(path)
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
        Local.create(path, length)
    }

    fn list(&self, path: &Path) -> Result<Vec<Entry>> {
        let entries = Local.list(path);
        self.at(Moment::Listed);
        entries
    }

    fn available(&self, path: &Path) -> Result<Option<u64>> {
        Local.available(path)
    }

    fn remove(&self, path: &Path, wanted: &dyn Fn() -> Result<bool>) -> Result<bool> {
        self.at(Moment::Decided);
        Local.remove(path, &|| {
            let answer = wanted();
            self.at(Moment::LookedAt);
            answer
        })
    }

    fn stage(&self, path: &Path, token: &str) -> Result<Box<dyn Stage>> {
        Local.stage(path, token)
    }

    fn leftovers(&self, root: &Path) -> Result<Vec<PathBuf>> {
        Local.leftovers(root)
    }

    fn tidy(&self, root: &Path) -> Result<Vec<PathBuf>> {
        Local.tidy(root)
    }
}
