use std::path::Path;

use rayon::prelude::*;

use super::groups::owners_of;
use super::part;
use crate::file::readback::same;
use crate::file::readback::sorted;
use crate::state::{StateDict, Storage};
use crate::{Error, File, FileRecord, Result};

/// Puts the payloads of the ranks' files under the outline.
pub(crate) fn merge(
    path: &Path,
    outline: &StateDict<'static>,
    files: &[(File, FileRecord)],
) -> Result<StateDict<'static>> {
    let lengths: Vec<u64> = outline.storages().iter().map(Storage::length).collect();
    let records: Vec<&FileRecord> = files.iter().map(|(_, record)| record).collect();
    let places = once(path, &lengths, &records)?;
    one_metadata(path, &records)?;
    parts_of(path, outline, files, &places)?;
    let storage = |(place, named): (Place, &Storage<'static>)| {
        let payload = files.get(place.rank).and_then(|(file, _)| file.parts().get(place.index));
        let payload = payload.ok_or_else(|| Error::checkpoint(path, "a payload is in no file"))?;
        Ok(Storage::stored(payload.clone(), named.location()))
    };
    let storages: Result<Vec<_>> = places.into_iter().zip(outline.storages()).map(storage).collect();
    let mut merged = outline.with_storages(storages?);
    if let Some((_, record)) = files.first() {
        merged.set_metadata(record.metadata.clone());
    }
    Ok(merged)
}

/// An error unless all ranks have saved the same texts beside their tensors.
fn one_metadata(path: &Path, records: &[&FileRecord]) -> Result<()> {
    let Some((first, rest)) = records.split_first() else { return Ok(()) };
    match rest.iter().find(|other| sorted(&other.metadata) != sorted(&first.metadata)) {
        Some(other) => {
            let reason = format!("its metadata is another than that of {}", first.name);
            Err(Error::checkpoint(&path.join(&other.name), reason))
        }
        None => Ok(()),
    }
}

/// An error unless each rank's file, which is a plain one with names of its own, is the
/// part of the outline that the records say it is: the same values in the same places,
/// over the same storages. Records that were made to fit other files are found so,
/// whatever checksums they have.
fn parts_of(
    path: &Path,
    outline: &StateDict<'static>,
    files: &[(File, FileRecord)],
    places: &[Place],
) -> Result<()> {
    let holders: Vec<usize> = places.iter().map(|place| place.rank).collect();
    let owners = owners_of(outline, &holders).map_err(|storage| {
        let rank = holders.get(storage).copied().unwrap_or(0);
        let reason = format!("storage {storage} of the outline is not in the file of what it belongs to");
        Error::checkpoint(files.get(rank).map_or(path, |(file, _)| file.path()), reason)
    })?;
    files.par_iter().enumerate().try_for_each(|(rank, (file, record))| {
        let wrong = |what: String| {
            let reason = format!("it is not the part of the outline that its record says: {what}");
            Error::checkpoint(file.path(), reason)
        };
        let part = part(outline, &owners, rank);
        let found = same(&part, file.state()).map_err(wrong)?;
        let said = record.storages.outline.as_deref().unwrap_or_default();
        for ((found, &said), storage) in found.into_iter().zip(said).zip(file.state().storages()) {
            let location = outline.storages().get(said as usize).map(Storage::location);
            if found != Some(said) || location != Some(storage.location()) {
                return Err(wrong(format!("expected storage {said}, found {found:?}")));
            }
        }
        Ok(())
    })
}

/// Where a storage of an outline is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    rank: usize,
    /// Which payload of that rank's file.
    index: usize,
}

/// Where each storage of an outline is. An error unless each is in one rank's file, once
/// and of its length.
pub(crate) fn once(path: &Path, lengths: &[u64], records: &[&FileRecord]) -> Result<Vec<Place>> {
    let mut places: Vec<Option<Place>> = vec![None; lengths.len()];
    for (rank, record) in records.iter().enumerate() {
        let storages = record.storages.outline.iter().flatten().zip(&record.storages.length);
        for (index, (&id, &length)) in storages.enumerate() {
            let wrong = |what: String| Error::checkpoint(path, format!("{}: {what}", record.name));
            let expected = lengths.get(id as usize);
            if expected != Some(&length) {
                return Err(wrong(match expected {
                    Some(expected) => {
                        format!("storage {id} has {length} bytes, and {expected} by the outline")
                    }
                    None => format!("it has storage {id}, and the outline only {}", lengths.len()),
                }));
            }
            if let Some(Some(first)) = places.get(id as usize) {
                return Err(wrong(format!("storage {id} is in the file of rank {} too", first.rank)));
            }
            if let Some(place) = places.get_mut(id as usize) {
                *place = Some(Place { rank, index });
            }
        }
    }
    let missing = places.iter().filter(|place| place.is_none()).count();
    if let Some(first) = places.iter().position(Option::is_none) {
        let reason =
            format!("{missing} storages of the outline are in no rank's file, storage {first} is the first");
        return Err(Error::checkpoint(path, reason));
    }
    Ok(places.into_iter().flatten().collect())
}
