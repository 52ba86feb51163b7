//! Links that lead into checkpoints that are to go.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::store::{Entry, Store};
use crate::{Error, Result};

/// A link in a directory of checkpoints, or in one of them.
struct Link {
    path: PathBuf,
    /// What it leads through and to.
    passed: Vec<PathBuf>,
}

/// Into which of the checkpoints `going` directly under `root` a link leads, and that link. One
/// from a checkpoint that goes itself counts, too: until it has gone it needs what it names.
pub(super) fn into(
    store: &dyn Store,
    root: &Path,
    going: &BTreeSet<PathBuf>,
) -> Result<BTreeMap<PathBuf, PathBuf>> {
    let mut needed = BTreeMap::new();
    if going.is_empty() {
        return Ok(needed);
    }
    let links = links(store, root)?;
    for path in going {
        let place = store.real(path)?;
        let leads = |link: &&Link| {
            !link.path.starts_with(path) && link.passed.iter().any(|passed| passed.starts_with(&place))
        };
        if let Some(link) = links.iter().find(leads) {
            needed.insert(path.clone(), link.path.clone());
        }
    }
    Ok(needed)
}

/// The links in `root`, and in the directories there.
fn links(store: &dyn Store, root: &Path) -> Result<Vec<Link>> {
    let mut links = Vec::new();
    for Entry { name, directory, link, .. } in store.list(root)? {
        let path = root.join(name);
        if link.is_some() {
            links.extend(Link::of(store, path.clone())?);
        }
        let inside = if directory { inside(store, &path)? } else { Vec::new() };
        for Entry { name, link, .. } in inside {
            if link.is_some() {
                links.extend(Link::of(store, path.join(name))?);
            }
        }
    }
    Ok(links)
}

/// What is in a directory. One that may not be listed, or has gone, is no checkpoint that
/// anybody reads; of one that the disk does not give nobody knows what it needs.
fn inside(store: &dyn Store, path: &Path) -> Result<Vec<Entry>> {
    match store.list(path) {
        Err(Error::Io { source, .. })
            if matches!(source.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) =>
        {
            Ok(Vec::new())
        }
        listed => listed,
    }
}

impl Link {
    /// None if it leads nowhere. What cannot be looked at is an error: it may lead into what is
    /// to go.
    fn of(store: &dyn Store, path: PathBuf) -> Result<Option<Self>> {
        match store.passed(&path) {
            Err(Error::Io { source, .. }) if leads_nowhere(&source) => Ok(None),
            passed => Ok(Some(Self { path, passed: passed? })),
        }
    }
}

fn leads_nowhere(error: &io::Error) -> bool {
    // Of a loop of links it is said in words.
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied | ErrorKind::Other)
}
