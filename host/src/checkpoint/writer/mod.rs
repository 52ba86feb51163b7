//! Saving over ranks: every rank writes its file, then one rename commits all.

mod agree;
mod config;
mod outline;
mod save;

use std::any::Any;
use std::collections::HashSet;
use std::fmt;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rayon::prelude::*;

use crate::checkpoint::hook::{HookArguments, HookContext, HookError, WriterHook};
use crate::checkpoint::presence;
use crate::checkpoint::retention::{newest_commit, remove_beside, root_of};
use crate::checkpoint::shard;
use crate::checkpoint::{
    FileRecord, OUTLINE, OutlineSeal, RECORD, Ranks, Record, Sealed, rank_file, rank_record,
};
use crate::file::protected;
use crate::file::protected::Sources;
use crate::file::readback::ReadBack;
use crate::file::write::{WriteFormat, WriteOptions, write};
use crate::payload::checksum::crc32;
use crate::payload::digest;
use crate::ranks::barrier::{Barrier, LocalBarrier, Rounds};
use crate::state::StateDict;
use crate::store::{Local, Stage, Store};
use crate::{Engine, Error, RankInfo, Result, TorchOptions};
use agree::{Terms, checksums, source_of};
use outline::Outline;
use save::{RankSeal, Save, Statement};

pub use config::CheckpointWriterConfig;

/// Writes checkpoints as one rank of several.
///
/// Each rank has its own writer, calls [`write`](Self::write) for every
/// checkpoint, in the same order, and gets the file `checkpoint_{rank}.pt` in it. A
/// checkpoint appears in one step when the files of all ranks are on disk. If any
/// rank fails, it does not appear, and all ranks say which rank failed and why.
///
/// ```
/// use strongroom::{Checkpoint, CheckpointWriter, HookArguments, StateDict};
///
/// # fn main() -> strongroom::Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let path = directory.path().join("step-1");
/// let mut state = StateDict::new();
/// state.insert("step", 1);
/// CheckpointWriter::single()?.write(&path, &state, &HookArguments::new())?;
/// assert_eq!(Checkpoint::open(&path)?.world_size(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct CheckpointWriter {
    engine: Engine,
    store: Arc<dyn Store>,
    config: CheckpointWriterConfig,
    barrier: Arc<dyn Barrier>,
    hooks: Vec<Arc<dyn WriterHook>>,
    saves: Arc<Rounds>,
    /// Whether all ranks have one state dict in memory, which need not be compared.
    same_state: bool,
}

impl CheckpointWriter {
    /// A writer for the rank that the barrier is of, on the machine's file system.
    pub fn new(config: CheckpointWriterConfig, barrier: Arc<dyn Barrier>) -> Result<Self> {
        Ok(Self::new_in(Engine::shared()?, Arc::new(Local), config, barrier))
    }

    /// The same, with an engine and a store of one's own.
    pub fn new_in(
        engine: &Engine,
        store: Arc<dyn Store>,
        config: CheckpointWriterConfig,
        barrier: Arc<dyn Barrier>,
    ) -> Self {
        let engine = engine.clone();
        let (hooks, saves) = (Vec::new(), Arc::default());
        Self { engine, store, config, barrier, hooks, saves, same_state: false }
    }

    /// A writer for a world of one, as configured by default.
    pub fn single() -> Result<Self> {
        Self::new(CheckpointWriterConfig::default(), Arc::new(LocalBarrier::single()))
    }

    /// The same writer with one more hook, called after those it has.
    #[must_use]
    pub fn with_hook(mut self, hook: Arc<dyn WriterHook>) -> Self {
        self.hooks.push(hook);
        self
    }

    /// The same, where all ranks are of this process and share one state dict.
    pub(crate) fn of_one_state(mut self) -> Self {
        self.same_state = true;
        self
    }

    /// Which rank it writes as.
    pub fn rank_info(&self) -> RankInfo {
        self.barrier.rank_info()
    }

    /// How it was configured.
    pub fn config(&self) -> &CheckpointWriterConfig {
        &self.config
    }

    /// Writes `state` as this rank's part of the checkpoint directory `path`.
    /// Returns when all ranks have written theirs and the checkpoint is committed.
    pub fn write(
        &self,
        path: impl AsRef<Path>,
        state: &StateDict<'_>,
        arguments: &HookArguments,
    ) -> Result<()> {
        self.save(path.as_ref(), arguments, Part::Own(state))
    }

    /// Writes this rank's share of a state dict that all ranks have: tensors that
    /// share a storage stay together, and all that is no tensor goes to rank 0.
    ///
    /// Each rank goes over all bytes that it has, and nothing is committed unless those of
    /// all ranks are the same: a file with checksums is verified, what has none is hashed.
    pub fn write_shared(
        &self,
        path: impl AsRef<Path>,
        state: &StateDict<'_>,
        arguments: &HookArguments,
    ) -> Result<()> {
        self.save(path.as_ref(), arguments, Part::ShareOf(state))
    }

    /// Takes part in the save of `path` by telling the others that this rank does
    /// not, and why: their save fails at once, where they would wait for this rank.
    /// Answers the reason.
    pub fn refuse(&self, path: impl AsRef<Path>, reason: Error) -> Result<()> {
        let arguments = HookArguments::new();
        let save = Save::new(self, path.as_ref(), &arguments);
        let refused = save.give_up(reason);
        // What others have staged for a rank that would commit it. No other rank asks for the
        // stage: it would make it anew after rank 0 has removed it.
        if save.rank.global_rank == 0
            && let Ok(stage) = self.stage(&save)
        {
            let _ = stage.discard();
        }
        refused
    }

    /// Takes leave of the other ranks, who then need not wait for this one.
    pub fn close(&self) -> Result<()> {
        self.barrier.close()
    }

    /// Counts on from here: the next save is the one of this number.
    pub(crate) fn resume_at(&self, number: u64) {
        self.saves.resume_at(number);
    }

    /// One save, as all ranks do it.
    fn save(&self, path: &Path, arguments: &HookArguments, part: Part<'_>) -> Result<()> {
        self.rank_info().check()?;
        let mut save = Save::new(self, path, arguments);
        let saved = match self.sources(part) {
            Ok(sources) => {
                save.reading = sources;
                self.save_part(&save, part)
            }
            Err(error) => save.give_up(error),
        };
        saved.map_err(|error| match error {
            error @ (Error::Rank { .. }
            | Error::Missing { .. }
            | Error::Disagree { .. }
            | Error::Unreachable { .. }
            | Error::Conflict { .. }
            | Error::Exists { .. }) => error,
            error if save.rank.global_world_size == 1 => error,
            error => Error::Rank { rank: save.rank.global_rank, source: Box::new(error) },
        })
    }

    /// The files that a rank's part is read from, or was.
    fn sources(&self, part: Part<'_>) -> Result<Sources> {
        let (Part::Own(state) | Part::ShareOf(state)) = part;
        Ok(Sources::of(&*self.store, state)?.and(Sources::at(&*self.store, &self.config.sources)?))
    }

    fn save_part(&self, save: &Save<'_>, part: Part<'_>) -> Result<()> {
        let stage = match self.stage(save) {
            Ok(stage) => stage,
            Err(error) => return save.give_up(error),
        };
        let own = self.put_part(&*stage, save.rank, part);
        let own = own.and_then(|own| self.call_hooks(save, stage.directory(), false).map(|()| own));
        let together = match own {
            Ok((statement, outline)) => save.together(statement).map(|seals| (seals, outline)),
            Err(error) => save.give_up(error),
        };
        let (seals, outline) = match together {
            Ok(together) => together,
            Err(error) => {
                // Only the rank that would commit may remove what is staged: no other
                // can know that it does not.
                if save.rank.global_rank == 0 {
                    // Those who heard from all, as this rank did not, wait for it now.
                    save.call_off(&error);
                    let _ = stage.discard();
                } else {
                    // If that rank has died, this one may be the last who knows of it.
                    drop(stage);
                    let _ = self.store.tidy(&root_of(&*self.store, save.path));
                }
                return Err(error);
            }
        };
        let committed = save.share_commit(|| {
            // All ranks have written: nobody needs what is staged any more.
            self.commit(save, &*stage, &seals, outline.as_ref()).inspect_err(|_| drop(stage.discard()))
        });
        if let Err(error) = committed {
            if save.rank.global_rank != 0 {
                // Rank 0 removes what it staged, which may not be where this one did.
                drop(stage);
                let _ = self.store.tidy(&root_of(&*self.store, save.path));
            }
            return Err(error);
        }
        let pruned = self.prune(save, stage.place());
        self.call_hooks(save, stage.directory().map(|_| stage.place()), true).and(pruned)
    }

    /// Removes what is not to be kept beside a new checkpoint.
    fn prune(&self, save: &Save<'_>, place: &Path) -> Result<()> {
        let (Some(retention), 0) = (&self.config.retention, save.rank.global_rank) else { return Ok(()) };
        let pruned = remove_beside(&*self.store, place, retention, &save.reading);
        let failed = pruned.and_then(|pruned| pruned.failed.into_iter().next().map_or(Ok(()), Err));
        failed.map_err(|error| Error::Committed { path: save.path.into(), source: Box::new(error) })
    }

    /// Where the files of a save go until they are committed: the same on all ranks.
    fn stage(&self, save: &Save<'_>) -> Result<Box<dyn Stage>> {
        protected::outside_checkpoints(&*self.store, save.path)?;
        self.may_replace(save, save.path)?;
        protected::findable(&*self.store, save.path)?;
        let token = format!("{}-{}", self.barrier.session(), save.number);
        let stage = || self.store.stage(save.path, &token);
        if save.rank.global_rank != 0 {
            return stage();
        }
        // Before anything is written: what saves that died have left takes the space. If
        // it cannot be removed it is only a leftover. And not before this save's own
        // stage is in use, as another rank may be about to join it, unless there is not
        // even space for that.
        let tidy = || drop(self.store.tidy(&root_of(&*self.store, save.path)));
        let staged = stage().or_else(|_| {
            tidy();
            stage()
        })?;
        tidy();
        Ok(staged)
    }

    /// An error if there is something at the path of a new checkpoint that does not go for
    /// it. What is replaced is deleted: not a directory of somebody's work, nor what
    /// somebody has put into a checkpoint.
    fn may_replace(&self, save: &Save<'_>, path: &Path) -> Result<()> {
        // Somebody may remove or replace the checkpoint between two looks, but not
        // each time.
        for _ in 0..3 {
            match self.looked_at(save, path) {
                Ok(None) => {}
                Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
                Ok(Some(())) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Err(not_replaced(path, &format!("it is no checkpoint: it has no `{RECORD}`")))
    }

    /// One look of those. None if what is there is no checkpoint.
    fn looked_at(&self, save: &Save<'_>, path: &Path) -> Result<Option<()>> {
        match self.store.look(path)? {
            None => return Ok(Some(())),
            Some(found) if found.directory && self.store.list(path)?.is_empty() => return Ok(Some(())),
            Some(_) if !self.store.exists(&path.join(RECORD))? => return Ok(None),
            Some(_) => {}
        }
        match presence::needed(&*self.store, path, &save.reading)? {
            Some(reason) => Err(not_replaced(path, &reason)),
            None if self.config.overwrite => Ok(Some(())),
            None => Err(Error::Exists { path: path.into() }),
        }
    }

    /// Writes this rank's files, and answers what it says of them.
    fn put_part(
        &self,
        stage: &dyn Stage,
        rank: RankInfo,
        part: Part<'_>,
    ) -> Result<(Statement, Option<Outline>)> {
        let shared = matches!(part, Part::ShareOf(_));
        let mut terms = Terms::of(&self.config, rank, shared);
        let name = rank_file(rank.global_rank);
        let Part::ShareOf(state) = part else {
            let Part::Own(state) = part else { return Err(Error::Value("there is nothing to save".into())) };
            let file = self.put(stage, &name, state, self.config.digests)?;
            let seal = self.put_record(stage, rank, &file, state, None)?;
            return Ok((Statement { terms, source: None, seal }, None));
        };
        let outline = Outline::of(&self.engine, stage.path(), state)?;
        let owners = shard::owners(state, rank.global_world_size);
        let own = shard::part(state, &owners, rank.global_rank);
        if !self.same_state {
            let carried: HashSet<u32> = shard::encountered(&own).into_iter().collect();
            terms.share(&outline.bytes, state, &checksums(state, &carried)?);
        }
        let file = self.put(stage, &name, &own, true)?;
        let numbers = outline.numbers(&file.storages)?;
        let seal = self.put_record(stage, rank, &file, state, Some(numbers))?;
        let statement = Statement { terms, source: source_of(state), seal };
        if rank.global_rank != 0 {
            return Ok((statement, None));
        }
        self.put_bytes(stage, OUTLINE, &outline.bytes)?;
        Ok((statement, Some(outline)))
    }

    /// Writes one file of a state dict into the stage; answers what is read of it.
    fn put(&self, stage: &dyn Stage, name: &str, state: &StateDict<'_>, digests: bool) -> Result<ReadBack> {
        let format = WriteFormat::Torch(TorchOptions::default());
        let options = WriteOptions { format, durable: self.config.durable };
        let path = stage.path().join(name);
        let written =
            write(&self.engine, &path, state, &options, digests, |length| stage.create(name, length));
        written.map(|(_, read_back)| read_back)
    }

    /// Writes the record of this rank's file, and answers what seals it.
    fn put_record(
        &self,
        stage: &dyn Stage,
        rank: RankInfo,
        written: &ReadBack,
        state: &StateDict<'_>,
        outline: Option<Vec<u32>>,
    ) -> Result<RankSeal> {
        let mut record =
            FileRecord::of(&rank_file(rank.global_rank), &written.file, outline, written.digests.clone())?;
        record.metadata = state.metadata().to_vec();
        let bytes = record.to_bytes()?;
        self.put_bytes(stage, &rank_record(rank.global_rank), &bytes)?;
        let (record_length, record_crc32) = (bytes.len() as u64, crc32(&bytes));
        let record_digest = written.digests.is_some().then(|| digest::of(&bytes));
        // A relative one may be of another directory on each rank.
        let directory = self.store.real(stage.place()).unwrap_or_else(|_| stage.place().into());
        let directory = directory.display().to_string();
        Ok(RankSeal { directory, length: record.length, record_length, record_crc32, record_digest })
    }

    fn put_bytes(&self, stage: &dyn Stage, name: &str, bytes: &[u8]) -> Result<()> {
        let sink = stage.create(name, bytes.len() as u64)?;
        sink.write_at(0, bytes)?;
        sink.finish(self.config.durable)
    }

    /// Writes the record that seals the records of all ranks, if their files are on disk,
    /// and makes the directory appear.
    fn commit(
        &self,
        save: &Save<'_>,
        stage: &dyn Stage,
        seals: &[RankSeal],
        outline: Option<&Outline>,
    ) -> Result<()> {
        let Some(own) = seals.first() else { return Err(Error::Value("nobody has saved".into())) };
        let records = seals.par_iter().enumerate().map(|(rank, seal)| seal.record(stage, rank, own));
        let records: Vec<FileRecord> = records.collect::<Result<_>>()?;
        let mut sealed = Sealed::default();
        if let Some(outline) = outline {
            let all: Vec<&FileRecord> = records.iter().collect();
            shard::once(stage.path(), &outline.lengths, &all)?;
            sealed.outline = Some(OutlineSeal {
                length: outline.bytes.len() as u64,
                crc32: crc32(&outline.bytes),
                digest: Some(digest::of(&outline.bytes)),
                storages: u32::try_from(outline.lengths.len()).unwrap_or(u32::MAX),
            });
        }
        sealed.ranks = Ranks {
            length: seals.iter().map(|seal| seal.length).collect(),
            record_length: seals.iter().map(|seal| seal.record_length).collect(),
            record_crc32: seals.iter().map(|seal| seal.record_crc32).collect(),
            record_digest: seals.iter().map(|seal| seal.record_digest.clone()).collect(),
        };
        let record = Record::new(self.next_instant(&root_of(&*self.store, stage.place())), &sealed);
        self.put_bytes(stage, RECORD, &record.to_bytes(&sealed)?)?;
        // Something may have come while this save was under way, and a link may lead elsewhere.
        protected::outside_checkpoints(&*self.store, stage.place())?;
        stage.commit(&|| self.may_replace(save, stage.place()))
    }

    /// Now, or after the newest checkpoint there is, if clocks differ or were set back:
    /// what is committed last is the latest.
    fn next_instant(&self, root: &Path) -> u64 {
        now().max(newest_commit(&*self.store, root).saturating_add(1))
    }

    fn call_hooks(&self, save: &Save<'_>, directory: Option<&Path>, committed: bool) -> Result<()> {
        let Save { path, rank: rank_info, arguments, .. } = *save;
        let context = HookContext { path, directory, rank_info, arguments };
        self.hooks.iter().try_for_each(|hook| {
            let call = || if committed { hook.post_commit(&context) } else { hook.pre_commit(&context) };
            // A hook that panics must not keep the other ranks waiting for this one.
            let called = panic::catch_unwind(AssertUnwindSafe(call));
            let called = called.unwrap_or_else(|payload| Err(panicked(&*payload)));
            called.map_err(|source| {
                let (path, hook) = (path.to_path_buf(), hook.name().to_owned());
                Error::Hook { path, hook, committed, source }
            })
        })
    }
}

impl fmt::Debug for CheckpointWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { config, barrier, hooks, .. } = self;
        let mut debug = f.debug_struct("CheckpointWriter");
        debug.field("config", config).field("barrier", barrier).field("hooks", hooks).finish_non_exhaustive()
    }
}

/// The error of a save to a path where there is something that does not go for it. What is
/// replaced is deleted: not a directory of somebody's work.
fn not_replaced(path: &Path, reason: &str) -> Error {
    Error::checkpoint(path, format!("something is here already, and is not replaced, as {reason}"))
}

/// What a rank writes of a state dict.
#[derive(Clone, Copy)]
enum Part<'p> {
    /// All of it: each rank has a state dict of its own.
    Own(&'p StateDict<'p>),
    /// Its share: all ranks have the same state dict.
    ShareOf(&'p StateDict<'p>),
}

/// The error of a hook that panicked.
fn panicked(payload: &(dyn Any + Send)) -> HookError {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    format!("it panicked: {}", text.unwrap_or("without a text")).into()
}

/// Nanoseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
