//! What no write touches: committed checkpoints, and the directory that is being read.

use std::collections::BTreeSet;
use std::path::Path;

use crate::checkpoint::RECORD;
use crate::state::{Content, StateDict};
use crate::store::Store;
use crate::{Error, Result};

/// Refuses a path inside a committed checkpoint, by whatever links it leads there.
pub(crate) fn outside_checkpoints(store: &dyn Store, path: &Path) -> Result<()> {
    for directory in store.real(path)?.ancestors().skip(1) {
        if store.exists(&directory.join(RECORD))? {
            let shown = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
            let reason = format!(
                "it is in {}, a committed checkpoint, as `{RECORD}` there says, in which nothing is written",
                shown.display()
            );
            return Err(Error::checkpoint(path, reason));
        }
    }
    Ok(())
}

/// Refuses a path that is a part of a checkpoint from which `state` is read, if only as
/// another name of the same file. A file that stands for itself may be replaced.
pub(crate) fn apart_from_sources(store: &dyn Store, path: &Path, state: &StateDict<'_>) -> Result<()> {
    if store.look(path)?.is_none() {
        return Ok(());
    }
    let sources = state.storages().iter().filter_map(|storage| match storage.content() {
        Content::Stored(stored) => stored.source.path().parent(),
        Content::Bytes(..) => None,
    });
    for directory in sources.collect::<BTreeSet<_>>() {
        if store.exists(&directory.join(RECORD))? {
            apart_from(store, path, directory)?;
        }
    }
    Ok(())
}

/// Refuses a path that is in `directory`, or another name of a file there.
pub(crate) fn apart_from(store: &dyn Store, path: &Path, directory: &Path) -> Result<()> {
    let refused = || {
        let reason = format!("it is a part of {}, which is being read", directory.display());
        Err(Error::checkpoint(path, reason))
    };
    if store.real(path)?.starts_with(store.real(directory)?) {
        return refused();
    }
    let Some(identity) = store.look(path)?.and_then(|found| found.identity) else { return Ok(()) };
    for entry in store.list(directory)? {
        if store.look(&directory.join(entry.name))?.and_then(|found| found.identity) == Some(identity) {
            return refused();
        }
    }
    Ok(())
}

/// Refuses the name of a checkpoint that nobody would find again: lists pass over hidden
/// names, and those are the ones of what is not committed.
pub(crate) fn findable(path: &Path) -> Result<()> {
    let reason = match path.file_name().map(|name| name.to_str()) {
        Some(None) => "the name of a checkpoint is UTF-8, and this one is not",
        Some(Some(name)) if name.starts_with('.') => {
            "the name of a checkpoint does not begin with a dot: those are hidden, and stand for saves that are \
             under way"
        }
        // What has no name at all is refused where it is to be made.
        _ => return Ok(()),
    };
    Err(Error::checkpoint(path, reason))
}
