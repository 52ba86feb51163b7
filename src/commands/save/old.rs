//! The old checkpoints beside the one that is saved.

use std::path::{Path, PathBuf};

use anyhow::Result;
use strongroom::store::Store;
use strongroom::{Listing, Retention, list_beside_in, prunable_beside_in};

use crate::context::Context;
use crate::output::note;
use crate::removed::Removed;

/// Those that there were before the save.
pub struct Old<'o> {
    directory: PathBuf,
    retention: Retention,
    source: &'o Path,
    removed: Removed,
}

impl<'o> Old<'o> {
    /// Remembers what there is.
    pub fn watch(
        context: &Context,
        directory: &Path,
        retention: Retention,
        source: &'o Path,
    ) -> Result<Self> {
        // Who works in what is replaced has no path to it afterwards but the absolute one.
        let real = context.store.real(directory)?;
        let within = context.store.real(Path::new(".")).is_ok_and(|here| here.starts_with(&real));
        let directory = if within { real } else { directory.to_path_buf() };
        let Listing { checkpoints, passed_over } = list_beside_in(&context.store, &directory)?;
        passed_over.iter().for_each(|error| note(&format!("passed over: {error}")));
        Ok(Self { directory, retention, source, removed: Removed::watch(&checkpoints) })
    }

    /// Says on stderr which of it went, and which did not that was to go.
    pub fn tell(self, context: &Context) {
        self.removed.tell();
        // The save has come out as it has: this is but a note.
        let sources = [self.source.to_path_buf()];
        let left = prunable_beside_in(&context.store, &self.directory, &self.retention, &sources);
        let left = left.unwrap_or_default();
        left.spared.iter().for_each(|error| note(&error.to_string()));
    }
}
