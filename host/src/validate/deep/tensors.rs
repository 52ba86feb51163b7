use std::collections::{BTreeMap, HashMap};

use super::float::{self, Special};
use super::interval::Intervals;
use super::pass::{self, Passed};
use super::strided::{Dims, Effort};
use crate::payload::Stored;
use crate::sandbox::bindings::types as wit;
use crate::state::{Arena, Leaf, Node, StateDict};
use crate::{DType, Result};

/// What was counted in the tensors of a state dict.
pub(super) struct Counted {
    /// The tensors that have any, by path.
    pub(super) non_finite: Vec<Tensor>,
    /// How many views were too entangled to be counted.
    pub(super) uncounted: usize,
}

/// A tensor that has values that are NaN or infinite.
pub(super) struct Tensor {
    pub(super) path: String,
    /// Whether they are booleans: then those that are none are in `nan`.
    pub(super) is_boolean: bool,
    pub(super) nan: u64,
    pub(super) inf: u64,
    /// How many it has in all.
    pub(super) elements: u64,
    /// The payload it is in, and where that and it start in the file.
    pub(super) part: String,
    pub(super) offset: u64,
}

/// Elements that tensors look at.
struct View {
    storage: usize,
    dtype: DType,
    /// Bytes from the start of the storage to the first element, and behind the last.
    start: u64,
    end: u64,
    dims: Dims,
}

/// Reads all payloads once, and counts in all tensors over them.
pub(super) fn count(state: &StateDict<'_>, parts: &[Stored]) -> Result<(Vec<Passed>, Counted)> {
    // Many tensors may be one view, and that is counted once.
    let mut views: Vec<View> = Vec::new();
    let mut known = HashMap::new();
    let mut by_node: HashMap<u32, usize> = HashMap::new();
    for (id, node) in (0u32..).zip(state.nodes()) {
        let Some(view) = View::of(node) else { continue };
        let index = *known.entry(view.key()).or_insert_with(|| {
            views.push(view);
            views.len() - 1
        });
        by_node.insert(id, index);
    }
    drop(known);
    let intervals = intervals(&views);
    let passed = pass::run(parts, &intervals)?;
    let mut uncounted = 0;
    let mut effort = Effort::for_bytes(parts.iter().map(|part| part.length).sum());
    let sums = sums(&intervals, &passed);
    let mut counts: Vec<Special> = Vec::with_capacity(views.len());
    for view in &views {
        let key = (view.storage, view.dtype.name());
        let special = sums
            .get(&key)
            .map_or_else(Special::default, |(intervals, sums)| intervals.between(sums, view.start, view.end));
        let Some(part) = parts.get(view.storage).filter(|_| special != Special::default()) else {
            counts.push(Special::default());
            continue;
        };
        match view.dims.special(special, part, view.dtype, view.start, view.end, &mut effort)? {
            Some(special) => counts.push(special),
            None => {
                uncounted += 1;
                counts.push(Special::default());
            }
        }
    }
    drop(sums);
    let non_finite = paths(state, parts, &views, &by_node, &counts);
    Ok((passed, Counted { non_finite, uncounted }))
}

impl View {
    /// What a node looks at, if it is a tensor that could have special values.
    fn of(node: &Node) -> Option<Self> {
        let Node::Tensor(tensor) = node else { return None };
        float::counter(tensor.dtype)?;
        let wit::Tensor { storage, dtype, offset, shape, stride, .. } = tensor;
        let dims = Dims::new(shape, stride)?;
        let start = dtype.bytes(*offset)?;
        let end = dtype.bytes(offset.checked_add(dims.extent()?)?)?;
        Some(Self { storage: usize::try_from((*storage)?).ok()?, dtype: *dtype, start, end, dims })
    }

    /// What two views have in common if and only if they are one.
    fn key(&self) -> (usize, &'static str, u64, Dims) {
        (self.storage, self.dtype.name(), self.start, self.dims.clone())
    }
}

/// The ends of all views, by storage and dtype.
fn intervals(views: &[View]) -> Vec<Intervals> {
    let mut edges: BTreeMap<(usize, &str), (DType, Vec<u64>)> = BTreeMap::new();
    for view in views {
        let entry = edges.entry((view.storage, view.dtype.name())).or_insert((view.dtype, Vec::new()));
        entry.1.extend([view.start, view.end]);
    }
    let intervals = edges.into_iter().filter_map(|((storage, _), (dtype, edges))| {
        Some(Intervals::new(storage, dtype, float::counter(dtype)?, edges))
    });
    intervals.collect()
}

/// Sums up to the ends of all views, by storage and dtype.
type Sums<'i> = HashMap<(usize, &'static str), (&'i Intervals, Vec<Special>)>;

fn sums<'i>(intervals: &'i [Intervals], passed: &[Passed]) -> Sums<'i> {
    let mut sums = Sums::new();
    let mut rest = intervals;
    for passed in passed {
        for counts in &passed.counts {
            let Some((intervals, others)) = rest.split_first() else { return sums };
            sums.insert((intervals.storage, intervals.dtype.name()), (intervals, intervals.sums(counts)));
            rest = others;
        }
    }
    sums
}

/// The paths of the tensors that have any. Paths take the most memory of all, so
/// they are made last, and only where they are needed.
fn paths(
    state: &StateDict<'_>,
    parts: &[Stored],
    views: &[View],
    by_node: &HashMap<u32, usize>,
    counts: &[Special],
) -> Vec<Tensor> {
    if counts.iter().all(|count| *count == Special::default()) {
        return Vec::new();
    }
    let mut room = PATHS;
    let tensor = |leaf: Leaf<'_, '_>| {
        let index = *by_node.get(&tensor_of(state, &leaf)?)?;
        let (view, count) = (views.get(index)?, counts.get(index)?);
        let part = parts.get(view.storage).filter(|_| *count != Special::default())?;
        Some(Tensor {
            is_boolean: view.dtype == DType::Boolean,
            nan: count.nan,
            inf: count.inf,
            elements: view.dims.numel(),
            part: part.name.clone(),
            offset: part.offset.saturating_add(view.start),
            path: leaf.path,
        })
    };
    let fits = |tensor: &Tensor| {
        let left = room.checked_sub(tensor.path.len() + tensor.part.len());
        room = left.unwrap_or(0);
        left.is_some()
    };
    state.leaves().filter_map(tensor).take_while(fits).collect()
}

/// The node of the plain tensor that a leaf is.
fn tensor_of(state: &StateDict<'_>, leaf: &Leaf<'_, '_>) -> Option<u32> {
    let tensor = strongroom_names::tensor(&Arena(state.nodes()), leaf.item.id())?;
    matches!(state.node(tensor.core), Node::Tensor(_)).then_some(tensor.core)
}

/// Bytes of paths that are listed: one tensor may have a million of them.
const PATHS: usize = 64 << 20;
