mod json;
mod runs;
mod subject;
mod text;

use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use globset::Glob;

use crate::context::Context;
use crate::inventory::Inventory;
use subject::Subject;

/// Show what is inside a checkpoint: tensors, other values, objects of unknown classes
///
/// No tensor data is read and nothing is executed. A path is the keys joined by dots:
/// `model.weight`, `groups[0]`, `weight@attribute`, `state{0}` for a key itself; where two
/// would be the same, `["a.b"]["c"]` (docs/inspect-json.md has the rules).
#[derive(clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// The file or checkpoint directory to look into
    #[arg(value_name = "FILE|DIR")]
    path: PathBuf,

    /// Print JSON, as docs/inspect-json.md describes it
    #[arg(long)]
    json: bool,

    /// Show every value of long lists, not only the first few; JSON always has them all
    #[arg(long)]
    all: bool,

    /// Show only what has a path like this, as `encoder.*.weight`
    ///
    /// `*` stands for anything, dots too; `?` for one character; `[ab]` for one of
    /// these, so that a real bracket is written `[[]`; `{a,b}` for one or the other.
    #[arg(long, value_name = "GLOB")]
    filter: Option<Glob>,
}

impl Args {
    /// Prints the listing.
    pub fn exec(self, out: &mut dyn Write) -> Result<()> {
        let subject = Subject::open(&Context::start()?, &self.path)?;
        let inventory = Inventory::new(&subject.state, self.filter.map(|glob| glob.compile_matcher()));
        match self.json {
            true => json::write(out, &subject, &inventory)?,
            false => text::write(out, &subject, &inventory, self.all)?,
        }
        Ok(())
    }
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
