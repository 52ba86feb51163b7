//! What the tests of reading share.

use std::path::Path;
use std::sync::Arc;

use strongroom::store::{Memory, Store};
use strongroom::{
    CheckpointReader, CheckpointReaderConfig, CheckpointWriter, CheckpointWriterConfig, Engine,
    HookArguments, LocalBarrier, RankInfo, StateDict,
};

/// Where every checkpoint of these tests is.
pub const PATH: &str = "run/step-1";

/// A reader as the one rank of a world of one.
pub fn reader(store: impl Store + 'static, verify: bool) -> CheckpointReader {
    reader_of(store, CheckpointReaderConfig { uncommitted: false, verify }, RankInfo::single())
}

pub fn reader_of(
    store: impl Store + 'static,
    config: CheckpointReaderConfig,
    rank_info: RankInfo,
) -> CheckpointReader {
    CheckpointReader::new_in(Engine::shared().unwrap(), Arc::new(store), config, rank_info)
}

/// A checkpoint of one rank.
pub fn saved(state: &StateDict<'_>) -> Memory {
    let store = Memory::default();
    let writer = CheckpointWriter::new_in(
        Engine::shared().unwrap(),
        Arc::new(store.clone()),
        CheckpointWriterConfig::default(),
        Arc::new(LocalBarrier::single()),
    );
    writer.write(PATH, state, &HookArguments::new()).unwrap();
    store
}

/// A directory as PyTorch's own writer leaves it: these files by rank, no record.
pub fn uncommitted<'f>(files: impl IntoIterator<Item = (usize, &'f [u8])>) -> Memory {
    let store = Memory::default();
    for (rank, bytes) in files {
        store.insert(Path::new(PATH).join(format!("checkpoint_{rank}.pt")), bytes);
    }
    store
}
