use anyhow::Result;
use strongroom::{CheckpointProcess, CheckpointWriterSpec};

/// Write checkpoints for the process that started this one
///
/// Programs that save start it; its stdin is a socket over which they say what to
/// write.
#[derive(clap::Args)]
#[command(hide = true)]
pub struct Args {}

impl Args {
    /// Serves until it is told to end.
    pub fn exec(self) -> Result<()> {
        Ok(CheckpointProcess::serve(CheckpointWriterSpec::make)?)
    }
}
