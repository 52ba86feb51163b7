//! A store in which somebody else does something at the worst moment of a removal.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use strongroom::Result;
use strongroom::store::{Entry, Local, Sink, Source, Stage, Store};

/// The machine's file system, and what is done in the middle of [`Store::remove`].
pub struct Meddling<M> {
    pub moment: Moment,
    pub meddle: M,
}

/// When.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// When it was decided that a checkpoint goes.
    Decided,
    /// When it was looked at for the last time.
    LookedAt,
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

    fn create(&self, path: &Path, length: u64) -> Result<Box<dyn Sink>> {
        Local.create(path, length)
    }

    fn list(&self, path: &Path) -> Result<Vec<Entry>> {
        Local.list(path)
    }

    fn available(&self, path: &Path) -> Result<Option<u64>> {
        Local.available(path)
    }

    fn remove(&self, path: &Path, wanted: &dyn Fn() -> Result<bool>) -> Result<bool> {
        if self.moment == Moment::Decided {
            (self.meddle)();
            return Local.remove(path, wanted);
        }
        Local.remove(path, &|| {
            let answer = wanted();
            (self.meddle)();
            answer
        })
    }

    fn stage(&self, path: &Path, token: &str) -> Result<Box<dyn Stage>> {
        Local.stage(path, token)
    }

    fn tidy(&self, root: &Path) -> Result<()> {
        Local.tidy(root)
    }
}
