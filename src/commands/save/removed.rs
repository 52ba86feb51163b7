//! What a save has removed for the sake of what it saved.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Result;
use strongroom::store::Store;
use strongroom::{Retention, list_beside_in, prunable_beside_in};

use crate::context::Context;
use crate::output::Printable;

/// The checkpoints beside a new one before it is saved.
///
/// Whoever writes removes, which may be another process: what went is what is there no
/// more.
pub struct Removed<'r> {
    directory: &'r Path,
    retention: Retention,
    before: Vec<PathBuf>,
}

impl<'r> Removed<'r> {
    /// Remembers what there is.
    pub fn watch(context: &Context, directory: &'r Path, retention: Retention) -> Result<Self> {
        let before = list_beside_in(&context.store, directory)?.checkpoints;
        let before = before.into_iter().map(|listed| listed.path).collect();
        Ok(Self { directory, retention, before })
    }

    /// Says on stderr which of it went, and which did not that was to go.
    pub fn tell(self, context: &Context) {
        let gone = self.before.iter().filter(|path| matches!(context.store.look(path), Ok(None)));
        gone.for_each(|path| note(&format!("removed {}", path.display())));
        // The save has come out as it has: this is but a note.
        let left = prunable_beside_in(&context.store, self.directory, &self.retention).unwrap_or_default();
        left.spared.iter().for_each(|error| note(&error.to_string()));
    }
}

fn note(text: &str) {
    // Nobody is left to tell if this fails.
    let _ = writeln!(io::stderr(), "note: {}", Printable(text));
}
