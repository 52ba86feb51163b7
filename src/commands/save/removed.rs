//! What a save has removed for the sake of what it saved.

use std::path::{Path, PathBuf};

use anyhow::Result;
use strongroom::store::Store;
use strongroom::{Listing, Retention, list_beside_in, prunable_beside_in};

use crate::context::Context;
use crate::output::note;

/// The checkpoints beside a new one before it is saved.
///
/// Whoever writes removes, which may be another process: what went is what is there no
/// more.
pub struct Removed<'r> {
    directory: PathBuf,
    retention: Retention,
    source: &'r Path,
    before: Vec<PathBuf>,
}

impl<'r> Removed<'r> {
    /// Remembers what there is.
    pub fn watch(
        context: &Context,
        directory: &Path,
        retention: Retention,
        source: &'r Path,
    ) -> Result<Self> {
        // Who works in what is replaced has no path to it afterwards but the absolute one.
        let real = context.store.real(directory)?;
        let within = context.store.real(Path::new("."))?.starts_with(&real);
        let directory = if within { real } else { directory.to_path_buf() };
        let Listing { checkpoints, passed_over } = list_beside_in(&context.store, &directory)?;
        passed_over.iter().for_each(|error| note(&format!("passed over: {error}")));
        let before = checkpoints.into_iter().map(|listed| listed.path).collect();
        Ok(Self { directory, retention, source, before })
    }

    /// Says on stderr which of it went, and which did not that was to go.
    pub fn tell(self, context: &Context) {
        let gone = self.before.iter().filter(|path| matches!(context.store.look(path), Ok(None)));
        gone.for_each(|path| note(&format!("removed {}", path.display())));
        // The save has come out as it has: this is but a note.
        let sources = [self.source.to_path_buf()];
        let left = prunable_beside_in(&context.store, &self.directory, &self.retention, &sources);
        let left = left.unwrap_or_default();
        left.spared.iter().for_each(|error| note(&error.to_string()));
    }
}
