//! What the directory of a checkpoint holds, next to what its record says that it does.
//!
//! No file but the record is opened: lists and prunes of long runs look at each.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;

use crate::checkpoint::{RECORD, Record, absent};
use crate::protected::Sources;
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

/// The names in the checkpoint `path` that are not of it, as its record says.
pub(crate) fn foreign(store: &dyn Store, path: &Path) -> Result<Vec<String>> {
    let read = || Record::read(store, path)?.ok_or_else(|| absent(path));
    for _ in 0..LOOKS {
        let record = read()?;
        let foreign = beside(store, path, &record)?;
        if foreign.is_empty() || read()? == record {
            return Ok(foreign);
        }
    }
    Err(Error::Replaced { path: path.into() })
}

fn beside(store: &dyn Store, path: &Path, record: &Record) -> Result<Vec<String>> {
    let names: BTreeSet<String> = record.names().collect();
    let is_own = |name: &OsStr| name.to_str().is_some_and(|name| name == RECORD || names.contains(name));
    let entries = store.list(path)?.into_iter().filter(|entry| entry.directory || !is_own(&entry.name));
    let mut foreign: Vec<String> = entries.map(|entry| entry.name.to_string_lossy().into_owned()).collect();
    foreign.sort();
    Ok(foreign)
}

/// Why the checkpoint `path` must not be deleted, if it must not: somebody else's files are
/// in it, it is being read, or who asks may not delete all of it.
pub(crate) fn needed(store: &dyn Store, path: &Path, reading: &Sources) -> Result<Option<String>> {
    let foreign = match foreign(store, path) {
        // It names nothing as its own, and so all there may be somebody's.
        Err(Error::Checkpoint { reason, .. }) => {
            return Ok(Some(format!("{RECORD} cannot be read: {reason}")));
        }
        foreign => foreign?,
    };
    if !foreign.is_empty() {
        return Ok(Some(of_others(&foreign)));
    }
    if reading.are_in(store, path)? {
        return Ok(Some("what is to be saved is read from it".into()));
    }
    store.undeletable(path)
}

/// That some names are not of the checkpoint that they are in.
fn of_others(foreign: &[String]) -> String {
    let shown = foreign.iter().take(SHOWN).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let more = foreign.len().saturating_sub(SHOWN);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("what is not of the checkpoint is in it: {shown}{more}")
}

/// How often a checkpoint is looked at that changes meanwhile.
const LOOKS: usize = 8;

/// Names in an error.
const SHOWN: usize = 5;
