use std::path::PathBuf;

use anyhow::Result;

use super::place;
use super::target::{self, Target};
use crate::context::Context;

/// Write a checkpoint file in another format
///
/// Every checksum of the input is verified on the way. Tensors stream from file to file,
/// so a file may be larger than memory.
#[derive(clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// The file to read; its bytes say the format
    #[arg(value_name = "IN")]
    input: PathBuf,

    #[command(flatten)]
    target: Target,
}

impl Args {
    /// Reads the one and writes the other.
    pub fn exec(self) -> Result<()> {
        let mut options = self.target.options()?;
        place::expect_file(&self.input)?;
        let context = Context::start()?;
        let file = context.open(&self.input)?;
        target::keep_layout(&mut options, &file);
        self.target.write(&context, file.state(), &options)
    }
}

const EXAMPLES: &str = "\
Examples:
  Weights only, for a program that reads safetensors:
    strongroom convert model.pt model.safetensors

  Leave out optimizer state and whatever else safetensors cannot hold:
    strongroom convert checkpoint.pt weights.safetensors --tensors-only

  Bring a file from before PyTorch 1.6 to today's format, in place:
    strongroom convert old.pt old.pt";
