//! Tensors: what a pickle's values mean to torch, and whether they can be what
//! they say.
//!
//! The pickle's own rules say that nothing runs. These say that what is built
//! holds together: a tensor inside its storage, a sparse tensor's indices inside
//! its shape. Old readers do not check and read memory that is not theirs.

mod alive;
mod bomb;
mod device;
mod dtype;
mod elements;
mod extent;
mod gradient;
mod indices;
mod invalid;
mod kind;
mod location;
mod moved;
mod number;
mod opaque;
mod overlap;
mod quantizer;
mod reading;
mod size;
mod sparse;
mod storage;
mod unread;
mod unusable;
mod view;
mod writable;

use alloc::vec::Vec;

use self::reading::Plan;
use super::dcp::matching::Root;
use super::examine::{Part, Scope};
use super::finding::Rule;
use crate::Error;
use crate::model::{Node, NodeId};
use crate::pickle::Graph;
use crate::step::{Next, Range};
use crate::torch::{NamedStorage, Surveyed, survey};

/// The rules on tensors and other values.
pub(super) const RULES: &[&Rule] = &[
    &extent::RULE,
    &size::RULE,
    &unusable::RULE,
    &bomb::RULE,
    &storage::RULE,
    &dtype::RULE,
    &location::RULE,
    &location::UNKNOWN,
    &device::RULE,
    &sparse::RULE,
    &indices::RULE,
    &quantizer::RULE,
    &alive::RULE,
    &gradient::RULE,
    &kind::RULE,
    &invalid::RULE,
    &unread::RULE,
    &overlap::RULE,
];

/// The values of one pickle, and what is still to be read to judge them.
#[derive(Debug)]
pub(in crate::validate) struct Tensors {
    part: Part,
    found: Surveyed,
    /// What is read, once that has begun.
    plan: Option<Plan>,
}

impl Tensors {
    /// Gives the graph its torch meaning and reports what is wrong with its values
    /// and tensors, as far as the pickle alone says.
    pub(in crate::validate) fn new(graph: &Graph, part: &Part, scope: &mut Scope<'_>) -> Self {
        let found = survey(graph, &scope.options.limits);
        for flaw in &found.faults {
            invalid::report(flaw, part, scope);
        }
        invalid::check(&found, part, scope);
        storage::check(&found, part, scope);
        dtype::check(&found, part, scope);
        location::check(&found, part, scope);
        size::check(&found, part, scope);
        unusable::check(&found, part, scope);
        bomb::check(&found, part, scope);
        overlap::check(&found, part, scope);
        device::check(&found, part, scope);
        gradient::check(&found, part, scope);
        moved::check(&found, part, scope);
        sparse::check(&found, part, scope);
        writable::check(&found, part, scope);
        quantizer::check(&found, part, scope);
        opaque::check(&found, part, scope);
        alive::check(&found, part, scope);
        Self { part: part.clone(), found, plan: None }
    }

    /// What the whole pickle builds: a tensor, of whatever class, or another object.
    pub(in crate::validate) fn root(&self) -> Root {
        let node = |id: NodeId| usize::try_from(id).ok().and_then(|id| self.found.nodes.get(id));
        let root = match node(0) {
            Some(&(Node::Parameter { tensor, .. } | Node::Subclass { tensor, .. })) => node(tensor),
            root => root,
        };
        match root {
            Some(Node::Tensor(tensor) | Node::Quantized { tensor, .. }) => {
                Root::Tensor(tensor.dtype, tensor.shape.clone())
            }
            _ => Root::Object,
        }
    }

    /// The storages the pickle names.
    pub(in crate::validate) fn storages(&self) -> &[NamedStorage] {
        &self.found.storages
    }

    /// Whether those are all: no limit ended the look at its values.
    pub(in crate::validate) fn are_all_known(&self) -> bool {
        !self.found.faults.iter().any(|flaw| matches!(flaw.error, Error::Limit(_)))
    }

    /// The keys of the storages that [`read`](Self::read) reads of.
    pub(in crate::validate) fn read_keys(&self) -> impl Iterator<Item = &str> {
        reading::keys(&self.found)
    }

    /// Reads what can only be judged by its bytes: indices of sparse tensors,
    /// parameters of quantizers, states of generators.
    ///
    /// `places` says where each storage lies in the region; None if it is not
    /// there as stored bytes of the right length. At first `parts` is empty; then
    /// it is what was fetched.
    pub(in crate::validate) fn read(
        &mut self,
        places: &[Option<Range>],
        big_endian: bool,
        parts: Vec<Vec<u8>>,
        scope: &mut Scope<'_>,
    ) -> Next<()> {
        let Self { part, found, plan } = self;
        let plan = plan.get_or_insert_with(|| Plan::new(found, places, big_endian, part, scope));
        plan.resume(parts, part, scope)
    }
}
