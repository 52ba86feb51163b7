mod json;
mod runs;
mod subject;
mod text;

use std::cell::Cell;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use globset::{Glob, GlobMatcher};

use super::caps::Caps;
use super::{each, size};
use crate::context::Context;
use crate::inventory::Inventory;
use crate::output::capped::Capped;
use crate::output::note;
use crate::patience::Patience;
use subject::Subject;

/// Show what is inside checkpoints: tensors, other values, objects of unknown classes
///
/// No tensor data is read and nothing is executed. Of several, what can be read is
/// shown, and the exit code is the highest of those that each has by itself.
///
/// A path is the keys joined by dots: `model.weight`, `groups[0]`, `weight@attribute`,
/// `state{0}` for a key itself; where two would be the same, `["a.b"]["c"]`
/// (docs/inspect-json.md has the rules).
#[derive(clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// The files and checkpoint directories to look into
    #[arg(value_name = "FILE|DIR", required = true)]
    paths: Vec<PathBuf>,

    /// Print JSON, as docs/inspect-json.md describes it: an object, or a list of them for several paths
    #[arg(long)]
    json: bool,

    /// Show every value of long lists, not only the first few; JSON always has them all
    #[arg(long)]
    all: bool,

    /// Show only what has a path like this, as `encoder.*.weight`
    ///
    /// `*` stands for anything, dots too; `?` for one character; `[ab]` for one of
    /// these, so that a real bracket is written `[[]`; `{a,b}` for one or the other.
    /// If nothing has such a path, a note says so, and the exit code is 1. Where each rank
    /// saved a state dict of its own, what it matches is counted file by file.
    #[arg(long, value_name = "GLOB")]
    filter: Option<Glob>,

    /// Of a directory without commit record, show the file of each rank by itself
    #[arg(long)]
    uncommitted: bool,

    /// Bytes that may be printed: 64M, 4G
    #[arg(long, value_name = "SIZE", default_value = "1G", value_parser = size::parse, help_heading = "Limits")]
    max_output: usize,

    #[command(flatten)]
    caps: Caps,
}

impl Args {
    /// Prints the listing.
    pub fn exec(self, out: &mut dyn Write) -> Result<u8> {
        let context = Context::limited(self.caps.limits()?)?;
        let out = &mut Capped::new(out, self.max_output);
        let files = self.paths.iter().map(|path| files_at(path)).fold(0, u32::saturating_add);
        let _patience = Patience::start(
            context.patience.saturating_mul(files),
            self.paths.last().map_or(Path::new(""), PathBuf::as_path),
        );
        let paths = if self.uncommitted { each::uncommitted(&context, &self.paths)? } else { self.paths };
        let filter = self.filter.as_ref().map(Glob::compile_matcher);
        let one = |path: &Path| {
            let subject = Subject::open(&context, path, filter.as_ref())?;
            let code = u8::from(self.filter.as_ref().is_some_and(|filter| is_empty(&subject, filter)));
            Ok((subject, code))
        };
        if self.json {
            return each::json(out, &paths, |path| {
                let (subject, code) = one(path)?;
                Ok((json::Listing { subject, filter: filter.clone() }, code))
            });
        }
        let first = Cell::new(true);
        each::text(out, &paths, one, |out, subject| {
            if !first.replace(false) {
                writeln!(out)?;
            }
            Ok(text::write(out, subject, &inventory(subject, &filter), self.all)?)
        })
    }
}

/// How many files are at a path: each may take its time.
fn files_at(path: &Path) -> u32 {
    let entries = fs::read_dir(path).map_or(0, Iterator::count);
    u32::try_from(entries).unwrap_or(u32::MAX).max(1)
}

fn inventory<'s>(subject: &'s Subject, filter: &Option<GlobMatcher>) -> Inventory<'s> {
    subject.inventory(filter.clone())
}

/// Whether a filter leaves nothing to show, which a note says.
fn is_empty(subject: &Subject, filter: &Glob) -> bool {
    let empty = subject.is_empty(Some(filter.compile_matcher()));
    if empty {
        note(&format!("{}: nothing in it has a path like `{}`", subject.path, filter.glob()));
    }
    empty
}

const EXAMPLES: &str = "\
Examples:
  All of it:
    strongroom inspect model.pt

  The weights of one layer, and what is in the first parameter group:
    strongroom inspect model.pt --filter 'layers.0.*'
    strongroom inspect checkpoint.pt --filter 'optimizer.param_groups[[]0]*'

  The names of all tensors in half precision, by way of jq:
    strongroom inspect model.pt --json | jq -r '.tensors[] | select(.dtype == \"float16\").path'";
