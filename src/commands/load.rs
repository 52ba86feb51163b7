use std::io::Write;
use std::path::PathBuf;

use anyhow::{Result, bail};

use super::caps::Caps;
use super::target::{self, Target};
use super::{each, part, place};
use crate::context::Context;
use crate::failure::{Hint, Usage};
use crate::signals;

/// Bring a checkpoint directory together in one file
///
/// Every checksum is verified on the way. Tensors stream from the ranks' files, so the
/// result may be larger than memory.
#[derive(clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// The checkpoint directory
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    #[command(flatten)]
    target: Target,

    /// Take what this one rank saved, instead of all ranks together
    #[arg(long, value_name = "R")]
    rank: Option<usize>,

    /// Of a directory without commit record, take the file of one rank; --rank says which
    #[arg(long)]
    uncommitted: bool,

    #[command(flatten)]
    caps: Caps,
}

impl Args {
    /// Reads the directory and writes the file.
    pub fn exec(self, out: &mut dyn Write) -> Result<()> {
        let options = self.target.options()?;
        place::expect_directory(&self.directory)?;
        signals::say_unfinished("nothing was written");
        self.target.refuse_streams()?;
        let context = Context::limited(self.caps.limits()?)?;
        if self.uncommitted
            && let Some(directory) = each::directory(&context, &self.directory)?
        {
            directory.refuse_output(self.target.path())?;
            let ranks = directory.world_size();
            let rank = match self.rank {
                Some(rank) => self.known(rank, ranks)?,
                None if ranks == 1 => 0,
                None => bail!(Usage(format!(
                    "{}: --rank R says which: files of {ranks} ranks without commit record are not merged",
                    self.directory.display()
                ))),
            };
            let file = directory.file(rank)?;
            let mut options = options;
            target::keep_layout(&mut options, &file);
            part::tell_of(&context, &file);
            return self.target.write(out, &context, file.state(), &options);
        }
        let checkpoint = context.checkpoint(&self.directory)?;
        checkpoint.refuse_output(self.target.path())?;
        let ranks = checkpoint.world_size();
        let state = match self.rank {
            None => {
                let merged = checkpoint.merged().map_err(anyhow::Error::from);
                let apart = !checkpoint.is_shared() && ranks > 1;
                merged.map_err(|error| if apart { error.context(ONE_RANK) } else { error })?
            }
            Some(rank) => {
                let rank = self.known(rank, ranks)?;
                let file = checkpoint.file(rank)?;
                if checkpoint.is_shared() && ranks > 1 {
                    part::tell(file.path(), rank, ranks);
                }
                file.state().clone()
            }
        };
        self.target.write(out, &context, &state, &options)
    }

    /// The rank, if there is such a one.
    fn known(&self, rank: usize, ranks: usize) -> Result<usize> {
        if rank < ranks {
            return Ok(rank);
        }
        bail!(Usage(format!(
            "{}: there is no rank {rank}: the checkpoint has ranks 0 to {}",
            self.directory.display(),
            ranks.saturating_sub(1)
        )))
    }
}

const ONE_RANK: Hint = Hint("--rank R takes what one rank saved");

const EXAMPLES: &str = "\
Examples:
  All of a checkpoint:
    strongroom load run/step-100 whole.pt

  Its weights, for a program that reads safetensors:
    strongroom load run/step-100 weights.safetensors --tensors-only

  What the second rank saved:
    strongroom load run/step-100 part.pt --rank 1";
