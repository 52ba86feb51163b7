mod hooks;
mod old;
mod world;

use std::env;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde::Serialize;
use strongroom::{
    CheckpointProcessConfig, CheckpointProgram, CheckpointWriter, CheckpointWriterConfig, Checkpointer,
    CheckpointerConfig, Engine, Error, RankInfo, StateDict, create_barrier_from_config,
    make_async_checkpointer, refuse_replacing, save_sharded_with,
};

use super::caps::Caps;
use super::keep::Keep;
use super::{extras, part, place};
use crate::context::Context;
use crate::failure::{Hint, message};
use crate::output::{json, note, size};
use crate::signals;
use hooks::Hooks;
use old::Old;
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
    ///
    /// It takes no --async, --process or --hook: those are for a rank that is a command of its own.
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u16).range(1..=1024),
        conflicts_with_all = ["rank", "world_size", "barrier", "share", "in_background", "process", "hooks"]
    )]
    ranks: Option<u16>,

    #[command(flatten)]
    world: World,

    /// All ranks have the same file: write only this rank's share of it
    ///
    /// Without it the file is this rank's own part, and all of it is written. Each rank
    /// reads all of its file: checksums are verified, what has none is read twice, and if
    /// the files differ nothing is committed. It takes no --async or --process: those are for
    /// a part of this rank's own.
    #[arg(long)]
    share: bool,

    /// Copy the file into memory first, write in the background, and say how long each took
    #[arg(long = "async", conflicts_with = "share")]
    in_background: bool,

    /// As --async, with a process that goes on writing if this one is interrupted or killed
    #[arg(long, conflicts_with = "share")]
    process: bool,

    /// Replace a checkpoint that is there already, in one step
    ///
    /// It keeps the mode of what it replaces. A directory that is no checkpoint, or that has
    /// files in it which its record does not name, is not replaced, nor is one that the source
    /// is a part of.
    #[arg(long)]
    overwrite: bool,

    #[command(flatten)]
    keep: Keep,

    #[command(flatten)]
    hooks: Hooks,

    /// Print what was saved as JSON, as docs/json.md describes it
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    caps: Caps,
}

/// What was saved, in JSON as `docs/json.md` describes it.
#[derive(Serialize)]
struct Saved {
    path: String,
    /// None where this command was all ranks.
    rank: Option<usize>,
    world_size: usize,
    /// Bytes of the file's tensor data.
    storage_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    staged_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    committed_seconds: Option<f64>,
}

impl Args {
    /// Reads the file and writes the directory.
    pub fn exec(self, out: &mut dyn Write) -> Result<()> {
        signals::say_unfinished("nothing was written");
        let context = Context::limited(self.caps.limits()?)?;
        let file = place::expect_file(&self.source).and_then(|()| context.open(&self.source));
        let file = self.or_refuse(&context, file)?;
        let state = file.state();
        part::tell_of(&context, &file);
        let (rank, world_size) = match self.ranks {
            Some(ranks) => (None, ranks.into()),
            None => self.world.rank_info().map(|rank| (Some(rank), rank.global_world_size))?,
        };
        let mut saved = Saved {
            path: self.directory.display().to_string(),
            rank: rank.map(|rank| rank.global_rank),
            world_size,
            storage_bytes: state.length(),
            staged_seconds: None,
            committed_seconds: None,
        };
        // Rank 0 removes.
        let retention = self.keep.asked().filter(|_| saved.rank.is_none_or(|rank| rank == 0));
        let before =
            retention.map(|retention| Old::watch(&context, &self.directory, retention, &self.source));
        let before = self.or_refuse(&context, before.transpose())?;
        if rank.is_some() && world_size > 1 {
            let path = self.directory.display();
            signals::say_unfinished(format!(
                "{path}: it appears only if the file of this rank was done, and those of all others are"
            ));
        }
        match rank {
            None => self.save_all(&context, state, world_size)?,
            Some(rank) if self.in_background || self.process => {
                let (staged, committed) = self.save_behind(state, rank)?;
                saved.staged_seconds = Some(staged.as_secs_f64());
                saved.committed_seconds = Some(committed.as_secs_f64());
            }
            Some(rank) => self.save_rank(&context, state, rank)?,
        }
        if let Some(before) = before {
            before.tell(&context);
        }
        extras::tell(&file);
        extras::tell_of_undecoded(&file);
        match (self.json, saved.staged_seconds, saved.committed_seconds) {
            (true, ..) => json::write(out, &saved)?,
            (false, Some(staged), Some(committed)) => {
                let size = size(saved.storage_bytes);
                writeln!(out, "staged {size} in {staged:.3} s, committed after {committed:.3} s")?;
            }
            (false, ..) => {}
        }
        Ok(())
    }

    /// All ranks as threads.
    fn save_all(&self, context: &Context, state: &StateDict<'_>, ranks: usize) -> Result<()> {
        refuse_replacing(&context.store, &self.directory, &[&self.source])?;
        let _progress = context.writing("saving", state.length());
        let (store, config) = (Arc::new(context.store.clone()), self.writer_config());
        Ok(save_sharded_with(&context.engine, store, &self.directory, state, ranks, &config)?)
    }

    /// This rank, while the caller waits.
    fn save_rank(&self, context: &Context, state: &StateDict<'_>, rank_info: RankInfo) -> Result<()> {
        let hooks = self.or_refuse(context, self.hooks.components())?;
        let writer = hooks.into_iter().fold(self.writer(context, rank_info)?, CheckpointWriter::with_hook);
        let _progress = context.writing("saving", state.length());
        let arguments = &self.hooks.arguments();
        let saved = match self.share {
            true => writer.write_shared(&self.directory, state, arguments),
            false => writer.write(&self.directory, state, arguments),
        };
        Ok(saved.and(writer.close())?)
    }

    fn writer(&self, context: &Context, rank_info: RankInfo) -> Result<CheckpointWriter> {
        let barrier = create_barrier_from_config(&self.world.barrier(rank_info)?, rank_info)?;
        let store = Arc::new(context.store.clone());
        Ok(CheckpointWriter::new_in(&context.engine, store, self.writer_config(), barrier))
    }

    /// What has failed before the save, if it has, is told to the other ranks: they would
    /// wait for this one.
    fn or_refuse<T>(&self, context: &Context, done: Result<T>) -> Result<T> {
        done.map_err(|error| {
            let world = self.world.rank_info().ok().filter(|world| world.global_world_size > 1);
            let Some(rank_info) = world.filter(|_| self.ranks.is_none()) else { return error };
            let reason = message(&error);
            note(&format!("{reason}: the other ranks are told"));
            if let Ok(writer) = self.writer(context, rank_info) {
                // The error that is reported is this rank's own.
                let _ = writer.refuse(&self.directory, Error::Remote(reason)).and(writer.close());
            }
            let rank = rank_info.global_rank;
            match error.downcast_ref::<Hint>() {
                // What the ranks print may come together.
                None => error.downcast().map_or_else(
                    |error| error,
                    |source| Error::Rank { rank, source: Box::new(source) }.into(),
                ),
                Some(_) => error,
            }
        })
    }

    /// This rank, from a copy of the file in memory. Answers when the copy was made, and
    /// when it was committed.
    fn save_behind(&self, state: &StateDict<'_>, rank_info: RankInfo) -> Result<(Duration, Duration)> {
        let config = CheckpointerConfig {
            writer_config: self.writer_config(),
            barrier_config: self.world.barrier(rank_info)?,
            process_config: self.process.then(process).transpose()?,
            hook_files: self.hooks.files().to_vec(),
            ..CheckpointerConfig::default()
        };
        let mut checkpointer = make_async_checkpointer(&config, rank_info, &[])?;
        if self.process {
            let path = self.directory.display();
            signals::say_unfinished(format!(
                "{path}: the process that writes it goes on if it has begun, and it may still appear"
            ));
        }
        let start = Instant::now();
        let saving = checkpointer.save(&self.directory, state, &self.hooks.arguments())?;
        let staged = start.elapsed();
        let written = saving.wait();
        let total = start.elapsed();
        written.and(checkpointer.close())?;
        Ok((staged, total))
    }

    fn writer_config(&self) -> CheckpointWriterConfig {
        CheckpointWriterConfig {
            write_barrier_timeout: self.world.timeout(),
            overwrite: self.overwrite,
            retention: self.keep.asked(),
            sources: vec![self.source.clone()],
            ..CheckpointWriterConfig::default()
        }
    }
}

/// This command once more, as the process that writes.
fn process() -> Result<CheckpointProcessConfig> {
    ensure!(Engine::shared()?.is_shipped(), "--process runs the component that strongroom ships, no other");
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
