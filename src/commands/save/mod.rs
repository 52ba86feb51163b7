mod hooks;
mod removed;
mod world;

use std::env;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, bail};
use strongroom::{
    CheckpointProcessConfig, CheckpointProgram, CheckpointWriter, CheckpointWriterConfig, Checkpointer,
    CheckpointerConfig, RankInfo, SaveOptions, StateDict, create_barrier_from_config,
    make_async_checkpointer, save_sharded,
};

use super::keep::Keep;
use super::place;
use crate::context::Context;
use crate::failure::Usage;
use crate::output::size;
use hooks::Hooks;
use removed::Removed;
use world::World;

/// Save a checkpoint file as a checkpoint directory, alone or with other ranks
///
/// A directory holds a file for each rank, `checkpoint_0.pt` and so on, which PyTorch
/// opens too. It appears in one step when all of them are on disk, with a record of what
/// was committed. If any rank fails or dies, it does not appear, and all ranks say
/// which. Every checksum of the input is verified on the way.
#[derive(clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// The file to read; its bytes say the format
    source: PathBuf,

    /// The directory to make, with those above it that are missing
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    /// Share the file over this many ranks, all of them in this command
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u16).range(1..=1024),
        conflicts_with_all = ["rank", "world_size", "share", "in_background", "process", "hooks"]
    )]
    ranks: Option<u16>,

    #[command(flatten)]
    world: World,

    /// All ranks have the same file: write only this rank's share of it
    ///
    /// Without it the file is this rank's own part, and all of it is written.
    #[arg(long)]
    share: bool,

    /// Copy the file into memory first, write in the background, and say how long each took
    #[arg(long = "async", conflicts_with = "share")]
    in_background: bool,

    /// As --async, with a process that goes on writing if this one is killed
    #[arg(long, conflicts_with = "share")]
    process: bool,

    /// Replace a checkpoint that is there already, in one step
    ///
    /// It keeps the mode of what it replaces. A directory that is no checkpoint, or that has
    /// files in it which its record does not name, is not replaced.
    #[arg(long)]
    overwrite: bool,

    #[command(flatten)]
    keep: Keep,

    #[command(flatten)]
    hooks: Hooks,
}

impl Args {
    /// Reads the file and writes the directory.
    pub fn exec(self, out: &mut dyn Write) -> Result<()> {
        place::expect_file(&self.source)?;
        let context = Context::start()?;
        let file = context.open(&self.source)?;
        let state = file.state();
        if let Some(ranks) = self.ranks {
            return self.save_all(&context, state, ranks.into());
        }
        let rank_info = self.world.rank_info()?;
        // Rank 0 removes.
        let retention = self.keep.asked().filter(|_| rank_info.global_rank == 0);
        let before = retention.map(|retention| Removed::watch(&context, &self.directory, retention));
        let before = before.transpose()?;
        let saved = if self.in_background || self.process {
            self.save_behind(out, state, rank_info)
        } else {
            self.save_rank(&context, state, rank_info)
        };
        if let (Some(before), Ok(())) = (before, &saved) {
            before.tell(&context);
        }
        saved
    }

    /// All ranks as threads.
    fn save_all(&self, context: &Context, state: &StateDict<'_>, ranks: usize) -> Result<()> {
        if self.keep.asked().is_some() {
            bail!(Usage(
                "--keep-last is for a save of one rank; `strongroom prune` removes old checkpoints".into()
            ));
        }
        let options = SaveOptions { ranks, overwrite: self.overwrite };
        let _progress = context.writing("saving", state.length());
        Ok(save_sharded(context.engine, Arc::new(context.store.clone()), &self.directory, state, &options)?)
    }

    /// This rank, while the caller waits.
    fn save_rank(&self, context: &Context, state: &StateDict<'_>, rank_info: RankInfo) -> Result<()> {
        let barrier = create_barrier_from_config(&self.world.barrier(rank_info)?, rank_info)?;
        let store = Arc::new(context.store.clone());
        let writer = CheckpointWriter::new_in(context.engine, store, self.writer_config(), barrier);
        let writer = self.hooks.components()?.into_iter().fold(writer, CheckpointWriter::with_hook);
        let _progress = context.writing("saving", state.length());
        let arguments = &self.hooks.arguments();
        let saved = match self.share {
            true => writer.write_shared(&self.directory, state, arguments),
            false => writer.write(&self.directory, state, arguments),
        };
        Ok(saved.and(writer.close())?)
    }

    /// This rank, from a copy of the file in memory.
    fn save_behind(&self, out: &mut dyn Write, state: &StateDict<'_>, rank_info: RankInfo) -> Result<()> {
        let config = CheckpointerConfig {
            writer_config: self.writer_config(),
            barrier_config: self.world.barrier(rank_info)?,
            process_config: self.process.then(process).transpose()?,
            hook_files: self.hooks.files().to_vec(),
            ..CheckpointerConfig::default()
        };
        let mut checkpointer = make_async_checkpointer(&config, rank_info, &[])?;
        let start = Instant::now();
        let saving = checkpointer.save(&self.directory, state, &self.hooks.arguments())?;
        let staged = start.elapsed();
        let written = saving.wait();
        let total = start.elapsed();
        written.and(checkpointer.close())?;
        let (staged, total) = (staged.as_secs_f64(), total.as_secs_f64());
        Ok(writeln!(out, "staged {} in {staged:.3} s, committed after {total:.3} s", size(state.length()))?)
    }

    fn writer_config(&self) -> CheckpointWriterConfig {
        CheckpointWriterConfig {
            write_barrier_timeout: self.world.timeout(),
            overwrite: self.overwrite,
            retention: self.keep.asked(),
            ..CheckpointWriterConfig::default()
        }
    }
}

/// This command once more, as the process that writes.
fn process() -> Result<CheckpointProcessConfig> {
    let program = CheckpointProgram::Command(env::current_exe()?);
    Ok(CheckpointProcessConfig { program, ..CheckpointProcessConfig::default() })
}

const EXAMPLES: &str = "\
Examples:
  Share a file over four ranks, all in this command:
    strongroom save model.safetensors run/step-100 --ranks 4

  Two ranks with a part each, in two terminals or on two machines with one file system:
    strongroom save part0.pt run/step-100 --rank 0 --world-size 2 --barrier tcp-store://node0:29500
    strongroom save part1.pt run/step-100 --rank 1 --world-size 2 --barrier tcp-store://node0:29500

  Keep the newest three checkpoints of a run:
    strongroom save checkpoint.pt run/step-300 --keep-last 3";
