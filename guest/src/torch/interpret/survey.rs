use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::faults::{Faults, Kept};
use super::flaw::Flaw;
use super::{NamedStorage, Offsets, checks, walk};
use crate::model::Node;
use crate::pickle::Graph;
use crate::{Error, Limits};

/// What a pickle means as far as it means anything, and all that is wrong with it.
#[derive(Debug)]
pub(crate) struct Surveyed {
    /// The nodes: first those the root reaches, then those it does not. A call
    /// with nonsense inside is an object.
    pub(crate) nodes: Vec<Node>,
    /// The storages in the order they are first met.
    pub(crate) storages: Vec<NamedStorage>,
    /// Where calls are in the pickle.
    pub(crate) offsets: Offsets,
    /// What is wrong. A limit comes last: the nodes end there.
    pub(crate) faults: Vec<Flaw>,
    /// The calls that something is wrong with.
    flawed: BTreeSet<u64>,
}

impl Surveyed {
    /// Whether something is wrong with the call at an offset.
    pub(crate) fn has_flaw_at(&self, offset: u64) -> bool {
        self.flawed.contains(&offset)
    }
}

/// Gives all of a pickle's objects their torch meaning, also those that the root
/// does not reach: what is thrown away was still made.
pub(crate) fn survey(graph: &Graph, limits: &Limits) -> Surveyed {
    let mut walk = walk::Walk::new(graph, "", limits, Faults::Kept(Kept::default()));
    let walked = walk.run().and_then(|()| walk.rest());
    let mut found = walk.finish();
    let checked = walked.and_then(|()| check(&mut found, limits));
    let walk::Walked { nodes, storages, offsets, faults, .. } = found;
    let Kept { flaws: mut faults, calls: flawed } = faults.into_kept();
    faults.extend(checked.err().map(Flaw::from));
    Surveyed { nodes, storages, offsets, faults, flawed }
}

/// Looks at the whole arena. Keys stay as they are: those of a pickle have rules
/// of their own, and a value that a later one replaces was made all the same.
fn check(found: &mut walk::Walked, limits: &Limits) -> Result<(), Error> {
    checks::kinds(&found.nodes, "", &found.offsets, &mut found.faults)?;
    checks::size(&found.nodes, limits, &found.offsets)
}
