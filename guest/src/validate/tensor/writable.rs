//! Indices that somebody may write to who has another tensor.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use super::view::{node, strided};
use super::{indices, overlap};
use crate::model::{Node, NodeId, StorageId, Tensor, children};
use crate::torch::Surveyed;
use crate::validate::examine::{Part, Scope};

/// Reports tensors that share memory with the indices of a sparse one. Those are looked at once;
/// what trains the model adds to the other, and the next product reads where they lead then. Who saves
/// a graph has both the matrix and its indices as a whole, which are no counters: that is a note.
pub(super) fn check(found: &Surveyed, part: &Part, scope: &mut Scope<'_>) {
    let indices = spans(found);
    if indices.is_empty() {
        return;
    }
    for id in reached(found) {
        let is_shared = match node(found, id) {
            Some(Node::Tensor(tensor) | Node::Quantized { tensor, .. }) => {
                span(tensor).is_some_and(|(storage, span)| overlaps(&indices, storage, span))
            }
            Some(Node::Storage { storage, .. }) => overlaps(&indices, *storage, (0, u64::MAX)),
            _ => false,
        };
        let is_same = match node(found, id) {
            Some(Node::Tensor(tensor)) => tensor.numel() > Some(1) && are_indices(found, tensor),
            _ => false,
        };
        if is_shared && is_same {
            scope.find(
                &overlap::RULE,
                part,
                found.offsets.near(id),
                "a tensor that is the indices of a sparse one",
            );
        } else if is_shared {
            let message = "the indices of a sparse tensor are in memory that something else may write to";
            scope.find(&indices::RULE, part, found.offsets.near(id), message);
        }
    }
}

/// Whether a tensor is all of the indices of a sparse one, or all of a dimension of them.
fn are_indices(found: &Surveyed, tensor: &Tensor) -> bool {
    let is_of = |id: NodeId| {
        strided(found, id).is_some_and(|indices| {
            let rows = indices.shape.split_first().map(|(_, rest)| rest);
            let is_shape = tensor.shape == indices.shape || rows == Some(tensor.shape.as_slice());
            tensor.storage == indices.storage && tensor.dtype == indices.dtype && is_shape
        })
    };
    found.nodes.iter().any(|node| match node {
        Node::SparseCoo { indices, .. } => is_of(*indices),
        Node::SparseCompressed(sparse) => is_of(sparse.compressed) || is_of(sparse.plain),
        _ => false,
    })
}

/// The bytes of all indices, in order and apart from each other.
fn spans(found: &Surveyed) -> BTreeMap<StorageId, Vec<(u64, u64)>> {
    let mut spans: BTreeMap<StorageId, Vec<(u64, u64)>> = BTreeMap::new();
    let ids = found.nodes.iter().flat_map(|node| match node {
        Node::SparseCoo { indices, .. } => [Some(*indices), None],
        Node::SparseCompressed(sparse) => [Some(sparse.compressed), Some(sparse.plain)],
        _ => [None, None],
    });
    for (storage, span) in ids.flatten().filter_map(|id| span(strided(found, id)?)) {
        spans.entry(storage).or_default().push(span);
    }
    for spans in spans.values_mut() {
        spans.sort_unstable();
        spans.dedup_by(|next, last| {
            let meets = next.0 <= last.1;
            last.1 = if meets { last.1.max(next.1) } else { last.1 };
            meets
        });
    }
    spans
}

/// What the root leads to other than as indices.
fn reached(found: &Surveyed) -> Vec<NodeId> {
    let mut seen = vec![false; found.nodes.len()];
    let (mut open, mut all) = (vec![0], Vec::new());
    while let Some(id) = open.pop() {
        let Some(is_seen) = usize::try_from(id).ok().and_then(|id| seen.get_mut(id)) else { continue };
        if core::mem::replace(is_seen, true) {
            continue;
        }
        all.push(id);
        match node(found, id) {
            Some(Node::SparseCoo { values, .. }) => open.push(*values),
            Some(Node::SparseCompressed(sparse)) => open.push(sparse.values),
            Some(node) => children(node, |id| open.push(id)),
            None => {}
        }
    }
    all.sort_unstable();
    all
}

/// From a tensor's first byte to its last.
fn span(tensor: &Tensor) -> Option<(StorageId, (u64, u64))> {
    let (start, end) = (tensor.dtype.bytes(tensor.offset)?, tensor.extent()?);
    (start < end).then_some((tensor.storage?, (start, end)))
}

fn overlaps(spans: &BTreeMap<StorageId, Vec<(u64, u64)>>, storage: StorageId, of: (u64, u64)) -> bool {
    let Some(spans) = spans.get(&storage) else { return false };
    let next = spans.partition_point(|span| span.1 <= of.0);
    spans.get(next).is_some_and(|span| span.0 < of.1)
}
