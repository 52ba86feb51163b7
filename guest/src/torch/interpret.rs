use alloc::string::String;
use alloc::vec::Vec;

use crate::model::Node;
use crate::pickle::Graph;
use crate::{Error, Limits};

/// A state dict, and the storages it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interpreted {
    /// The nodes, each reachable from the root, which is node 0.
    pub(crate) nodes: Vec<Node>,
    /// The storages in the order they are first met.
    pub(crate) storages: Vec<NamedStorage>,
}

/// A storage as the pickle's persistent ids name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedStorage {
    /// Its key: `0` in an archive, an address in a legacy stream.
    pub(crate) key: String,
    /// The device it was saved from.
    pub(crate) location: String,
    /// Its bytes, as element count and class say.
    pub(crate) length: u64,
    /// The width of its numbers, for a file of the other byte order.
    pub(crate) swap_width: u8,
}

/// Gives a pickle's objects their torch meaning: tensors, containers, scalars.
/// Whatever it does not know stays a `Node::Object`.
pub(crate) fn interpret(_graph: &Graph, _part: &str, _limits: &Limits) -> Result<Interpreted, Error> {
    Err(Error::misuse("stub"))
}
