//! What a save has removed for the sake of what it saved.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Result;
use strongroom::store::Store;
use strongroom::{Retention, list_in, prunable_in};

use crate::context::Context;
use crate::output::Printable;

/// The checkpoints beside a new one before it is saved.
///
/// The writer removes, which may be another process: what went is what is there no more.
pub struct Removed {
    root: PathBuf,
    retention: Retention,
    before: Vec<PathBuf>,
}

impl Removed {
    /// Remembers what there is.
    pub fn watch(context: &Context, directory: &Path, retention: Retention) -> Result<Self> {
        let place = context.store.real(directory)?;
        let shown = directory.parent().filter(|root| !root.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let linked = place.parent() != Some(&*context.store.real(shown)?);
        let root = place.parent().filter(|_| linked).unwrap_or(shown).to_path_buf();
        let before = list_in(&context.store, &root)?.checkpoints;
        let before = before.into_iter().map(|listed| listed.path).collect();
        Ok(Self { root, retention, before })
    }

    /// Says on stderr which of it went, and which did not that was to go.
    pub fn tell(self, context: &Context) {
        let gone = self.before.iter().filter(|path| matches!(context.store.look(path), Ok(None)));
        gone.for_each(|path| note(&format!("removed {}", path.display())));
        let left = prunable_in(&context.store, &self.root, &self.retention).unwrap_or_default();
        left.spared.iter().for_each(|error| note(&error.to_string()));
    }
}

fn note(text: &str) {
    // Nobody is left to tell if this fails.
    let _ = writeln!(io::stderr(), "note: {}", Printable(text));
}
