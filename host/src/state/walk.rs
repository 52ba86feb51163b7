//! Places: `optimizer.state.0.exp_avg`, `param_groups[0].lr`.

use std::collections::HashSet;
use std::sync::Arc;

use strongroom_names::{Cursor, Survey, Walk};

use super::names::Arena;
use super::{Item, Node, StateDict, Tensor};

/// A value of a state dict, and where it is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Leaf<'s, 'a> {
    /// The name of the place, which no other place has: dict keys joined by dots,
    /// positions in brackets; see [`StateDict::leaves`]. The root is the empty path.
    pub path: String,
    /// The value.
    pub item: Item<'s, 'a>,
    /// The path of the sparse tensor, the quantized tensor or the wrapper that the value
    /// is a part of.
    pub part_of: Option<String>,
}

/// All leaves of a [`StateDict`], in order: values that are no container, empty
/// containers, and ahead of what is in them, tensors made of tensors and objects of
/// unknown classes. Keys, and the versions that a module's `OrderedDict` has beside its
/// items, come only where a tensor is in them.
///
/// A value shared by two containers comes once for each path. A container that
/// contains itself, or leads to one that does, is entered once.
#[derive(Debug)]
pub struct Leaves<'s, 'a> {
    state: &'s StateDict<'a>,
    survey: Arc<Survey>,
    cursor: Cursor,
}

impl<'s, 'a> Leaves<'s, 'a> {
    pub(super) fn new(state: &'s StateDict<'a>) -> Self {
        let survey = state.survey();
        Self { state, cursor: survey.start(), survey }
    }

    /// The next leaf that `wanted` is true of. Paths take the most time of all: those of
    /// the others are not made.
    pub fn find_item(&mut self, mut wanted: impl FnMut(&Item<'s, 'a>) -> bool) -> Option<Leaf<'s, 'a>> {
        let arena = Arena(self.state.nodes());
        let mut walk = Walk::resume(&arena, &self.survey, std::mem::take(&mut self.cursor));
        let mut found = None;
        while let Some(id) = walk.next() {
            let item = Item::new(self.state, id);
            if wanted(&item) {
                found = Some(Leaf { path: walk.name(), item, part_of: walk.part_of() });
                break;
            }
        }
        self.cursor = walk.stop();
        found
    }
}

impl<'s, 'a> Iterator for Leaves<'s, 'a> {
    type Item = Leaf<'s, 'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.find_item(|_| true)
    }
}

/// A tensor of a state dict, for a format that has no nesting.
pub(crate) struct Flat<'a> {
    pub(crate) tensor: Tensor<'a>,
    /// Its path as of [`Leaf::path`].
    pub(crate) path: String,
    /// The keys on the way joined by dots; None for one that is not under keys alone.
    pub(crate) name: Option<String>,
    /// Whether it is a parameter.
    pub(crate) parameter: bool,
}

/// All tensors in their order.
pub(crate) fn flat<'a>(state: &StateDict<'a>) -> Vec<Flat<'a>> {
    let (arena, survey) = (Arena(state.nodes()), state.survey());
    let mut walk = Walk::new(&arena, &survey);
    let mut found = Vec::new();
    while let Some(id) = walk.next() {
        found.extend(Flat::at(state, id, &walk));
    }
    found
}

/// The same as a flat format is told of them: those in modules as often as they have names, and
/// none of what it does not look into. Answers the paths of modules, too.
pub(crate) fn flattened<'a>(state: &StateDict<'a>) -> (Vec<Flat<'a>>, HashSet<String>) {
    let (arena, survey) = (Arena(state.nodes()), state.survey());
    let mut walk = Walk::new(&arena, &survey);
    let (mut tensors, mut modules) = (Vec::new(), HashSet::new());
    let enters =
        |id| matches!(state.node(id), Node::Dict(_) | Node::OrderedDict(_) | Node::List(_) | Node::Tuple(_));
    while let Some(id) = walk.next_within(&enters) {
        if walk.is_module() {
            modules.insert(walk.name());
        }
        tensors.extend(Flat::at(state, id, &walk));
    }
    (tensors, modules)
}

impl<'a> Flat<'a> {
    fn at(state: &StateDict<'a>, id: u32, walk: &Walk<'_, Arena<'_>>) -> Option<Self> {
        let item = Item::new(state, id);
        let (tensor, parameter) = (item.as_tensor()?, item.is_parameter());
        Some(Self { tensor, path: walk.name(), name: walk.flat_name().ok(), parameter })
    }
}

/// The path of the last of some values, each of which refers to the next, the first of
/// them the root.
pub(crate) fn path_along(state: &StateDict<'_>, values: &[u32]) -> String {
    strongroom_names::along(&Arena(state.nodes()), values)
}

#[cfg(test)]
mod tests {
    use super::super::Value;
    use super::*;

    #[test]
    fn a_place_is_found_by_its_name_and_by_its_exact_name() {
        let ambiguous = [
            ("a.b".to_owned(), Value::dict([("c", 1)])),
            ("a".to_owned(), Value::dict([("b.c", 2), ("d", 3)])),
            (String::new(), Value::dict([("e", 4)])),
            ("list".to_owned(), Value::list([5])),
        ];
        let mut state = StateDict::from_value(Value::dict(ambiguous));
        let leaves: Vec<_> = state.leaves().map(|leaf| (leaf.path, leaf.item.id())).collect();
        let paths: Vec<&str> = leaves.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, [r#"["a.b"]["c"]"#, r#"["a"]["b.c"]"#, "a.d", r#"[""]["e"]"#, "list[0]"]);
        assert!(leaves.iter().all(|(path, id)| state.get(path).is_some_and(|item| item.id() == *id)));
        let number = |state: &StateDict<'_>, path: &str| state.get(path).and_then(|item| item.as_i64());
        assert_eq!(
            ["a.b.c", "e", r#"["a"].d"#].map(|path| number(&state, path)),
            [Some(1), Some(4), Some(3)]
        );
        state.insert("new", 7);
        assert_eq!(number(&state, "new"), Some(7));
        state.insert("e", 8);
        assert_eq!(number(&state, "e"), Some(4), "the first of two");
        assert_eq!(number(&state, r#"["e"]"#), Some(8));
    }

    #[test]
    fn a_long_key_does_not_make_every_path_long() {
        let key = "é".repeat(1 << 20);
        let state = StateDict::from_value(Value::dict([(key.as_str(), Value::list([1; 100]))]));
        assert!(state.leaves().all(|leaf| leaf.path.len() < 1100));
        assert!(state.leaves().all(|leaf| state.get(&leaf.path).is_some()));
        assert!(state.get(&key).is_some());
    }
}
