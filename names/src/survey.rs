use alloc::vec::Vec;
use core::fmt;

use crate::key::Digests;
use crate::walk::{Cursor, Walk};
use crate::{Measure, Nodes};

/// What it takes to give each place a name of its own.
#[derive(Clone, Debug)]
pub struct Survey {
    pub(crate) root: u32,
    pub(crate) measure: Measure,
    pub(crate) digests: Digests,
    /// Hashes of plain names that more than one place has, or that are another one's
    /// exact name; sorted. Of equal hashes it does not matter whether the names are.
    pub(crate) plain: Vec<u64>,
    /// Hashes of exact names that more than one place has; sorted.
    pub(crate) exact: Vec<u64>,
    /// Whether the hash of a name tells anything.
    pub(crate) hashing: bool,
    /// How many places there may be.
    pub(crate) most: u64,
}

impl Survey {
    /// Looks at all places under `root`, of which there may be `most`.
    pub fn of<N: Nodes + ?Sized>(nodes: &N, root: u32, most: u64) -> Result<Self, TooMany> {
        Self::measured(nodes, root, Measure::of(nodes, root), most)
    }

    /// The same of what was measured.
    pub fn measured<N: Nodes + ?Sized>(
        nodes: &N,
        root: u32,
        measure: Measure,
        most: u64,
    ) -> Result<Self, TooMany> {
        let digests = Digests::of(nodes);
        let mut survey =
            Self { root, measure, digests, plain: Vec::new(), exact: Vec::new(), hashing: true, most };
        let (mut plain, mut exact) = (Vec::new(), Vec::new());
        let mut walk = Walk::new(nodes, &survey);
        let mut room = most;
        while let Some(hashes) = walk.hashes() {
            room = room.checked_sub(1).ok_or(TooMany { most })?;
            let Some((its_plain, its_exact)) = hashes else { continue };
            plain.push(its_plain);
            // Positions alone read the same in both.
            if its_exact != its_plain {
                exact.push(its_exact);
            }
        }
        plain.sort_unstable();
        exact.sort_unstable();
        survey.exact = repeated(&exact);
        survey.plain = repeated(&plain);
        survey.plain.extend(common(&plain, &exact));
        let positional = survey.positional(nodes);
        survey.plain.extend(common(&plain, &positional));
        survey.plain.sort_unstable();
        survey.hashing = !survey.plain.is_empty();
        Ok(survey)
    }

    /// The hashes of the positional names that are taken; sorted. Only a dict with one
    /// key twice takes any.
    fn positional<N: Nodes + ?Sized>(&self, nodes: &N) -> Vec<u64> {
        let mut hashes = Vec::new();
        let mut walk = Walk::new(nodes, self);
        while !self.exact.is_empty()
            && let Some(place) = walk.hashes()
        {
            if place.is_some_and(|(_, exact)| self.exact.binary_search(&exact).is_ok()) {
                hashes.push(walk.positional_hash());
            }
        }
        hashes.sort_unstable();
        hashes
    }

    /// A walk's place before its first step.
    pub fn start(&self) -> Cursor {
        Cursor::new(self.root)
    }
}

/// There are more places than may be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany {
    /// How many may be.
    pub most: u64,
}

impl fmt::Display for TooMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "more than {} values to name", self.most)
    }
}

/// What comes more than once in a sorted list.
fn repeated(sorted: &[u64]) -> Vec<u64> {
    let pairs = sorted.iter().zip(sorted.iter().skip(1));
    pairs.filter(|(left, right)| left == right).map(|(left, _)| *left).collect()
}

/// What comes in both of two sorted lists.
fn common<'l>(left: &'l [u64], right: &'l [u64]) -> impl Iterator<Item = u64> + 'l {
    let mut right = right.iter().peekable();
    left.iter().copied().filter(move |value| {
        while right.next_if(|other| *other < value).is_some() {}
        right.peek().is_some_and(|other| *other == value)
    })
}
