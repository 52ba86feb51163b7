//! Links that lead into checkpoints that are to go.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::store::{Entry, Store};
use crate::{Error, Result};

/// A link in a directory of checkpoints, or in one of them.
struct Link {
    path: PathBuf,
    /// What it names, and what is at the end of all links from there.
    targets: [PathBuf; 2],
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
            !link.path.starts_with(path) && link.targets.iter().any(|target| target.starts_with(&place))
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
        if let Some(target) = link {
            links.extend(Link::of(store, path.clone(), &target)?);
        }
        let inside = if directory { inside(store, &path)? } else { Vec::new() };
        for Entry { name, link, .. } in inside {
            if let Some(target) = link {
                links.extend(Link::of(store, path.join(name), &target)?);
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

/// The path at the end of all links, if they have one. What cannot be looked at is an error:
/// it may lead into what is to go.
fn end_of(store: &dyn Store, path: &Path) -> Result<Option<PathBuf>> {
    match store.real(path) {
        Err(Error::Io { source, .. }) if leads_nowhere(&source) => Ok(None),
        end => end.map(Some),
    }
}

fn leads_nowhere(error: &io::Error) -> bool {
    // A loop has a kind of its own where the kernel finds it.
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied | ErrorKind::Other)
        || error.raw_os_error() == Some(Errno::LOOP.raw_os_error())
}

impl Link {
    /// None if it leads nowhere.
    fn of(store: &dyn Store, path: PathBuf, target: &Path) -> Result<Option<Self>> {
        let Some(named) = path.parent().map(|above| above.join(target)) else { return Ok(None) };
        let Some(end) = end_of(store, &path)? else { return Ok(None) };
        let named = match (named.parent(), named.file_name()) {
            (Some(above), Some(name)) => end_of(store, above)?.map(|above| above.join(name)),
            _ => None,
        };
        let named = named.unwrap_or_else(|| end.clone());
        Ok(Some(Self { path, targets: [named, end] }))
    }
}
