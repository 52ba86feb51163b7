//! Indices that somebody may write to who has another tensor.

use alloc::collections::{BTreeMap, BTreeSet};
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
    let views = views(found);
    for id in reached(found) {
        let is_shared = match node(found, id) {
            Some(Node::Tensor(tensor) | Node::Quantized { tensor, .. }) => {
                span(tensor).is_some_and(|(storage, span)| overlaps(&indices, storage, span))
            }
            Some(Node::Storage { storage, .. }) => overlaps(&indices, *storage, (0, u64::MAX)),
            _ => false,
        };
        let is_same = match node(found, id) {
            Some(Node::Tensor(tensor)) => {
                tensor.numel() > Some(1) && view(tensor, 0, 0).is_some_and(|view| views.contains(&view))
            }
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

/// A tensor's storage, offset, shape and strides.
type View = (StorageId, u64, Vec<u64>, Vec<u64>);

/// What a tensor is behind so many of its dimensions, from a row of the first on.
fn view(tensor: &Tensor, row: u64, skip: usize) -> Option<View> {
    let step = tensor.stride.first().copied().unwrap_or_default().checked_mul(row)?;
    let (shape, stride) = (tensor.shape.get(skip..)?, tensor.stride.get(skip..)?);
    Some((tensor.storage?, tensor.offset.checked_add(step)?, shape.to_vec(), stride.to_vec()))
}

/// All indices as a whole, and all of each dimension.
fn views(found: &Surveyed) -> BTreeSet<View> {
    let mut views = BTreeSet::new();
    for indices in ids(found).filter_map(|id| strided(found, id)) {
        let rows = indices.shape.first().copied().unwrap_or_default().min(DIMENSIONS);
        views.extend(view(indices, 0, 0));
        views.extend((0..rows).filter_map(|row| view(indices, row, 1)));
    }
    views
}

/// The tensors that are indices.
fn ids(found: &Surveyed) -> impl Iterator<Item = NodeId> {
    let ids = found.nodes.iter().map(|node| match node {
        Node::SparseCoo { indices, .. } => [Some(*indices), None],
        Node::SparseCompressed(sparse) => [Some(sparse.compressed), Some(sparse.plain)],
        _ => [None, None],
    });
    ids.flatten().flatten()
}

/// The bytes of all indices, in order and apart from each other.
fn spans(found: &Surveyed) -> BTreeMap<StorageId, Vec<(u64, u64)>> {
    let mut spans: BTreeMap<StorageId, Vec<(u64, u64)>> = BTreeMap::new();
    for (storage, span) in ids(found).filter_map(|id| span(strided(found, id)?)) {
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

/// Dimensions of a sparse tensor that anybody takes apart.
const DIMENSIONS: u64 = 64;
