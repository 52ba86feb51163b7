use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::Serialize;
use strongroom::Verified;

use super::caps::Caps;
use super::{each, part};
use crate::context::Context;
use crate::output::{Embedded, Printable, plural, size};

/// Check that checkpoints are whole: their structure, and every checksum they have
///
/// Each file of a checkpoint directory is compared with the record of what was
/// committed as well. The answer is one line for each, and the exit code: 0 if all is
/// well, else the highest of those that each has by itself.
#[derive(clap::Args)]
pub struct Args {
    /// The files and checkpoint directories to check
    #[arg(value_name = "FILE|DIR", required = true)]
    paths: Vec<PathBuf>,

    /// Print JSON, as docs/json.md describes it: an object, or a list of them for several paths
    #[arg(long)]
    json: bool,

    /// Of a directory without commit record, check the file of each rank by itself
    #[arg(long)]
    uncommitted: bool,

    #[command(flatten)]
    caps: Caps,
}

impl Args {
    /// Checks, and says what was.
    pub fn exec(self, out: &mut dyn Write) -> Result<u8> {
        let context = Context::limited(self.caps.limits()?)?;
        let paths = if self.uncommitted { each::uncommitted(&context, &self.paths)? } else { self.paths };
        let one = |path: &Path| Ok((Whole::of(&context, path)?, 0));
        match self.json {
            true => each::json(out, &paths, one),
            false => each::text(out, &paths, one, |out, whole| Ok(writeln!(out, "{whole}")?)),
        }
    }
}

/// What is whole, in JSON as `docs/json.md` describes it.
#[derive(Serialize)]
struct Whole {
    path: String,
    ok: bool,
    storages: usize,
    bytes: u64,
    unchecked: usize,
    embedded: usize,
}

impl Whole {
    fn of(context: &Context, path: &Path) -> Result<Self> {
        let Verified { storages, bytes, unchecked, embedded } = match path.is_dir() {
            true => context.verify_all(&context.checkpoint(path)?)?,
            false => {
                let file = context.open(path)?;
                part::tell_of(context, &file);
                context.verify(&file)?
            }
        };
        Ok(Self { path: path.display().to_string(), ok: true, storages, bytes, unchecked, embedded })
    }
}

impl std::fmt::Display for Whole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { path, storages, bytes, unchecked, embedded, .. } = self;
        let checked = format!(
            "{} of {} {} the right checksum",
            plural(*storages, "storage", "storages"),
            size(*bytes),
            has(*storages),
        );
        write!(f, "{}: ok: the structure is right", Printable(path))?;
        match (storages, unchecked) {
            (0, 0) if *embedded > 0 => {}
            (0, 0) => f.write_str(", and there is no tensor data")?,
            (0, _) => f.write_str("; there are no checksums of tensor data")?,
            (_, 0) => write!(f, ", and {checked}")?,
            _ => write!(
                f,
                ", and {checked}; {} {} none",
                plural(*unchecked, "storage", "storages"),
                has(*unchecked)
            )?,
        }
        match embedded {
            0 => Ok(()),
            _ => write!(f, "; {}", Embedded(*embedded)),
        }
    }
}

fn has(count: usize) -> &'static str {
    if count == 1 { "has" } else { "have" }
}
