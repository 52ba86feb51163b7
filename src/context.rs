//! What every command works with: the sandbox, and a store that counts.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use strongroom::store::{Local, Metered};
use strongroom::{Checkpoint, Engine, File, Listed, Listing, Verified, list_in};

use crate::output::Printable;
use crate::progress::Progress;

/// The engine, and the file system behind a meter for the progress bar.
pub struct Context {
    /// The engine that all jobs share.
    pub engine: &'static Engine,
    /// Where files are.
    pub store: Metered<Local>,
}

impl Context {
    /// Sets the sandbox up.
    pub fn start() -> Result<Self> {
        Ok(Self { engine: Engine::shared()?, store: Metered::new(Local) })
    }

    /// Opens a checkpoint file.
    pub fn open(&self, path: &Path) -> Result<File> {
        Ok(File::open_in(self.engine, &self.store, path)?)
    }

    /// Opens a checkpoint directory.
    pub fn checkpoint(&self, path: &Path) -> Result<Checkpoint> {
        Ok(Checkpoint::open_in(self.engine, Arc::new(self.store.clone()), path)?)
    }

    /// The committed checkpoints of a directory. Says on stderr which others there
    /// may be.
    pub fn list(&self, root: &Path) -> Result<Vec<Listed>> {
        let Listing { checkpoints, passed_over } = list_in(&self.store, root)?;
        for error in passed_over {
            // Nobody is left to tell if this fails.
            let _ = writeln!(io::stderr(), "note: passed over: {}", Printable(&error.to_string()));
        }
        Ok(checkpoints)
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
