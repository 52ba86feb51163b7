use std::path::PathBuf;

use anyhow::{Result, bail};

use super::place;
use super::target::Target;
use crate::context::Context;
use crate::failure::Usage;

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
}

impl Args {
    /// Reads the directory and writes the file.
    pub fn exec(self) -> Result<()> {
        let options = self.target.options()?;
        place::expect_directory(&self.directory)?;
        let context = Context::start()?;
        let checkpoint = context.checkpoint(&self.directory)?;
        checkpoint.refuse_output(self.target.path())?;
        let ranks = checkpoint.world_size();
        let state = match self.rank {
            None => checkpoint.merged()?,
            Some(rank) if rank >= ranks => bail!(Usage(format!(
                "{}: there is no rank {rank}: the checkpoint has ranks 0 to {}",
                self.directory.display(),
                ranks.saturating_sub(1)
            ))),
            Some(rank) => checkpoint.file(rank)?.state().clone(),
        };
        self.target.write(&context, &state, &options)
    }
}

const EXAMPLES: &str = "\
Examples:
  All of a checkpoint:
    strongroom load run/step-100 whole.pt

  Its weights, for a program that reads safetensors:
    strongroom load run/step-100 weights.safetensors --tensors-only

  What the second rank saved:
    strongroom load run/step-100 part.pt --rank 1";
