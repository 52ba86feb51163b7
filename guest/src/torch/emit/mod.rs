//! The pickle of a state dict, as CPython's C pickler writes it for `torch.save`.

mod batch;
mod global;
mod memo;
mod objects;
mod primitives;
pub(super) mod storage;
mod tensor;
#[cfg(test)]
mod tests;
mod walk;

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::Error;
use crate::error::Unfit;
use crate::model::{Arena, Node, NodeId, Storage, StorageId, children};

/// A state dict as CPython's C pickler writes it under torch, protocol 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Emitted {
    /// The pickle.
    pub(crate) bytes: Vec<u8>,
    /// Storages in the order they are first met, which is the order of their keys.
    pub(crate) order: Vec<StorageId>,
}

/// Pickles the state dict under `root`, byte for byte as `torch.save` does.
pub(crate) fn emit(nodes: &[Node], storages: &[Storage], root: NodeId) -> Result<Emitted, Error> {
    run(walk::Walk::new(nodes, storages, CAPACITY, Dotted::InCalls), nodes, root)
}

/// The same, of at most `capacity` bytes, for comparing what it does with what another
/// pickle does: a name inside a class is in one piece, as later protocols have it.
pub(crate) fn rehearse(
    nodes: &[Node],
    storages: &[Storage],
    root: NodeId,
    capacity: usize,
) -> Result<Emitted, Error> {
    run(walk::Walk::new(nodes, storages, capacity, Dotted::Whole), nodes, root)
}

fn run(walk: walk::Walk<'_>, nodes: &[Node], root: NodeId) -> Result<Emitted, Error> {
    walk.run(root).map_err(|stop| match stop {
        Stop::Unfit(node, reason) => {
            Error::Unrepresentable(vec![Unfit { path: path(nodes, root, node), reason }])
        }
        Stop::Failed(error) => error,
    })
}

/// How a name inside a class is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dotted {
    /// As protocol 2 has to: by calls of `getattr`.
    InCalls,
    /// In one piece.
    Whole,
}

/// Why there is no pickle.
#[derive(Debug)]
enum Stop {
    /// A node that the format cannot hold, and why.
    Unfit(NodeId, String),
    /// Anything else.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

fn unfit(node: NodeId, reason: impl Into<String>) -> Stop {
    Stop::Unfit(node, reason.into())
}

/// The shortest path to a node: people know their state dict by paths.
fn path(nodes: &[Node], root: NodeId, wanted: NodeId) -> String {
    let mut above: Vec<Option<NodeId>> = vec![None; nodes.len()];
    let mut queue = VecDeque::from([root]);
    while let Some(id) = queue.pop_front().filter(|id| *id != wanted) {
        let Some(node) = usize::try_from(id).ok().and_then(|id| nodes.get(id)) else { continue };
        children(node, |child| {
            let above = usize::try_from(child).ok().and_then(|child| above.get_mut(child));
            if let Some(above) = above.filter(|above| above.is_none() && child != root) {
                *above = Some(id);
                queue.push_back(child);
            }
        });
    }
    let up = |id: &NodeId| usize::try_from(*id).ok().and_then(|id| above.get(id).copied().flatten());
    let mut way: Vec<NodeId> = core::iter::successors(Some(wanted), up).collect();
    way.reverse();
    strongroom_names::along(&Arena(nodes), &way)
}

/// The longest pickle, 1 GiB. Values that are never memoized are written out at
/// each use, so an arena of a few kilobytes can ask for any length; and wasm32
/// cannot grow a vector beyond 2 GiB.
const CAPACITY: usize = 1 << 30;
