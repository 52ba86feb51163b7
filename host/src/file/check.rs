//! What the component says of a file, checked before anything is done with it.
//!
//! It has read hostile bytes, so it may have been taken over: the worst it may
//! do is say wrong things, and the worst they may do is end here.

use std::path::Path;

use strongroom_names::Measure;

use crate::limits::FormatLimits;
use crate::payload::layout::{extent, numel};
use crate::sandbox::bindings::reader::{Stored, Summary};
use crate::sandbox::bindings::types::{self as wit, Range};
use crate::sandbox::bindings::writer::{Plan, Segment, Slot, Source};
use crate::state::{Arena, Node, StateDict, Storage, references};
use crate::{Error, Result};

/// There are no more nodes than a reader may make: each costs the host memory
/// of its own before it can be looked at.
pub(crate) fn summary(path: &Path, summary: &Summary, limits: &FormatLimits) -> Result<()> {
    let excess = |what: &str, count: u32, cap: u32| {
        Err(Error::untrue(path, format!("it has {count} {what}, which may be {cap}")))
    };
    match summary {
        Summary { nodes, .. } if *nodes > limits.nodes => excess("nodes", *nodes, limits.nodes),
        Summary { storages, .. } if *storages > limits.nodes => excess("storages", *storages, limits.nodes),
        _ => Ok(()),
    }
}

/// Ranges to fetch lie in the file.
pub(crate) fn ranges(path: &Path, ranges: &[Range], length: u64) -> Result<()> {
    match ranges.iter().find(|range| end(range.offset, range.length).is_none_or(|end| end > length)) {
        None => Ok(()),
        Some(Range { offset, length: wanted }) => Err(Error::untrue(
            path,
            format!("it asks for {wanted} bytes at offset {offset} of a file of {length} bytes"),
        )),
    }
}

/// Storages lie in the file, and their numbers have a width that exists.
pub(crate) fn storages(path: &Path, storages: &[Stored], length: u64) -> Result<()> {
    for (index, stored) in storages.iter().enumerate() {
        ranges(path, std::slice::from_ref(&stored.range), length)?;
        let width = u64::from(stored.swap);
        let whole = matches!(width, 1 | 2 | 4 | 8) && stored.range.length % width == 0;
        if !whole {
            return Err(Error::untrue(
                path,
                format!(
                    "storage {index} of {} bytes is of {}-byte numbers",
                    stored.range.length, stored.swap
                ),
            ));
        }
    }
    Ok(())
}

/// Nodes name nodes and storages that exist, and tensors lie in their storages.
pub(crate) fn nodes(path: &Path, nodes: &[Node], root: u32, storages: &[Storage<'_>]) -> Result<()> {
    let exists = |id: u32| (id as usize) < nodes.len();
    if !exists(root) {
        return Err(Error::untrue(path, format!("the root is node {root} of {}", nodes.len())));
    }
    for (index, node) in nodes.iter().enumerate() {
        if !references(node).iter().all(|&id| exists(id)) {
            return Err(Error::untrue(path, format!("node {index} names a node that does not exist")));
        }
        if let Some(problem) = misplaced(node, storages) {
            return Err(Error::untrue(path, format!("node {index} {problem}")));
        }
    }
    Ok(())
}

/// The tree is neither so large that walking it never ends nor so deep that
/// the paths in it fill the memory.
pub(crate) fn tree(path: &Path, state: &StateDict<'_>, limits: &FormatLimits) -> Result<()> {
    let tree = Measure::of(&Arena(state.nodes()), state.root_id());
    // The innermost value is in a container, and may be none.
    if tree.depth > u64::from(limits.depth) + 1 {
        return Err(Error::untrue(path, format!("the tree is {} values deep", tree.depth)));
    }
    if tree.size > limits.tree {
        return Err(Error::untrue(path, format!("the tree is of more than {} values", limits.tree)));
    }
    // The component does not look at paths: this is the file's fault.
    if tree.names > PATHS {
        let excess = wit::Excess { offset: 0, limit: "bytes of all paths".into(), allowed: PATHS };
        return Err(Error::format(path, wit::Error::Limit(excess)));
    }
    Ok(())
}

/// Bytes of the paths of all values: a million deeply nested tensors have 100 MB,
/// while one long key over shared lists asks for terabytes.
const PATHS: u64 = 4 << 30;

/// Segments and slots lie in the planned file, fit what fills them, and with
/// `all` cover every byte of it; in no case one byte twice.
pub(crate) fn plan(
    path: &Path,
    plan: &Plan,
    segments: &[Segment],
    slots: &[Slot],
    storages: &[Storage<'_>],
    all: bool,
) -> Result<()> {
    for (index, slot) in slots.iter().enumerate() {
        let length = match &slot.source {
            Source::Storage(id) => storages.get(*id as usize).map(Storage::length),
            // A tensor without a storage has no bytes to fill a slot with.
            Source::Tensor(tensor) if tensor.storage.is_none() => None,
            Source::Tensor(tensor) if misplaced(&Node::Tensor(tensor.clone()), storages).is_none() => {
                numel(&tensor.shape).and_then(|numel| tensor.dtype.bytes(numel))
            }
            Source::Tensor(_) => None,
        };
        if length != Some(slot.length) {
            return Err(Error::untrue(path, format!("slot {index} does not have the length of its payload")));
        }
    }
    let mut places: Vec<(u64, u64)> = segments
        .iter()
        .map(|segment| (segment.offset, segment.bytes.len() as u64))
        .chain(slots.iter().map(|slot| (slot.offset, slot.length)))
        .filter(|&(_, length)| length > 0)
        .collect();
    places.sort_unstable();
    let (mut covered, mut open) = (0, 0);
    for (offset, length) in places {
        if offset < covered || (all && offset > covered) {
            return Err(Error::untrue(path, format!("the plan covers offset {covered} twice or not at all")));
        }
        open += offset - covered;
        covered = end(offset, length).filter(|&end| end <= plan.length).ok_or_else(|| {
            Error::untrue(path, format!("the plan puts {length} bytes at {offset} of {}", plan.length))
        })?;
    }
    // What the store reserves is no more than a seal can fill.
    let sealable = SEAL * (segments.len() as u64 + slots.len() as u64 + 1);
    if !all && open + (plan.length - covered) > sealable {
        return Err(Error::untrue(
            path,
            format!("the plan is of {} bytes, with little in them", plan.length),
        ));
    }
    if all && covered != plan.length {
        return Err(Error::untrue(path, format!("the plan covers {covered} of {} bytes", plan.length)));
    }
    Ok(())
}

/// Bytes a seal may add for each segment and slot: a zip's directory has an entry
/// for each record, of two strings of up to 64 KiB.
const SEAL: u64 = 128 << 10;

fn end(offset: u64, length: u64) -> Option<u64> {
    offset.checked_add(length)
}

/// How a node's view of a storage is wrong, if it is.
fn misplaced(node: &Node, storages: &[Storage<'_>]) -> Option<&'static str> {
    let length = |id: u32| storages.get(id as usize).map(Storage::length);
    match node {
        Node::Storage(view) if length(view.storage).is_none() => Some("names a storage that does not exist"),
        Node::Tensor(tensor) | Node::Quantized(wit::Quantized { tensor, .. }) => {
            let Some(extent) = extent(tensor).filter(|_| numel(&tensor.shape).is_some()) else {
                return Some("is a tensor whose size overflows");
            };
            match tensor.storage {
                None => None,
                Some(id) => match length(id) {
                    None => Some("names a storage that does not exist"),
                    Some(length) if extent > length => Some("is a tensor that does not lie in its storage"),
                    Some(_) => None,
                },
            }
        }
        _ => None,
    }
}
