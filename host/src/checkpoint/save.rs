//! Saving one state dict over ranks that are threads of this process.

use std::path::Path;
use std::sync::Arc;
use std::thread;

use crate::checkpoint::hook::HookArguments;
use crate::ranks::barrier::{Barrier, LocalBarrier};
use crate::state::StateDict;
use crate::store::Store;
use crate::{CheckpointWriter, CheckpointWriterConfig, Engine, Error, RankInfo, Result};

/// How to save over ranks.
#[derive(Clone, Copy, Debug)]
pub struct SaveOptions {
    /// How many ranks.
    pub ranks: usize,
    /// Whether a checkpoint that is there already is replaced, in one step.
    pub overwrite: bool,
}

/// Shares a state dict over ranks by bytes and saves it as the checkpoint
/// directory `path`: tensors that share a storage stay together, and all that is
/// no tensor goes to rank 0.
///
/// The directory appears whole, durable, and in one step, or not at all.
pub fn save_sharded(
    engine: &Engine,
    store: Arc<dyn Store>,
    path: &Path,
    state: &StateDict<'_>,
    options: &SaveOptions,
) -> Result<()> {
    let config = CheckpointWriterConfig { overwrite: options.overwrite, ..CheckpointWriterConfig::default() };
    save_sharded_with(engine, store, path, state, options.ranks, &config)
}

/// The same, configured as each rank by itself would be: rank 0 removes old checkpoints.
pub fn save_sharded_with(
    engine: &Engine,
    store: Arc<dyn Store>,
    path: &Path,
    state: &StateDict<'_>,
    ranks: usize,
    config: &CheckpointWriterConfig,
) -> Result<()> {
    if ranks == 0 {
        return Err(Error::Value("a checkpoint is saved by at least one rank".into()));
    }
    RankInfo::new(0, ranks)?;
    let save = |barrier: LocalBarrier| {
        let rank = barrier.rank_info().global_rank;
        let writer = CheckpointWriter::new_in(engine, store.clone(), config.clone(), Arc::new(barrier));
        let writer = writer.of_one_state();
        writer.write_shared(path, state, &HookArguments::new()).map_err(|error| (rank, error))
    };
    let results: Vec<std::result::Result<(), (usize, Error)>> = thread::scope(|scope| {
        let world = LocalBarrier::world(ranks).into_iter();
        let threads: Vec<_> = world.map(|barrier| scope.spawn(|| save(barrier))).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        threads.into_iter().map(join).collect()
    });
    // What a rank says of itself counts more than what others say of it.
    let own = |(rank, error): &(usize, Error)| match error {
        Error::Rank { rank: failed, .. } => failed != rank,
        error => matches!(error, Error::Missing { .. }),
    };
    let failures = results.into_iter().filter_map(std::result::Result::err);
    failures.min_by_key(own).map_or(Ok(()), |(_, error)| Err(error))
}
