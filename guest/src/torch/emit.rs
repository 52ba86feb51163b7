use alloc::vec::Vec;

use crate::Error;
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
pub(crate) fn emit(_nodes: &[Node], _storages: &[Storage], _root: NodeId) -> Result<Emitted, Error> {
    Err(Error::misuse("stub"))
}
