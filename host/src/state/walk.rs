//! Paths: `optimizer.state.0.exp_avg`, `param_groups[0].lr`.

use std::collections::BTreeSet;

use super::unfold::{Unfolded, unfold};
use super::{Item, Node, StateDict};
use crate::bindings::types as wit;

/// A value of a state dict, and where it is.
#[derive(Clone, Debug)]
pub struct Leaf<'s, 'a> {
    /// Dict keys joined by dots, positions in brackets. The root is the empty path.
    pub path: String,
    /// The value.
    pub item: Item<'s, 'a>,
}

/// All leaves of a [`StateDict`], in order: values that are no container, empty
/// containers, and ahead of their parts, sparse and quantized tensors and
/// objects of unknown classes.
///
/// A value shared by two containers comes once for each path. A container that
/// contains itself, or leads to one that does, is entered once.
#[derive(Debug)]
pub struct Leaves<'s, 'a> {
    state: &'s StateDict<'a>,
    unfolded: Unfolded,
    /// What is still to be visited, last first.
    stack: Vec<Visit>,
    /// The endless containers that were entered.
    entered: BTreeSet<u32>,
    /// The path of the value visited last. The paths of all others on the stack
    /// begin with a part of it. Paths of their own would let a file of a few
    /// megabytes, one long key over a long list, take all memory.
    path: String,
}

/// The value `id`, by `step` from the container whose path has `above` bytes.
#[derive(Clone, Copy, Debug)]
struct Visit {
    above: usize,
    step: Step,
    id: u32,
}

impl<'s, 'a> Leaves<'s, 'a> {
    pub(super) fn new(state: &'s StateDict<'a>) -> Self {
        let root = Visit { above: 0, step: Step::Through, id: state.root_id() };
        let unfolded = unfold(state.nodes(), state.root_id());
        Self { state, unfolded, stack: vec![root], entered: BTreeSet::new(), path: String::new() }
    }
}

impl<'s, 'a> Iterator for Leaves<'s, 'a> {
    type Item = Leaf<'s, 'a>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(Visit { above, step, id }) = self.stack.pop() {
            self.path.truncate(above);
            step.append(self.state, &mut self.path);
            let item = Item::new(self.state, id);
            let children = children(item.node());
            if !self.unfolded.is_endless(id) || self.entered.insert(id) {
                let above = self.path.len();
                let visit = |&(step, id): &(Step, u32)| Visit { above, step, id };
                self.stack.extend(children.iter().rev().map(visit));
            }
            if children.is_empty() || is_whole(item.node()) {
                return Some(Leaf { path: self.path.clone(), item });
            }
        }
        None
    }
}

/// The way from a value to one inside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The value under this key.
    Key(u32),
    /// The value at this position.
    Index(usize),
    /// An attribute of an object.
    Field(&'static str),
    /// The object's state itself: its keys are attributes.
    Through,
}

impl Step {
    /// Leads the path of a value on to the one inside it.
    fn append(self, state: &StateDict<'_>, path: &mut String) {
        if !path.is_empty() && matches!(self, Self::Key(_) | Self::Field(_)) {
            path.push('.');
        }
        match self {
            Self::Key(key) => match state.node(key) {
                Node::Text(text) => path.push_str(&text.value),
                _ => path.push_str(&key_repr(state, key, 0)),
            },
            Self::Index(index) => path.extend(["[", &index.to_string(), "]"]),
            Self::Field(name) => path.push_str(name),
            Self::Through => {}
        }
    }

    fn onto(self, state: &StateDict<'_>, path: &str) -> String {
        let mut path = path.to_owned();
        self.append(state, &mut path);
        path
    }
}

/// A key as Python prints it. Tuples are cut where no key of use goes on: shared
/// tuples in tuples are a bomb.
fn key_repr(state: &StateDict<'_>, key: u32, depth: usize) -> String {
    match state.node(key) {
        Node::Tuple(ids) if depth < 4 => {
            let mut parts: Vec<String> =
                ids.iter().take(8).map(|&id| key_repr(state, id, depth + 1)).collect();
            if parts.len() < ids.len() {
                parts.push("…".into());
            }
            let comma = if parts.len() == 1 { "," } else { "" };
            format!("({}{comma})", parts.join(", "))
        }
        _ => Item::new(state, key).repr(),
    }
}

/// The values inside a value, in order.
pub(crate) fn children(node: &Node) -> Vec<(Step, u32)> {
    let keyed = |pairs: &[wit::Pair]| pairs.iter().map(|pair| (Step::Key(pair.key), pair.value)).collect();
    match node {
        Node::Tuple(ids) | Node::List(ids) | Node::Set(ids) | Node::FrozenSet(ids) => {
            ids.iter().enumerate().map(|(index, &id)| (Step::Index(index), id)).collect()
        }
        Node::Dict(pairs) | Node::Counter(pairs) => keyed(pairs),
        Node::OrderedDict(dict) => keyed(&dict.items),
        Node::Quantized(quantized) => match &quantized.quantizer {
            wit::Quantizer::PerTensor(_) => Vec::new(),
            wit::Quantizer::PerChannel(channel) => vec![
                (Step::Field("scales"), channel.scales),
                (Step::Field("zero_points"), channel.zero_points),
            ],
        },
        Node::SparseCoo(sparse) => {
            vec![(Step::Field("indices"), sparse.indices), (Step::Field("values"), sparse.values)]
        }
        Node::SparseCompressed(sparse) => {
            let (compressed, plain) = match sparse.layout {
                wit::Layout::SparseCsr | wit::Layout::SparseBsr => ("crow_indices", "col_indices"),
                _ => ("ccol_indices", "row_indices"),
            };
            vec![
                (Step::Field(compressed), sparse.compressed),
                (Step::Field(plain), sparse.plain),
                (Step::Field("values"), sparse.values),
            ]
        }
        Node::Object(object) => {
            let args = object.args.map(|args| (Step::Field("args"), args));
            let kwargs = object.kwargs.map(|kwargs| (Step::Field("kwargs"), kwargs));
            let items = object.items.iter().enumerate().map(|(index, &id)| (Step::Index(index), id));
            let pairs = object.pairs.iter().map(|pair| (Step::Key(pair.key), pair.value));
            let state = object.state.map(|state| (Step::Through, state));
            args.into_iter().chain(kwargs).chain(items).chain(pairs).chain(state).collect()
        }
        _ => Vec::new(),
    }
}

/// All nodes that a node names: its children, its keys, and what describes it.
pub(crate) fn references(node: &Node) -> Vec<u32> {
    let pairs =
        |pairs: &[wit::Pair]| pairs.iter().flat_map(|pair| [pair.key, pair.value]).collect::<Vec<_>>();
    let mut ids: Vec<u32> = children(node).iter().map(|&(_, id)| id).collect();
    match node {
        Node::Dict(items) | Node::Counter(items) => ids.extend(pairs(items)),
        Node::OrderedDict(dict) => {
            ids.extend(pairs(&dict.items));
            ids.extend(dict.attributes);
        }
        Node::Parameter(parameter) => ids.extend([Some(parameter.tensor), parameter.state].iter().flatten()),
        Node::Subclass(subclass) => ids.extend([subclass.tensor, subclass.class, subclass.state]),
        Node::NumpyScalar(scalar) => ids.push(scalar.source),
        Node::Object(object) => {
            ids.push(object.callable);
            ids.extend(pairs(&object.pairs));
        }
        _ => {}
    }
    ids
}

/// Whether the value is one thing to its user, though it has parts.
fn is_whole(node: &Node) -> bool {
    matches!(node, Node::Quantized(_) | Node::SparseCoo(_) | Node::SparseCompressed(_) | Node::Object(_))
}

/// The first value at `path`.
pub(super) fn find(state: &StateDict<'_>, path: &str) -> Option<u32> {
    let mut stack = vec![(String::new(), state.root_id())];
    // Every step either matches more of the path or stays: cycles of objects
    // whose state is themselves are cut off by the depth a path can have.
    let mut budget = state.nodes().len().saturating_mul(2).saturating_add(16);
    while let Some((at, id)) = stack.pop() {
        if at == path {
            return Some(id);
        }
        budget = budget.checked_sub(1)?;
        let fits = |(step, child): &(Step, u32)| {
            let next = step.onto(state, &at);
            path.starts_with(&next).then_some((next, *child))
        };
        let next: Vec<_> = children(state.node(id)).iter().filter_map(fits).collect();
        stack.extend(next.into_iter().rev());
    }
    None
}
