//! Links that lead into checkpoints that are to go.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

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
        links.extend(link.and_then(|target| Link::of(store, path.clone(), &target)));
        let inside = if directory { inside(store, &path)? } else { Vec::new() };
        let inside = inside.into_iter().filter_map(|entry| Some((path.join(entry.name), entry.link?)));
        links.extend(inside.filter_map(|(path, target)| Link::of(store, path, &target)));
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
    /// None if it leads nowhere.
    fn of(store: &dyn Store, path: PathBuf, target: &Path) -> Option<Self> {
        let named = path.parent()?.join(target);
        let end = store.real(&path).ok()?;
        let named = match (named.parent(), named.file_name()) {
            (Some(above), Some(name)) => store.real(above).ok()?.join(name),
            _ => end.clone(),
        };
        Some(Self { path, targets: [named, end] })
    }
}
