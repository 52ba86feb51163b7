use std::cmp::Reverse;
use std::collections::HashSet;

use crate::bindings::types as wit;
use crate::state::{Node, StateDict, references};

/// Which rank has each storage.
#[derive(Clone, Debug)]
pub(crate) struct Owners {
    by_storage: Vec<usize>,
}

impl Owners {
    /// The rank that has a node's data: none for a node without.
    pub(super) fn of(&self, state: &StateDict<'_>, node: u32) -> Option<usize> {
        let storage = first_storage(state, node)?;
        self.by_storage.get(storage as usize).copied()
    }
}

/// Shares the storages over `ranks` by bytes, the largest first, each to the
/// rank with the least: the same for the same state dict, on every machine.
pub(crate) fn owners(state: &StateDict<'_>, ranks: usize) -> Owners {
    let mut groups = Groups::new(state.storages().len());
    for node in 0..u32::try_from(state.nodes().len()).unwrap_or(u32::MAX) {
        // The tensors that make one sparse or quantized tensor are of no use apart.
        let parts = storages(state, node);
        parts.windows(2).for_each(|pair| groups.join(pair[0], pair[1]));
    }
    let pinned: HashSet<usize> =
        pinned(state).into_iter().map(|storage| groups.root(storage as usize)).collect();
    let mut bytes = vec![0u64; state.storages().len()];
    for (index, storage) in state.storages().iter().enumerate() {
        let root = groups.root(index);
        bytes[root] = bytes[root].saturating_add(storage.length());
    }
    let mut roots: Vec<usize> = (0..bytes.len()).filter(|&index| groups.root(index) == index).collect();
    roots.sort_by_key(|&root| (Reverse(bytes[root]), root));

    let mut load = vec![0u64; ranks.max(1)];
    let mut owner = vec![0; bytes.len()];
    let (first, rest): (Vec<usize>, Vec<usize>) = roots.iter().partition(|root| pinned.contains(root));
    for root in first {
        load[0] = load[0].saturating_add(bytes[root]);
    }
    for root in rest {
        let least = (0..load.len()).min_by_key(|&rank| (load[rank], rank)).unwrap_or(0);
        load[least] = load[least].saturating_add(bytes[root]);
        owner[root] = least;
    }
    Owners { by_storage: (0..owner.len()).map(|index| owner[groups.root(index)]).collect() }
}

/// The storages of one value: several for a sparse or quantized tensor.
fn storages(state: &StateDict<'_>, node: u32) -> Vec<u32> {
    let tensor = |tensor: &wit::Tensor| tensor.storage;
    match state.node(node) {
        Node::Tensor(view) => tensor(view).into_iter().collect(),
        Node::Storage(view) => vec![view.storage],
        Node::Quantized(quantized) => {
            let mut all: Vec<u32> = tensor(&quantized.tensor).into_iter().collect();
            if let wit::Quantizer::PerChannel(channel) = &quantized.quantizer {
                all.extend(
                    [channel.scales, channel.zero_points].iter().filter_map(|&id| first_storage(state, id)),
                );
            }
            all
        }
        Node::SparseCoo(sparse) => {
            [sparse.indices, sparse.values].iter().filter_map(|&id| first_storage(state, id)).collect()
        }
        Node::SparseCompressed(sparse) => [sparse.compressed, sparse.plain, sparse.values]
            .iter()
            .filter_map(|&id| first_storage(state, id))
            .collect(),
        _ => Vec::new(),
    }
}

/// The storage that decides where a value goes.
fn first_storage(state: &StateDict<'_>, node: u32) -> Option<u32> {
    // Wrappers of wrappers are not what torch makes; a few steps end any cycle.
    let mut at = node;
    for _ in 0..8 {
        at = match state.node(at) {
            Node::Tensor(view) => return view.storage,
            Node::Quantized(quantized) => return quantized.tensor.storage,
            Node::Storage(view) => return Some(view.storage),
            Node::Parameter(parameter) => parameter.tensor,
            Node::Subclass(subclass) => subclass.tensor,
            Node::SparseCoo(sparse) => sparse.indices,
            Node::SparseCompressed(sparse) => sparse.compressed,
            _ => return None,
        };
    }
    None
}

/// Storages that only rank 0 can have: those of tensors inside attributes, sets
/// and objects of unknown classes, which cannot be taken apart.
fn pinned(state: &StateDict<'_>) -> Vec<u32> {
    let mut inside = vec![];
    let mut seen = vec![false; state.nodes().len()];
    let mut stack = vec![state.root_id()];
    while let Some(id) = stack.pop() {
        if std::mem::replace(&mut seen[id as usize], true) {
            continue;
        }
        let movable: HashSet<u32> = movable_parts(state.node(id)).into_iter().collect();
        inside.extend(references(state.node(id)).into_iter().filter(|id| !movable.contains(id)));
        stack.extend(movable);
    }
    let mut storages_inside = Vec::new();
    let mut seen = vec![false; state.nodes().len()];
    while let Some(id) = inside.pop() {
        if !std::mem::replace(&mut seen[id as usize], true) {
            storages_inside.extend(storages(state, id));
            inside.extend(references(state.node(id)));
        }
    }
    storages_inside
}

/// The values inside a value that can be on another rank than it is.
fn movable_parts(node: &Node) -> Vec<u32> {
    match node {
        Node::Dict(pairs) | Node::OrderedDict(wit::OrderedDict { items: pairs, .. }) => {
            pairs.iter().map(|pair| pair.value).collect()
        }
        Node::List(ids) | Node::Tuple(ids) => ids.clone(),
        Node::Parameter(parameter) => vec![parameter.tensor],
        Node::Subclass(subclass) => vec![subclass.tensor],
        Node::Quantized(_) | Node::SparseCoo(_) | Node::SparseCompressed(_) => references(node),
        _ => Vec::new(),
    }
}

/// Storages that stay together: a union-find forest.
struct Groups {
    parent: Vec<usize>,
}

impl Groups {
    fn new(count: usize) -> Self {
        Self { parent: (0..count).collect() }
    }

    fn root(&mut self, index: usize) -> usize {
        let mut root = index;
        while self.parent[root] != root {
            self.parent[root] = self.parent[self.parent[root]];
            root = self.parent[root];
        }
        root
    }

    fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.root(a as usize), self.root(b as usize));
        // The first storage met leads, so that the order does not depend on luck.
        self.parent[a.max(b)] = a.min(b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{DType, Storage, Tensor, Value};

    fn tensor(key: usize) -> Value<'static> {
        let storage = Storage::new(u32::try_from(key).unwrap_or_default().to_le_bytes());
        Tensor::new(storage, DType::Uint8, &[4]).unwrap().into()
    }

    #[test]
    fn a_dict_of_many_tensors_is_shared_in_no_time() {
        let mut state = StateDict::new();
        (0..100_000).for_each(|key| state.insert(&key.to_string(), tensor(key)));
        let owners = owners(&state, 2);
        assert_eq!(owners.by_storage.iter().filter(|&&rank| rank == 0).count(), 50_000);
    }
}
