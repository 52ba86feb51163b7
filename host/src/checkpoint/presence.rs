//! What the directory of a checkpoint holds, next to what its record says that it does.
//!
//! No file but the record is opened: lists and prunes of long runs look at each.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::checkpoint::{RECORD, Record, absent};
use crate::file::protected::Sources;
use crate::store::{Entry, Store};
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

/// What is in the directory of a checkpoint.
pub(crate) struct Contents {
    pub(crate) record: Record,
    /// The names that are of it, as its record says, and the record first.
    own: Vec<OsString>,
    /// The others.
    foreign: Vec<String>,
}

impl Contents {
    /// Looks at the checkpoint `path`.
    pub(crate) fn of(store: &dyn Store, path: &Path) -> Result<Self> {
        let read = || Record::read(store, path)?.ok_or_else(|| absent(path));
        for _ in 0..LOOKS {
            let contents = Self::beside(store, path, read()?)?;
            if contents.foreign.is_empty() || read()? == contents.record {
                return Ok(contents);
            }
        }
        Err(Error::Replaced { path: path.into() })
    }

    fn beside(store: &dyn Store, path: &Path, record: Record) -> Result<Self> {
        let names: BTreeSet<String> = record.names().collect();
        let is_own = |name: &OsStr| name.to_str().is_some_and(|name| name == RECORD || names.contains(name));
        let (mut own, mut foreign) = (Vec::new(), Vec::new());
        for Entry { name, directory, .. } in store.list(path)? {
            match !directory && is_own(&name) {
                true => own.push(name),
                false => foreign.push(name.to_string_lossy().into_owned()),
            }
        }
        own.sort_by_key(|name| name != RECORD);
        foreign.sort();
        Ok(Self { record, own, foreign })
    }

    /// The names of its files; else why it must not be deleted: somebody else's are among them.
    pub(crate) fn only_own(self) -> std::result::Result<Vec<OsString>, String> {
        if self.foreign.is_empty() { Ok(self.own) } else { Err(of_others(&self.foreign)) }
    }
}

/// Why the checkpoint `path` must not be deleted, if it must not: somebody else's files are
/// in it, it is being read, or who asks may not delete all of it.
pub(crate) fn needed(store: &dyn Store, path: &Path, reading: &Sources) -> Result<Option<String>> {
    let contents = match Contents::of(store, path) {
        // It names nothing as its own, and so all there may be somebody's.
        Err(Error::Checkpoint { reason, .. }) => {
            return Ok(Some(format!("{RECORD} cannot be read: {reason}")));
        }
        contents => contents?,
    };
    if let Err(reason) = contents.only_own() {
        return Ok(Some(reason));
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
