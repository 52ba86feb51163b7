//! Saving over ranks: every rank writes its file, then one rename commits all.

use std::path::Path;
use std::process;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::checkpoint::{FileRecord, OUTLINE, RECORD, Record, VERSION};
use crate::state::StateDict;
use crate::store::{Stage, Store};
use crate::write::{WriteFormat, WriteOptions, write};
use crate::{Engine, Error, File, Result, TorchOptions, ranks, shard};

/// How to save over ranks.
#[derive(Clone, Copy, Debug)]
pub struct SaveOptions {
    /// How many ranks.
    pub ranks: usize,
    /// Whether a checkpoint that is there already is replaced, in one step.
    pub overwrite: bool,
}

/// What a save over ranks did.
#[derive(Clone, Debug)]
pub struct Saved {
    /// The record that was committed.
    pub record: Record,
}

/// Shares a state dict over ranks by bytes and saves it as the checkpoint
/// directory `path`: tensors that share a storage stay together, and all that is
/// no tensor goes to rank 0.
///
/// The directory appears whole, durable, and in one step, or not at all.
pub fn save_sharded(
    engine: &Engine,
    store: &dyn Store,
    path: &Path,
    state: &StateDict<'_>,
    options: &SaveOptions,
) -> Result<Saved> {
    if options.ranks == 0 {
        return Err(Error::Value("a checkpoint is saved by at least one rank".into()));
    }
    if !options.overwrite && store.exists(path)? {
        return Err(Error::Exists { path: path.into() });
    }
    let owners = shard::owners(state, options.ranks);
    let token = token();
    let stage = store.stage(path, &token)?;
    let saved = ranks::run(options.ranks, |rank, barrier| {
        // Each rank opens the stage itself, as one in another process would.
        let stage = store.stage(path, &token)?;
        let part = shard::part(state, &owners, rank);
        put(engine, &*stage, &rank_file(rank), &part)?;
        if rank == 0 {
            put(engine, &*stage, OUTLINE, &shard::outline(state))?;
        }
        barrier.wait()?;
        if rank == 0 { commit(engine, &*stage, options).map(Some) } else { Ok(None) }
    });
    match saved {
        Ok(records) => records
            .into_iter()
            .flatten()
            .next()
            .map(|record| Saved { record })
            .ok_or_else(|| Error::Value("no rank committed".into())),
        Err(error) => {
            // The error that counts is the first; the next save cleans up again.
            let _ = stage.discard();
            Err(error)
        }
    }
}

/// Writes one file into the stage, durably.
fn put(engine: &Engine, stage: &dyn Stage, name: &str, state: &StateDict<'_>) -> Result<()> {
    let options = WriteOptions { format: WriteFormat::Torch(TorchOptions::default()), durable: true };
    write(engine, &stage.path().join(name), state, &options, |length| stage.create(name, length))?;
    Ok(())
}

/// Writes the record of what is on disk, not of what was meant to be, and makes
/// the directory appear.
fn commit(engine: &Engine, stage: &dyn Stage, options: &SaveOptions) -> Result<Record> {
    let record_of = |name: &str| {
        let file = File::from_source(engine, stage.open(name)?)?;
        Ok(FileRecord::of(name, &file))
    };
    let ranks = (0..options.ranks).map(|rank| record_of(&rank_file(rank))).collect::<Result<_>>()?;
    let record = Record {
        version: VERSION,
        world_size: options.ranks,
        committed: now(),
        ranks,
        outline: Some(record_of(OUTLINE)?),
    };
    let json = serde_json::to_vec_pretty(&record).map_err(|error| Error::Value(error.to_string()))?;
    let sink = stage.create(RECORD, json.len() as u64)?;
    sink.write_at(0, &json)?;
    sink.finish(true)?;
    stage.commit(options.overwrite)?;
    Ok(record)
}

/// torch's name for a rank's file.
fn rank_file(rank: usize) -> String {
    format!("checkpoint_{rank}.pt")
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// What tells this save's stage from that of any other.
fn token() -> String {
    format!("{}-{}.staging", now(), process::id())
}
