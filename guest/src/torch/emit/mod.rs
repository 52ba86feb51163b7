//! The pickle of a state dict, as CPython's C pickler writes it for `torch.save`.

mod batch;
mod global;
mod memo;
mod objects;
mod primitives;
mod storage;
mod tensor;
#[cfg(test)]
mod tests;
mod walk;

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::Error;
use crate::error::Unfit;
use crate::model::{Node, NodeId, Storage, StorageId};

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
    emit_within(nodes, storages, root, CAPACITY)
}

/// The same, of at most `capacity` bytes.
pub(crate) fn emit_within(
    nodes: &[Node],
    storages: &[Storage],
    root: NodeId,
    capacity: usize,
) -> Result<Emitted, Error> {
    walk::Walk::new(nodes, storages, capacity).run(root)
}

/// What the format cannot hold. The path to the node is the caller's to find.
fn unfit(node: NodeId, reason: impl Into<String>) -> Error {
    Error::Unrepresentable(vec![Unfit { path: alloc::format!("node {node}"), reason: reason.into() }])
}

/// The longest pickle, 1 GiB. Values that are never memoized are written out at
/// each use, so an arena of a few kilobytes can ask for any length; and wasm32
/// cannot grow a vector beyond 2 GiB.
const CAPACITY: usize = 1 << 30;
