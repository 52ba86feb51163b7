//! What the directory of a checkpoint holds, next to what its record says that it does.
//!
//! No file but the record is opened: lists and prunes of long runs look at each.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;

use crate::checkpoint::{RECORD, Record, absent, may_be_of_one};
use crate::store::Store;
use crate::{Error, Result};

/// The record of the checkpoint `path`, whose files are all there, none of them cut short
/// or longer. None if there is no record.
pub(crate) fn whole(store: &dyn Store, path: &Path) -> Result<Option<Record>> {
    // Its files go one by one when it is removed, and others come when it is replaced.
    for _ in 0..LOOKS {
        let Some(record) = Record::read(store, path)? else { return Ok(None) };
        let Some(missing) = record.incomplete(store, path)? else { return Ok(Some(record)) };
        if Record::read(store, path)? == Some(record) {
            return Err(Error::checkpoint(path, missing));
        }
    }
    Err(Error::Replaced { path: path.into() })
}

/// The names in the checkpoint `path` that are not of it, as its record says; or, if that
/// is damaged, that none of its files ever has.
pub(crate) fn foreign(store: &dyn Store, path: &Path) -> Result<Vec<String>> {
    for _ in 0..LOOKS {
        let record = readable(store, path)?;
        let foreign = beside(store, path, record.as_ref())?;
        if foreign.is_empty() || readable(store, path)? == record {
            return Ok(foreign);
        }
    }
    Err(Error::Replaced { path: path.into() })
}

/// The record of a checkpoint, unless it is damaged.
fn readable(store: &dyn Store, path: &Path) -> Result<Option<Record>> {
    match Record::read(store, path) {
        Ok(None) => Err(absent(path)),
        Err(Error::Checkpoint { .. }) => Ok(None),
        read => read,
    }
}

fn beside(store: &dyn Store, path: &Path, record: Option<&Record>) -> Result<Vec<String>> {
    let names: Option<BTreeSet<String>> = record.map(|record| record.names().collect());
    let is_own = |name: &OsStr| {
        let Some(name) = name.to_str() else { return false };
        name == RECORD || names.as_ref().map_or_else(|| may_be_of_one(name), |names| names.contains(name))
    };
    let entries = store.list(path)?.into_iter().filter(|entry| entry.directory || !is_own(&entry.name));
    let mut foreign: Vec<String> = entries.map(|entry| entry.name.to_string_lossy().into_owned()).collect();
    foreign.sort();
    Ok(foreign)
}

/// The error of a checkpoint that is not deleted because of what else is in it.
pub(crate) fn not_deleted(path: &Path, foreign: &[String]) -> Error {
    let shown = foreign.iter().take(SHOWN).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let more = foreign.len().saturating_sub(SHOWN);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let reason = format!("it is not deleted, as what is not of the checkpoint is in it: {shown}{more}");
    Error::checkpoint(path, reason)
}

/// How often a checkpoint is looked at that changes meanwhile.
const LOOKS: usize = 8;

/// Names in an error.
const SHOWN: usize = 5;
