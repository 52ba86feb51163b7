use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use anyhow::{Result, bail};

use super::list::Entry;
use super::place;
use crate::context::Context;
use crate::failure::Unsuitable;
use crate::output::json;

/// Print the path of the newest checkpoint in a directory of checkpoints
///
/// Only a checkpoint that was committed counts: a save that was interrupted is
/// passed over. So is one whose record is damaged, or that lacks its record, a file or the end
/// of one, which a note says. If there is none, or no such directory, that is an error.
#[derive(clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// The directory that holds checkpoint directories
    root: PathBuf,

    /// Print JSON: an object as those of `strongroom list --json`
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Prints the path, as it is.
    pub fn exec(self, out: &mut dyn Write) -> Result<()> {
        if !place::is_there(&self.root)? {
            bail!(Unsuitable(format!("{}: there is no such directory", self.root.display())));
        }
        let context = Context::start()?;
        let Some(latest) = context.latest(&self.root)? else {
            bail!(Unsuitable(context.none_in(&self.root)));
        };
        if self.json {
            return Ok(json::write(out, &Entry::of(&latest))?);
        }
        // For a script, and a path need not be UTF-8.
        out.write_all(latest.path.as_os_str().as_bytes())?;
        Ok(writeln!(out)?)
    }
}

const EXAMPLES: &str = "\
Example:
  strongroom inspect \"$(strongroom latest run)\"";
