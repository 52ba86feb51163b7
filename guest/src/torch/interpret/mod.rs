//! Gives a pickle's objects their torch meaning.
//!
//! The [`walk`] goes over everything reachable from the root and asks the
//! modules for calls what each object is; what none of them knows stays a
//! `Node::Object`. [`keys`] then settles repeated dict keys as Python would,
//! and [`checks`] looks at the finished arena: limits, and tensors made of
//! something else.

mod calls;
mod checks;
mod containers;
mod context;
mod draft;
mod faults;
mod flaw;
mod keys;
mod renumber;
mod scalars;
mod storages;
mod survey;
mod tensors;
mod walk;

#[cfg(test)]
mod tests;

pub(crate) use flaw::{About, Flaw};
pub(crate) use survey::{Surveyed, survey};

use alloc::string::String;
use alloc::vec::Vec;

use faults::Faults;

use crate::dtype::DType;
use crate::error::Fault;
use crate::model::{Global, Node, NodeId};
use crate::pickle::{Graph, ObjectId};
use crate::{Error, Limits};

/// A state dict, and the storages it names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Interpreted {
    /// The nodes, each reachable from the root, which is node 0: numbered in the
    /// order in which a pickler meets them.
    pub(crate) nodes: Vec<Node>,
    /// The storages in the order they are first met.
    pub(crate) storages: Vec<NamedStorage>,
    /// Those that no value uses: another has taken its place.
    pub(crate) unused: Vec<NamedStorage>,
    /// Classes with which their source came.
    pub(crate) sources: Vec<Global>,
    /// Why writing them again would do something else than the pickle does, where that
    /// was asked.
    pub(crate) irreproducible: Option<Fault>,
    /// Strings of Python 2 that are not UTF-8, and so bytes.
    pub(crate) undecoded: u64,
}

/// A storage as the pickle's persistent ids name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedStorage {
    /// Its key: `0` in an archive, an address in a legacy stream.
    pub(crate) key: String,
    /// The device it was saved from.
    pub(crate) location: String,
    /// Its elements, as the first reference counts them.
    pub(crate) elements: u64,
    /// Its bytes, as element count and class say.
    pub(crate) length: u64,
    /// The width of its numbers, for a file of the other byte order. 0 where
    /// references to it disagree: then there is no way to swap it right.
    pub(crate) swap_width: u8,
    /// The element type the first reference says.
    pub(crate) dtype: DType,
    /// Another that a later reference says.
    pub(crate) other: Option<DType>,
    /// Where the first reference is.
    pub(crate) offset: u64,
    /// The call that loads it from bytes in the pickle.
    pub(crate) loaded: Option<ObjectId>,
}

/// Gives a pickle's objects their torch meaning: tensors, containers, scalars.
/// Whatever it does not know stays a `Node::Object`. Answers too which node each object is.
pub(crate) fn interpret(
    graph: &Graph,
    part: &str,
    limits: &Limits,
) -> Result<(Interpreted, Vec<Option<NodeId>>), Error> {
    let mut walk = walk::Walk::new(graph, part, limits, Faults::Strict);
    walk.run()?;
    let mut walked = walk.finish();
    let mut unused = Vec::new();
    if keys::settle(&mut walked.nodes, part, &walked.offsets)? {
        let dropped = renumber::renumber(&mut walked.nodes, &mut walked.storages, &mut walked.offsets);
        unused = dropped.storages;
        for id in &mut walked.ids {
            *id = id.and_then(|id| usize::try_from(id).ok()).and_then(|id| *dropped.numbers.get(id)?);
        }
        if let Some(offset) = dropped.call {
            let (expected, found) =
                ("each key once where values are calls", "a call whose result is replaced");
            return Err(Error::unsupported(offset, part, expected, found));
        }
    }
    checks::kinds(&walked.nodes, part, &walked.offsets, &mut walked.faults)?;
    checks::size(&walked.nodes, limits, &walked.offsets)?;
    let undecoded = graph.undecoded;
    let walk::Walked { nodes, storages, sources, ids, .. } = walked;
    Ok((Interpreted { nodes, storages, unused, sources, irreproducible: None, undecoded }, ids))
}

/// Where in the file the calls behind some nodes are, by ascending node.
#[derive(Debug, Default)]
pub(crate) struct Offsets(Vec<(NodeId, u64)>);

impl Offsets {
    /// The offset of the call that made `node`, or else of the last one before
    /// it: containers and scalars carry none of their own.
    pub(crate) fn near(&self, node: NodeId) -> u64 {
        let after = self.0.partition_point(|&(id, _)| id <= node);
        after.checked_sub(1).and_then(|last| self.0.get(last)).map_or(0, |&(_, offset)| offset)
    }

    /// The same for the newest node.
    fn last(&self) -> u64 {
        self.0.last().map_or(0, |&(_, offset)| offset)
    }
}
