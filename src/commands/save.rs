use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use strongroom::{SaveOptions, save_sharded};

use super::place;
use crate::context::Context;

/// Share a checkpoint file over ranks, as a checkpoint directory
///
/// Every rank gets a file of its own, `checkpoint_0.pt` and so on, which PyTorch
/// opens too. The directory appears in one step when all of them are on disk, with a
/// record of what was committed; a save that fails leaves nothing behind. Every
/// checksum of the input is verified on the way.
#[derive(clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// The file to read; its bytes say the format
    source: PathBuf,

    /// The directory to make
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    /// How many ranks
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    ranks: u16,

    /// Replace what is there already, in one step
    #[arg(long)]
    overwrite: bool,
}

impl Args {
    /// Reads the file and writes the directory.
    pub fn exec(self) -> Result<()> {
        place::expect_file(&self.source)?;
        let context = Context::start()?;
        let file = context.open(&self.source)?;
        let options = SaveOptions { ranks: self.ranks.into(), overwrite: self.overwrite };
        let _progress = context.writing("saving", file.state().length());
        save_sharded(
            context.engine,
            Arc::new(context.store.clone()),
            &self.directory,
            file.state(),
            &options,
        )?;
        Ok(())
    }
}

const EXAMPLES: &str = "\
Examples:
  strongroom save model.safetensors run/step-100 --ranks 4
  strongroom save checkpoint.pt run/latest --ranks 2 --overwrite";
