use std::collections::HashMap;
use std::path::Path;

use crate::bindings::writer::WriteOptions;
use crate::state::{StateDict, Storage};
use crate::{Engine, Error, File, Result, drive, shard};

/// A state dict that is shared over ranks, without the bytes of its storages.
#[derive(Debug)]
pub(super) struct Outline {
    /// Its pickle: the same on all ranks that have the same state dict.
    pub(super) bytes: Vec<u8>,
    /// The length of each storage it names, in its order.
    pub(super) lengths: Vec<u64>,
    /// The number of each of the state dict's storages in it.
    numbers: HashMap<u32, u32>,
}

impl Outline {
    /// Pickles `state`, of the checkpoint `path`.
    pub(super) fn of(engine: &Engine, path: &Path, state: &StateDict<'_>) -> Result<Self> {
        let order = shard::encountered(state);
        let length = |&id: &u32| state.storages().get(id as usize).map_or(0, Storage::length);
        let plan = drive::plan(engine, path, state, &WriteOptions::Pickle)?;
        // All of a pickle is in segments, in order: the plan was checked to cover it.
        let bytes: Vec<u8> = plan.segments.into_iter().flat_map(|segment| segment.bytes).collect();
        let lengths = order.iter().map(length).collect();
        Ok(Self { bytes, lengths, numbers: order.into_iter().zip(0..).collect() })
    }

    /// Which storages of the outline the payloads of a part are, in the order of its file.
    pub(super) fn numbers(&self, part: &StateDict<'_>) -> Result<Vec<u32>> {
        let number = |id: &u32| {
            let unknown = || Error::Value(format!("storage {id} of a part is not in the outline"));
            self.numbers.get(id).copied().ok_or_else(unknown)
        };
        shard::encountered(part).iter().map(number).collect()
    }

    /// An error unless the file of the outline names the same storages.
    pub(super) fn read_back(&self, file: &File) -> Result<()> {
        let lengths: Vec<u64> = file.state().storages().iter().map(Storage::length).collect();
        if lengths == self.lengths {
            return Ok(());
        }
        let reason = "it does not name the storages of the state dict in their order";
        Err(Error::checkpoint(file.path(), reason))
    }
}
