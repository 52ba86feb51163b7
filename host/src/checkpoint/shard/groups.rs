use std::cmp::Reverse;

use super::reach::{Part, Reach, parts};
use crate::state::{StateDict, visit};

/// Which rank has each value that is on one rank, whole.
#[derive(Clone, Debug)]
pub(crate) struct Owners(Vec<Option<usize>>);

impl Owners {
    /// The rank that has a value with data which cannot be taken apart.
    pub(super) fn of(&self, node: u32) -> Option<usize> {
        self.0.get(node as usize).copied().flatten()
    }
}

/// Shares the storages over `ranks` by bytes, the largest first, each to the rank with
/// the least: the same for the same state dict, on every machine.
///
/// What cannot be taken apart stays together: the storages of one value that is no
/// dict, list or tuple on the way from the root (a tensor with its attributes, a sparse
/// or quantized tensor, a set, an object), and those of a key and what is under it.
pub(crate) fn owners(state: &StateDict<'_>, ranks: usize) -> Owners {
    let reach = Reach::of(state);
    let groups = &mut group(state, &reach);
    let storages = state.storages();
    let mut bytes = vec![0u64; groups.len()];
    for (index, storage) in storages.iter().enumerate() {
        let root = groups.root(groups.storage(index));
        bytes[root] = bytes[root].saturating_add(storage.length());
    }
    let pinned = groups.root(groups.pinned());
    let mut roots: Vec<usize> = (0..storages.len()).map(|index| groups.root(groups.storage(index))).collect();
    roots.sort_unstable();
    roots.dedup();
    roots.retain(|&root| root != pinned);
    // Groups are told apart by their first storage: nodes are numbered by how a file was read.
    let mut first = vec![usize::MAX; bytes.len()];
    for (rank, &storage) in super::encountered(state).iter().enumerate() {
        let root = groups.root(groups.storage(storage as usize));
        first[root] = first[root].min(rank);
    }
    roots.sort_by_key(|&root| (Reverse(bytes[root]), first[root]));

    let mut load = vec![0u64; ranks.max(1)];
    let mut owner = vec![0; bytes.len()];
    load[0] = bytes[pinned];
    for root in roots {
        let least = (0..load.len()).min_by_key(|&rank| (load[rank], rank)).unwrap_or(0);
        load[least] = load[least].saturating_add(bytes[root]);
        owner[root] = least;
    }
    of_groups(state, &reach, groups, &owner)
}

/// Who owns each value, where `holders` says which rank has each storage. An error if
/// what cannot be taken apart is in two files: the storage that is elsewhere.
pub(super) fn owners_of(state: &StateDict<'_>, holders: &[usize]) -> Result<Owners, usize> {
    let reach = Reach::of(state);
    let groups = &mut group(state, &reach);
    let mut owner: Vec<Option<usize>> = vec![None; groups.len()];
    let pinned = groups.root(groups.pinned());
    owner[pinned] = Some(0);
    for (storage, &rank) in holders.iter().enumerate().take(state.storages().len()) {
        let root = groups.root(groups.storage(storage));
        if *owner[root].get_or_insert(rank) != rank {
            return Err(storage);
        }
    }
    let owner: Vec<usize> = owner.into_iter().map(Option::unwrap_or_default).collect();
    Ok(of_groups(state, &reach, groups, &owner))
}

fn of_groups(state: &StateDict<'_>, reach: &Reach, groups: &mut Groups, owner: &[usize]) -> Owners {
    let owner = |id: usize| {
        let whole = reach.has_data[id] && (!reach.is_spine[id] || reach.is_whole[id]);
        whole.then(|| owner[groups.root(id)])
    };
    Owners((0..state.nodes().len()).map(owner).collect())
}

/// What stays together.
fn group(state: &StateDict<'_>, reach: &Reach) -> Groups {
    let count = state.nodes().len();
    let mut groups = Groups::new(count, state.storages().len());
    for (id, node) in state.nodes().iter().enumerate() {
        if !reach.has_data[id] {
            continue;
        }
        let cut = reach.is_spine[id] && !reach.is_whole[id];
        if cut {
            for part in parts(node, &reach.has_data) {
                match part {
                    Part::Inseparable { key, value } if reach.has_data[value as usize] => {
                        groups.join(key as usize, value as usize);
                    }
                    // Each rank has the dict; only one can have its attributes.
                    Part::Attributes(attributes) if reach.has_data[attributes as usize] => {
                        groups.join(attributes as usize, groups.pinned());
                    }
                    Part::Inseparable { .. } | Part::Attributes(_) | Part::Item(_) | Part::Entry { .. } => {}
                }
            }
            continue;
        }
        let mut children = Vec::new();
        let mut storages = Vec::new();
        visit(node, &mut |&child| children.push(child), &mut |&storage| storages.push(storage));
        for child in children.into_iter().filter(|&child| reach.has_data[child as usize]) {
            groups.join(id, child as usize);
        }
        for storage in storages {
            groups.join(id, groups.storage(storage as usize));
        }
    }
    // A root that cannot be cut is rank 0's.
    let root = state.root_id() as usize;
    if reach.has_data[root] && (!reach.is_spine[root] || reach.is_whole[root]) {
        groups.join(root, groups.pinned());
    }
    groups
}

/// A union-find forest over values, storages, and one more for what is pinned to rank 0.
struct Groups {
    parent: Vec<usize>,
    nodes: usize,
}

impl Groups {
    fn new(nodes: usize, storages: usize) -> Self {
        Self { parent: (0..=nodes + storages).collect(), nodes }
    }

    fn len(&self) -> usize {
        self.parent.len()
    }

    fn storage(&self, storage: usize) -> usize {
        self.nodes + storage
    }

    fn pinned(&self) -> usize {
        self.parent.len() - 1
    }

    fn root(&mut self, index: usize) -> usize {
        let mut root = index;
        while self.parent[root] != root {
            self.parent[root] = self.parent[self.parent[root]];
            root = self.parent[root];
        }
        root
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.parent[a.max(b)] = a.min(b);
    }
}
