//! What a file will be, read before it is finished: what a reader would refuse, or read
//! as something else, is not written.
//!
//! The component reads what it has laid out, under the limits that it reads any file
//! under. Nothing but the payloads is missing then, and those it never looks at: where
//! they lie, and their checksums, are compared with where they went.

mod flat;
mod planned;
mod same;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use crate::file::carry::Carried;
use crate::file::drive::Layout;
use crate::file::write::{Flattened, SafetensorsOptions, TorchOptions, WriteFormat, WriteOptions};
use crate::payload::Stored;
use crate::payload::digest;
use crate::sandbox::bindings::writer::{Checksum, Slot, Source as Fill};
use crate::state::StateDict;
use crate::{Engine, Error, File, Result};
pub(crate) use flat::sorted;
use planned::Planned;
pub(crate) use same::same;

/// What comes of a comparison, or the first place that differs.
type Compared<T> = std::result::Result<T, String>;

/// A file as it is read, before it is there: what a record says of it can be made of this.
pub(crate) struct ReadBack {
    /// All but its payloads can be read.
    pub(crate) file: File,
    /// Which storage of the state dict each of its payloads is of.
    pub(crate) storages: Vec<u32>,
    /// The digest of each, where they were asked for.
    pub(crate) digests: Option<Vec<String>>,
    /// What tensors of the state dict are no more in the file.
    pub(crate) flattened: Flattened,
}

impl ReadBack {
    /// The digests of the payloads in the file's order.
    pub(crate) fn in_order(&self, slots: &[Slot], carried: &[Carried]) -> Vec<String> {
        let of_slot = |(slot, carried): (&Slot, &Carried)| match slot.source {
            Fill::Storage(id) => Some((id, carried.digest.clone()?)),
            Fill::Tensor(_) => None,
        };
        let digests: HashMap<u32, String> = slots.iter().zip(carried).filter_map(of_slot).collect();
        self.storages.iter().map(|id| digests.get(id).cloned().unwrap_or_else(|| digest::of(&[]))).collect()
    }
}

/// Reads what `layout` lays out, and compares it with `state`. `checksums` are those
/// of the payloads that were written, slot by slot.
pub(crate) fn read_back(
    engine: &Engine,
    path: &Path,
    state: &StateDict<'_>,
    options: &WriteOptions,
    layout: &Layout,
    checksums: &[Checksum],
) -> Result<ReadBack> {
    let unreadable = |reason| Error::Unreadable { path: path.into(), reason };
    let planned = Arc::new(Planned::new(path, layout));
    let file = File::from_source(engine, planned.clone()).map_err(|error| match error {
        Error::Format { fault, .. } => unreadable(fault.to_string()),
        Error::Untrue { what, .. } => unreadable(what),
        error => error,
    })?;
    planned.close();
    let compared = match &options.format {
        WriteFormat::Torch(options) => {
            torch(state, options, layout, checksums, &file).map(|storages| (storages, Flattened::default()))
        }
        WriteFormat::Safetensors(SafetensorsOptions { .. }) => flat::compare(state, layout, &file),
    };
    let (storages, flattened) = compared.map_err(unreadable)?;
    Ok(ReadBack { file, storages, digests: None, flattened })
}

/// Reads the pickle that `layout` lays out, and compares it with `state`. Answers its bytes,
/// and which storage of the state dict each is that it names.
pub(crate) fn outline(
    engine: &Engine,
    path: &Path,
    state: &StateDict<'_>,
    layout: &Layout,
) -> Result<(Vec<u8>, Vec<u32>)> {
    let unreadable = |reason| Error::Unreadable { path: path.into(), reason };
    let file =
        File::from_source(engine, Arc::new(Planned::new(path, layout))).map_err(|error| match error {
            Error::Format { fault, .. } => unreadable(fault.to_string()),
            error => error,
        })?;
    let storages = same(state, file.state()).map_err(unreadable)?;
    for (&id, found) in storages.iter().zip(file.state().storages()) {
        let storage = id.and_then(|id| state.storages().get(id as usize));
        if storage.is_none_or(|storage| {
            (storage.length(), storage.location()) != (found.length(), found.location())
        }) {
            return Err(unreadable("expected the storages of the state dict, found another".into()));
        }
    }
    let storages = storages.into_iter().collect::<Option<Vec<u32>>>();
    let storages = storages.ok_or_else(|| unreadable("found a storage that belongs to no value".into()))?;
    let mut bytes = vec![0; usize::try_from(layout.plan.length).unwrap_or(0)];
    file.source().read_at(0, &mut bytes)?;
    Ok((bytes, storages))
}

/// Compares with a torch file: the same values, and behind them the same storages.
fn torch(
    state: &StateDict<'_>,
    options: &TorchOptions,
    layout: &Layout,
    checksums: &[Checksum],
    file: &File,
) -> Compared<Vec<u32>> {
    if file.alignment() != Some(options.alignment) {
        return Err(format!("expected an alignment of {}, found {:?}", options.alignment, file.alignment()));
    }
    let storages = same(state, file.state())?;
    let storages = storages.into_iter().collect::<Option<Vec<u32>>>();
    let storages = storages.ok_or("found a payload that belongs to no value")?;
    // By the storage: a torch file has each once.
    let mut written: Vec<Option<(&Slot, &Checksum)>> = vec![None; state.storages().len()];
    for (slot, checksum) in layout.slots.iter().zip(checksums) {
        if let Fill::Storage(id) = slot.source
            && let Some(place) = written.get_mut(id as usize)
        {
            *place = Some((slot, checksum));
        }
    }
    for ((part, found), &id) in file.parts().iter().zip(file.state().storages()).zip(&storages) {
        let index = id as usize;
        let (Some(storage), Some((slot, checksum))) =
            (state.storages().get(index), written.get(index).copied().flatten())
        else {
            return Err(format!("{}: expected a payload that was written", part.name));
        };
        is_at(part, slot)?;
        if found.location() != storage.location() {
            let (expected, found) = (storage.location(), found.location());
            return Err(format!("{}: expected the device {expected}, found {found}", part.name));
        }
        // No checksum is written as one of zero, which a payload may have too.
        let expected = if options.checksums { checksum.crc32 } else { 0 };
        if part.checksum.unwrap_or(0) != expected {
            let found = part.checksum.unwrap_or(0);
            return Err(format!("{}: expected the checksum {expected:08x}, found {found:08x}", part.name));
        }
    }
    Ok(storages)
}

/// A payload is where it was written.
fn is_at(part: &Stored, slot: &Slot) -> Compared<()> {
    if (part.offset, part.length, part.swap) == (slot.offset, slot.length, 1) {
        return Ok(());
    }
    Err(format!(
        "{}: expected {} bytes at offset {}, found {} at {}",
        part.name, slot.length, slot.offset, part.length, part.offset
    ))
}
