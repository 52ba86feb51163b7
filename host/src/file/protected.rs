//! What no write touches: committed checkpoints, and the directory that is being read.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::file::reserved::RECORD;
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

/// The files that something is read from.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// Where they are.
    places: Vec<PathBuf>,
    /// The directories above, by whatever mount they are seen.
    above: BTreeSet<(u64, u64)>,
    /// What they are, by whatever name.
    identities: BTreeSet<(u64, u64)>,
}

impl Sources {
    /// Those of a state dict whose payloads are still in files.
    pub(crate) fn of(store: &dyn Store, state: &StateDict<'_>) -> Result<Self> {
        let files = state.storages().iter().filter_map(|storage| match storage.content() {
            Content::Stored(stored) => Some(stored.source.path()),
            Content::Bytes(..) => None,
        });
        Self::at(store, files.collect::<BTreeSet<_>>())
    }

    /// These.
    pub(crate) fn at(store: &dyn Store, files: impl IntoIterator<Item = impl AsRef<Path>>) -> Result<Self> {
        let mut sources = Self::default();
        for file in files {
            let place = store.real(file.as_ref())?;
            for directory in place.ancestors().skip(1) {
                sources.above.extend(identity(store, directory)?);
            }
            sources.places.push(place);
            sources.identities.extend(identity(store, file.as_ref())?);
        }
        Ok(sources)
    }

    /// These and others.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.places.extend(other.places);
        self.above.extend(other.above);
        self.identities.extend(other.identities);
        self
    }

    /// Whether one of them is in `directory`, if only under another name.
    pub(crate) fn are_in(&self, store: &dyn Store, directory: &Path) -> Result<bool> {
        if self.places.is_empty() {
            return Ok(false);
        }
        let place = store.real(directory)?;
        let is_above = identity(store, directory)?.is_some_and(|identity| self.above.contains(&identity));
        if is_above || self.places.iter().any(|source| source.starts_with(&place)) {
            return Ok(true);
        }
        for entry in store.list(directory)? {
            let found = identity(store, &directory.join(entry.name))?;
            if found.is_some_and(|identity| self.identities.contains(&identity)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Refuses a path that is a part of a checkpoint from which `state` is read, if only as
/// another name of the same file. A file that stands for itself may be replaced, but not
/// written into while it is read.
pub(crate) fn apart_from_sources(store: &dyn Store, path: &Path, state: &StateDict<'_>) -> Result<()> {
    let Some(found) = store.look(path)? else { return Ok(()) };
    let sources = state.storages().iter().filter_map(|storage| match storage.content() {
        Content::Stored(stored) => stored.source.path().parent(),
        Content::Bytes(..) => None,
    });
    for directory in sources.collect::<BTreeSet<_>>() {
        if store.exists(&directory.join(RECORD))? {
            apart_from(store, path, directory)?;
        }
    }
    if !store.is_stream(path)? {
        return Ok(());
    }
    let sources = Sources::of(store, state)?;
    if found.identity.is_some_and(|identity| sources.identities.contains(&identity)) {
        let reason = "it is the file that is being read, and would be written into, not replaced";
        return Err(Error::checkpoint(path, reason));
    }
    Ok(())
}

/// Refuses `directory` as the place of a new checkpoint of what is in the files `sources`, if
/// one of them is a part of what is there, if only under another name: all of that would go.
pub fn refuse_replacing(store: &dyn Store, directory: &Path, sources: &[impl AsRef<Path>]) -> Result<()> {
    apart(store, directory, &Sources::at(store, sources)?)
}

/// The same for the files that `state` is read from.
pub(crate) fn not_replacing_sources(store: &dyn Store, path: &Path, state: &StateDict<'_>) -> Result<()> {
    apart(store, path, &Sources::of(store, state)?)
}

fn apart(store: &dyn Store, directory: &Path, sources: &Sources) -> Result<()> {
    let there = store.look(directory)?.is_some_and(|found| found.directory);
    if there && sources.are_in(store, directory)? {
        return Err(Error::checkpoint(
            directory,
            "it is not replaced, as what is to be saved is read from it",
        ));
    }
    Ok(())
}

/// Refuses a path that is in `directory`, or another name of a file there.
pub(crate) fn apart_from(store: &dyn Store, path: &Path, directory: &Path) -> Result<()> {
    let refused = || {
        let reason = format!("it is a part of {}, which is being read", directory.display());
        Err(Error::checkpoint(path, reason))
    };
    let (place, read) = (store.real(path)?, identity(store, directory)?);
    if place.starts_with(store.real(directory)?) {
        return refused();
    }
    // By another mount it has another path.
    for above in place.ancestors().skip(1) {
        if read.is_some() && identity(store, above)? == read {
            return refused();
        }
    }
    let Some(file) = identity(store, path)? else { return Ok(()) };
    for entry in store.list(directory)? {
        if identity(store, &directory.join(entry.name))? == Some(file) {
            return refused();
        }
    }
    Ok(())
}

/// What tells apart what is at a path, whatever its name. None if nothing is.
fn identity(store: &dyn Store, path: &Path) -> Result<Option<(u64, u64)>> {
    Ok(store.look(path)?.and_then(|found| found.identity))
}

/// Refuses the name of a checkpoint that nobody would find again: lists pass over hidden
/// names, and those are the ones of what is not committed.
pub(crate) fn findable(store: &dyn Store, path: &Path) -> Result<()> {
    let reason = match store.real(path)?.file_name().map(|name| name.to_str()) {
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
