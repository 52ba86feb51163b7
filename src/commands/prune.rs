use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use serde::Serialize;
use strongroom::prune_in;

use super::keep::Keep;
use super::place;
use crate::context::Context;
use crate::failure::Usage;
use crate::output::json;

/// Remove old checkpoints from a directory of checkpoints
///
/// Prints the path of each that is removed. The newest committed checkpoint always
/// stays, and so does whatever is no committed checkpoint: other files, and saves that
/// are under way.
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
struct Pruned {
    dry_run: bool,
    removed: Vec<String>,
}

impl Args {
    /// Removes, and says what.
    pub fn exec(self, out: &mut dyn Write) -> Result<()> {
        place::expect_directory(&self.root)?;
        let Some(retention) = self.keep.asked() else {
            bail!(Usage("--keep-last N says how many checkpoints to keep".into()));
        };
        let context = Context::start()?;
        let all = context.list(&self.root)?;
        let removed: Vec<PathBuf> = match self.dry_run {
            true => retention.dispensable(&all).map(|listed| listed.path.clone()).collect(),
            false => prune_in(&context.store, &self.root, &retention)?,
        };
        if self.json {
            let removed = removed.iter().map(|path| path.display().to_string()).collect();
            return Ok(json::write(out, &Pruned { dry_run: self.dry_run, removed })?);
        }
        removed.iter().try_for_each(|path| print(out, path))
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
