use std::collections::HashMap;
use std::path::Path;

use crate::file::drive;
use crate::file::readback;
use crate::sandbox::bindings::writer::WriteOptions;
use crate::state::{StateDict, Storage};
use crate::{Engine, Error, Result};

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
    /// Pickles `state`, of the checkpoint `path`, and reads that again.
    pub(super) fn of(engine: &Engine, path: &Path, state: &StateDict<'_>) -> Result<Self> {
        let layout = drive::plan(engine, path, state, &WriteOptions::Pickle)?.into_layout();
        let (bytes, storages) = readback::outline(engine, path, state, &layout)?;
        let length = |&id: &u32| state.storages().get(id as usize).map_or(0, Storage::length);
        let lengths = storages.iter().map(length).collect();
        Ok(Self { bytes, lengths, numbers: storages.into_iter().zip(0..).collect() })
    }

    /// Which storages of the outline these of the state dict are.
    pub(super) fn numbers(&self, storages: &[u32]) -> Result<Vec<u32>> {
        let number = |id: &u32| {
            let unknown = || Error::Value(format!("storage {id} of a part is not in the outline"));
            self.numbers.get(id).copied().ok_or_else(unknown)
        };
        storages.iter().map(number).collect()
    }
}
