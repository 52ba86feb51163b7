use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::Serialize;
use strongroom::store::Store;
use strongroom::{Error, Pruned, prunable_in, prune_in};

use super::keep::Keep;
use super::place;
use crate::context::Context;
use crate::output::{Printable, json};

/// Remove old checkpoints from a directory of checkpoints
///
/// Prints the path of each that is removed, and of what writes that were killed have left,
/// which goes too; without --keep-last only that. The newest committed checkpoint of a
/// family always stays, and so does whatever is no committed checkpoint, or not a whole
/// one: other files, and saves that are under way.
#[derive(clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// The directory that holds checkpoint directories
    root: PathBuf,

    #[command(flatten)]
    keep: Keep,

    /// Only print what would be removed
    #[arg(long)]
    dry_run: bool,

    /// Print JSON, as docs/json.md describes it
    #[arg(long)]
    json: bool,
}

/// What was removed, in JSON as `docs/json.md` describes it.
#[derive(Serialize)]
struct Answer {
    dry_run: bool,
    /// What saves that died had left.
    leftovers: Vec<String>,
    removed: Vec<String>,
    /// Why checkpoints stay that would go otherwise.
    spared: Vec<String>,
}

impl Args {
    /// Removes, and says what.
    pub fn exec(self, out: &mut dyn Write) -> Result<()> {
        place::expect_directory_if_any(&self.root)?;
        let context = Context::start()?;
        let pruned = match (self.keep.asked(), self.dry_run) {
            (None, _) if !self.root.exists() => Pruned::default(),
            (None, true) => of(context.store.leftovers(&self.root)?),
            (None, false) => of(context.store.tidy(&self.root)?),
            (Some(retention), dry_run) => {
                // Says which are passed over.
                context.list(&self.root)?;
                match dry_run {
                    true => prunable_in(&context.store, &self.root, &retention)?,
                    false => prune_in(&context.store, &self.root, &retention)?,
                }
            }
        };
        pruned.spared.iter().for_each(note);
        if self.json {
            let names = |paths: &[PathBuf]| paths.iter().map(|path| path.display().to_string()).collect();
            let (leftovers, removed) = (names(&pruned.leftovers), names(&pruned.removed));
            let spared = pruned.spared.iter().map(ToString::to_string).collect();
            return Ok(json::write(out, &Answer { dry_run: self.dry_run, leftovers, removed, spared })?);
        }
        pruned.leftovers.iter().chain(&pruned.removed).try_for_each(|path| print(out, path))
    }
}

fn of(leftovers: Vec<PathBuf>) -> Pruned {
    Pruned { leftovers, ..Pruned::default() }
}

/// Says what stays.
fn note(error: &Error) {
    // Nobody is left to tell if this fails.
    let _ = writeln!(io::stderr(), "note: {}", Printable(&error.to_string()));
}

/// For a script, and a path need not be UTF-8.
fn print(out: &mut dyn Write, path: &Path) -> Result<()> {
    out.write_all(path.as_os_str().as_bytes())?;
    Ok(writeln!(out)?)
}

const EXAMPLES: &str = "\
Examples:
  strongroom prune run --keep-last 3
  strongroom prune run --keep-last 3 --keep-every 1000 --dry-run";
