//! Paths: `optimizer.state.0.exp_avg`, `param_groups[0].lr`.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};

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
        let unfolded = unfold(state.nodes(), state.root_id(), |_| 0);
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
            // Not asked for where they are not entered: a long list that is full of
            // itself would have its length squared.
            if !self.unfolded.is_endless(id) || self.entered.insert(id) {
                let above = self.path.len();
                let visit = |&(step, id): &(Step, u32)| Visit { above, step, id };
                self.stack.extend(children(item.node()).iter().rev().map(visit));
            }
            if !has_children(item.node()) || is_whole(item.node()) {
                return Some(Leaf { path: self.path.clone(), item });
            }
        }
        None
    }
}

/// The path of the last of some values, each of which refers to the next, the first of
/// them the root. What is no value inside another, such as a key, has the path of what
/// has it. Long ones are cut.
pub(crate) fn path_along(state: &StateDict<'_>, values: &[u32]) -> String {
    let mut path = String::new();
    for pair in values.windows(2) {
        let &[above, below] = pair else { break };
        let steps = children(state.node(above)).into_iter().filter(|&(_, id)| id == below);
        steps.take(1).for_each(|(step, _)| step.append(state, &mut path));
        if path.len() > LONGEST_KEY {
            path.push('…');
            break;
        }
    }
    path
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
            Self::Key(key) => path.push_str(&key_text(state, key)),
            Self::Index(index) => path.extend(["[", &index.to_string(), "]"]),
            Self::Field(name) => path.push_str(name),
            Self::Through => {}
        }
    }

    /// Bytes by which it leads a path on, and the dot.
    pub(crate) fn length(self, state: &StateDict<'_>) -> u64 {
        let length = match self {
            Self::Key(key) => key_text(state, key).len(),
            // Enough for any index that memory has room for.
            Self::Index(_) => 8,
            Self::Field(name) => name.len(),
            Self::Through => 0,
        };
        length as u64 + 1
    }

    /// What is left of a path when this is its first step; none if it is not.
    /// `inside` says whether other steps precede it.
    fn lead<'p>(self, state: &StateDict<'_>, inside: bool, path: &'p str) -> Option<&'p str> {
        let named = matches!(self, Self::Key(_) | Self::Field(_));
        let path = if inside && named { path.strip_prefix('.')? } else { path };
        match self {
            Self::Key(key) => path.strip_prefix(&*key_text(state, key)),
            Self::Index(index) => {
                let rest = path.strip_prefix('[')?.strip_prefix(index.to_string().as_str())?;
                rest.strip_prefix(']')
            }
            Self::Field(name) => path.strip_prefix(name),
            Self::Through => Some(path),
        }
    }
}

/// A key as it stands in a path.
pub(super) fn key_text<'s>(state: &'s StateDict<'_>, key: u32) -> Cow<'s, str> {
    match state.node(key) {
        Node::Text(text) => Cow::Borrowed(cut(&text.value)),
        _ => Cow::Owned(key_repr(state, key, 0)),
    }
}

/// A key, or the start of one that is longer than a name can sensibly be: each
/// value under it repeats it.
fn cut(key: &str) -> &str {
    &key[..key.floor_char_boundary(LONGEST_KEY)]
}

/// Bytes of a key that go into a path.
const LONGEST_KEY: usize = 1024;

/// A key as Python prints it. Tuples are cut where no key of use goes on: shared
/// tuples in tuples are a bomb.
fn key_repr(state: &StateDict<'_>, key: u32, depth: usize) -> String {
    match state.node(key) {
        Node::Tuple(ids) if depth < 2 => {
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
            let effects = object.effects.iter().map(|&effect| (Step::Field("effect"), effect));
            args.into_iter().chain(kwargs).chain(items).chain(pairs).chain(state).chain(effects).collect()
        }
        _ => Vec::new(),
    }
}

/// The items of a dict of any class.
pub(super) fn pairs(node: &Node) -> Option<&[wit::Pair]> {
    match node {
        Node::Dict(pairs)
        | Node::Counter(pairs)
        | Node::OrderedDict(wit::OrderedDict { items: pairs, .. }) => Some(pairs),
        _ => None,
    }
}

/// Whether there are any, without a list of them.
fn has_children(node: &Node) -> bool {
    match node {
        Node::Tuple(ids) | Node::List(ids) | Node::Set(ids) | Node::FrozenSet(ids) => !ids.is_empty(),
        Node::Dict(pairs) | Node::Counter(pairs) => !pairs.is_empty(),
        Node::OrderedDict(dict) => !dict.items.is_empty(),
        _ => !children(node).is_empty(),
    }
}

/// Whether the value is one thing to its user, though it has parts.
fn is_whole(node: &Node) -> bool {
    matches!(node, Node::Quantized(_) | Node::SparseCoo(_) | Node::SparseCompressed(_) | Node::Object(_))
}

/// The first value at `path`.
pub(super) fn find(state: &StateDict<'_>, path: &str) -> Option<u32> {
    let mut stack = vec![(0, state.root_id())];
    // Each value once for each place in the path: objects whose state is each
    // other lead no further, and shared ones to the same end twice.
    let mut met = HashSet::new();
    while let Some((at, id)) = stack.pop() {
        if at == path.len() {
            return Some(id);
        }
        if !met.insert((at, id)) {
            continue;
        }
        let Some(rest) = path.get(at..) else { continue };
        let mut next = Vec::new();
        let mut visit = |step: Step, child: u32| {
            if let Some(rest) = step.lead(state, at > 0, rest) {
                next.push((path.len() - rest.len(), child));
            }
        };
        let key = if at > 0 { rest.strip_prefix('.').unwrap_or_default() } else { rest };
        let candidates = pairs(state.node(id)).zip(state.lookup().candidates(id, key));
        if let Some((pairs, candidates)) = candidates {
            let candidates = candidates.into_iter().filter_map(|position| pairs.get(position as usize));
            candidates.for_each(|pair| visit(Step::Key(pair.key), pair.value));
        } else {
            children(state.node(id)).into_iter().for_each(|(step, child)| visit(step, child));
        }
        stack.extend(next.into_iter().rev());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::Value;
    use super::*;

    fn state(nodes: Vec<Node>) -> StateDict<'static> {
        StateDict::from_parts(nodes, Vec::new(), 0, Vec::new())
    }

    fn measured(state: &StateDict<'_>) -> (u64, u64) {
        let tree = unfold(state.nodes(), state.root_id(), |step| step.length(state));
        (tree.size, tree.paths)
    }

    /// Bytes of all paths, by the walk itself: only of leaves, and of those that
    /// are containers met again.
    fn walked(state: &StateDict<'_>) -> u64 {
        state.leaves().map(|leaf| leaf.path.len() as u64).sum()
    }

    #[test]
    fn lists_that_contain_each_other_are_entered_once() {
        // 20 lists, each of all 20 and a None: more paths than anyone can walk.
        let lists = 20;
        let mut nodes = vec![Node::List((0..=lists).collect()); lists as usize];
        nodes.push(Node::None);
        let state = state(nodes);
        assert_eq!(state.leaves().count(), lists as usize);
        assert!(measured(&state).0 <= 1 + u64::from(lists + 1) * u64::from(lists + 1));
    }

    #[test]
    fn a_list_full_of_itself_is_walked_in_linear_time() {
        let state = state(vec![Node::List(vec![0; 200_000])]);
        assert_eq!(state.leaves().count(), 0);
        assert!(measured(&state).0 <= 200_002);
    }

    #[test]
    fn paths_through_a_cycle_are_measured_with_the_way_to_it() {
        // A ring of 50 dicts under long keys, the last with a list of 1000.
        let key = "k".repeat(1000);
        let ring = 50;
        let pair = |value| wit::Pair { key: ring, value };
        let mut nodes: Vec<Node> = (1..=ring).map(|next| Node::Dict(vec![pair(next % ring)])).collect();
        nodes.push(Node::Text(wit::Text { value: key, interned: false }));
        nodes.push(Node::List(vec![ring + 2; 1000]));
        nodes.push(Node::None);
        if let Some(Node::Dict(pairs)) = nodes.get_mut(ring as usize - 1) {
            pairs.push(wit::Pair { key: ring + 2, value: ring + 1 });
        }
        let state = state(nodes);
        assert!(walked(&state) > 49 * 1000 * 1000);
        assert!(measured(&state).1 > walked(&state) && measured(&state).1 < 2 * walked(&state));
    }

    #[test]
    fn a_search_enters_each_value_once() {
        // An object whose state is itself, twice over, and which has 100,000 items.
        let object = wit::Object {
            construct: wit::Construct::Call,
            callable: 1,
            args: Some(0),
            kwargs: Some(0),
            items: vec![1; 100_000],
            pairs: Vec::new(),
            state: Some(0),
            effects: Vec::new(),
        };
        let state = state(vec![Node::Object(object), Node::None]);
        assert!(state.get("nothing").is_none());
        assert!(state.get("[7]").is_some_and(|item| item.is_none()));
    }

    #[test]
    fn the_first_of_many_keys_that_fit_is_found() {
        // Large dicts have an index, small ones are looked through.
        for others in [0, 1000] {
            let filler = (0..others).map(|key| (format!("key{key}.weight"), Value::Int(key)));
            let ambiguous = [
                ("a.b".to_owned(), Value::dict([("c", 1)])),
                ("a".to_owned(), Value::dict([("b.c", 2), ("d", 3)])),
                ("a.d".to_owned(), Value::Int(4)),
                (String::new(), Value::dict([("e", 5)])),
                ("list".to_owned(), Value::list([6])),
            ];
            let mut state = StateDict::from_value(Value::dict(filler.chain(ambiguous)));
            let number = |state: &StateDict<'_>, path: &str| state.get(path).and_then(|item| item.as_i64());
            let found = ["a.b.c", "a.d", "e", "list[0]"].map(|path| number(&state, path));
            assert_eq!(found, [Some(1), Some(3), Some(5), Some(6)]);
            for nowhere in ["a.", "a.b.", "key1", "list[1]", "list[0", "key1.weight."] {
                assert!(number(&state, nowhere).is_none(), "{nowhere}");
            }
            for key in (0..others).step_by(99) {
                assert_eq!(number(&state, &format!("key{key}.weight")), Some(key));
            }
            state.insert("new", 7);
            assert_eq!(number(&state, "new"), Some(7));
        }
    }

    #[test]
    fn a_tree_is_measured_by_values_and_paths() {
        let text = |value: &str| Node::Text(wit::Text { value: value.into(), interned: false });
        // {"ab": [None, None]}
        let pair = wit::Pair { key: 1, value: 2 };
        let state = state(vec![Node::Dict(vec![pair]), text("ab"), Node::List(vec![3, 3]), Node::None]);
        assert_eq!(measured(&state), (4, 3 * 3 + 2 * 9));
    }

    #[test]
    fn a_long_key_does_not_make_every_path_long() {
        let long = Node::Text(wit::Text { value: "é".repeat(1 << 20), interned: false });
        let pair = wit::Pair { key: 1, value: 2 };
        let state = state(vec![Node::Dict(vec![pair]), long, Node::List(vec![3; 100]), Node::None]);
        assert!(state.leaves().all(|leaf| leaf.path.len() < 1100));
        assert!(state.leaves().all(|leaf| state.get(&leaf.path).is_some()));
    }
}
