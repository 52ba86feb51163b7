use anyhow::Result;
use strongroom::{BarrierConfig, CheckpointProcess, CheckpointWriterSpec};

use crate::waits;

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
        // What it says is among the last words of a process that does not get ready.
        let make = |spec: &CheckpointWriterSpec| {
            let barrier = BarrierConfig { on_wait: waits::on_stderr(), ..spec.barrier.clone() };
            CheckpointWriterSpec { barrier, ..spec.clone() }.make()
        };
        Ok(CheckpointProcess::serve(make)?)
    }
}
