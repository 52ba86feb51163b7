use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::Serialize;
use strongroom::store::{Store, Tidied};
use strongroom::{Pruned, list_in, prunable_in, prune_in};

use super::keep::Keep;
use super::place;
use crate::context::Context;
use crate::failure;
use crate::output::{json, note};
use crate::removed::Removed;

/// Remove old checkpoints from a directory of checkpoints
///
/// Prints the path of each that is removed, and of what writes that were killed have left,
/// which goes too; without --keep-last only that. If it is interrupted, notes on stderr name
/// what it has removed. The newest committed checkpoint of a
/// family always stays, and so does whatever is no committed checkpoint, or not a whole
/// one: other files, and saves that are under way. A checkpoint is taken for whole whose
/// record is right and whose files are all there and as long as they were: `strongroom
/// verify` reads what is in them. Where there is no such directory, as before the first
/// checkpoint of a run, nothing is removed, and a note says why.
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
    /// What could not be removed, and why.
    failed: Vec<String>,
}

impl Args {
    /// Removes, and says what.
    pub fn exec(self, out: &mut dyn Write) -> Result<u8> {
        let is_there = place::is_there(&self.root)?;
        if !is_there {
            note(&format!("{}: there is no such directory", self.root.display()));
        }
        let context = Context::start()?;
        let pruned = match (self.keep.asked(), self.dry_run) {
            (None, _) if !is_there => Pruned::default(),
            (None, true) => Pruned { leftovers: context.store.leftovers(&self.root)?, ..Pruned::default() },
            (None, false) => {
                let Tidied { removed: leftovers, failed } = context.store.tidy(&self.root)?;
                Pruned { leftovers, failed, ..Pruned::default() }
            }
            (Some(retention), true) => prunable_in(&context.store, &self.root, &retention)?,
            (Some(retention), false) => {
                Removed::watch(&list_in(&context.store, &self.root)?.checkpoints);
                prune_in(&context.store, &self.root, &retention)?
            }
        };
        pruned.passed_over.iter().for_each(|error| note(&format!("passed over: {error}")));
        pruned.spared.iter().for_each(|error| note(&error.to_string()));
        if self.json {
            let names = |paths: &[PathBuf]| paths.iter().map(|path| path.display().to_string()).collect();
            let (leftovers, removed) = (names(&pruned.leftovers), names(&pruned.removed));
            let spared = pruned.spared.iter().map(ToString::to_string).collect();
            let failed = pruned.failed.iter().map(ToString::to_string).collect();
            json::write(out, &Answer { dry_run: self.dry_run, leftovers, removed, spared, failed })?;
        } else {
            pruned.leftovers.iter().chain(&pruned.removed).try_for_each(|path| print(out, path))?;
        }
        // What went stands before what did not.
        out.flush()?;
        let codes = pruned.failed.into_iter().map(|error| failure::report(&error.into()));
        Ok(codes.max().unwrap_or(0))
    }
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
