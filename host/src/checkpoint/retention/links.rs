//! Links that lead into checkpoints that are to go.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::root::Root;
use crate::Result;
use crate::store::{Link, Store};

/// Why some of the checkpoints `going` in a root must stay: a link that is in it leads there, or may.
/// One from a checkpoint that goes itself counts, too: until it has gone it needs what it names.
pub(super) fn needed(
    store: &dyn Store,
    root: &Root,
    going: &[OsString],
) -> Result<BTreeMap<OsString, String>> {
    let mut needed = BTreeMap::new();
    if going.is_empty() {
        return Ok(needed);
    }
    let mut targets = Targets::of(store, root, going)?;
    let mut failed = None;
    let unseen = store.links(&root.place, &mut |link| match targets.of_link(&link) {
        Err(error) => failed = failed.take().or(Some(error)),
        Ok(names) => {
            let reason = || format!("the link {} leads to it", root.shown(&link.path).display());
            for name in names {
                needed.entry(name).or_insert_with(reason);
            }
        }
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    if let Some(error) = unseen {
        let reason = format!("a link that is not seen may lead to it: {}", root.told(error));
        for name in going {
            needed.entry(name.clone()).or_insert_with(|| reason.clone());
        }
    }
    Ok(needed)
}

/// What is to go, to be found by where a link leads.
struct Targets<'t> {
    store: &'t dyn Store,
    root: &'t Root,
    /// Of a mount that is seen at two places the paths differ.
    by_identity: HashMap<(u64, u64), OsString>,
    /// Which one a path is, if it is one.
    known: HashMap<PathBuf, Option<OsString>>,
}

impl<'t> Targets<'t> {
    fn of(store: &'t dyn Store, root: &'t Root, going: &[OsString]) -> Result<Self> {
        let mut targets = Self { store, root, by_identity: HashMap::new(), known: HashMap::new() };
        for name in going {
            let place = root.join(name);
            if let Some(identity) = store.look(&place)?.and_then(|found| found.identity) {
                targets.by_identity.insert(identity, name.clone());
            }
            targets.known.insert(place, Some(name.clone()));
        }
        Ok(targets)
    }

    /// Those that a link leads into or through, but for the one that it is in itself.
    fn of_link(&mut self, link: &Link) -> Result<Vec<OsString>> {
        let own = link.path.strip_prefix(&self.root.place).ok().and_then(|path| path.iter().next());
        let mut names = Vec::new();
        for place in link.passed.iter().flat_map(|passed| passed.ancestors()) {
            names.extend(self.at(place)?.filter(|name| Some(name.as_os_str()) != own));
        }
        Ok(names)
    }

    fn at(&mut self, place: &Path) -> Result<Option<OsString>> {
        if let Some(known) = self.known.get(place) {
            return Ok(known.clone());
        }
        let identity = self.store.look(place)?.and_then(|found| found.identity);
        let name = identity.and_then(|identity| self.by_identity.get(&identity).cloned());
        self.known.insert(place.into(), name.clone());
        Ok(name)
    }
}
