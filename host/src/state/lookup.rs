//! Keys of large dicts, found without looking at all of them.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::walk::{key_text, pairs};
use super::{Node, StateDict};

/// Where the large dicts of a state dict have their keys.
#[derive(Clone, Debug)]
pub(super) struct Lookup {
    /// For each such dict the hashes of its keys, as they stand in a path, and
    /// their positions; sorted.
    dicts: HashMap<u32, Vec<(u64, u32)>>,
}

/// Keys from which on an index pays.
const LARGE: usize = 64;

impl Lookup {
    pub(super) fn of(state: &StateDict<'_>) -> Self {
        let large = |(id, node): (u32, &Node)| {
            let pairs = pairs(node).filter(|pairs| pairs.len() >= LARGE)?;
            let hashes = pairs.iter().map(|pair| hash(&key_text(state, pair.key)));
            let mut keys: Vec<(u64, u32)> = hashes.zip(0..).collect();
            keys.sort_unstable();
            Some((id, keys))
        };
        Self { dicts: (0..).zip(state.nodes()).filter_map(large).collect() }
    }

    /// The positions of keys in a dict that `path` may begin with, in order; none
    /// for a dict that is not large. They are few, and one of them may be wrong.
    pub(super) fn candidates(&self, dict: u32, path: &str) -> Option<Vec<u32>> {
        let keys = self.dicts.get(&dict)?;
        // A key ends where the path does, or where another step begins; the empty
        // one, at once.
        let steps = path.match_indices(['.', '[']).map(|(end, _)| end);
        let ends = std::iter::once(0).chain(steps).chain([path.len()]);
        let mut found: Vec<u32> = ends
            .filter_map(|end| path.get(..end))
            .flat_map(|key| {
                let hash = hash(key);
                let first = keys.partition_point(|&(known, _)| known < hash);
                let same = keys.get(first..).unwrap_or_default().iter();
                same.take_while(move |&&(known, _)| known == hash).map(|&(_, position)| position)
            })
            .collect();
        found.sort_unstable();
        found.dedup();
        Some(found)
    }
}

fn hash(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}
