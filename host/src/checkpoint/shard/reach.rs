//! What of a state dict can be taken apart, and what cannot.

use crate::state::{Node, StateDict, references, visit};

/// What is known of each value.
#[derive(Debug)]
pub(super) struct Reach {
    /// Whether it reaches a storage.
    pub(super) has_data: Vec<bool>,
    /// Whether it is a container on the way from the root, which each rank has cut down to
    /// what it holds: dicts (but for entries whose key has data), lists and tuples.
    pub(super) is_spine: Vec<bool>,
    /// Whether something that cannot be cut reaches it: then it is on a rank whole or not
    /// at all.
    pub(super) is_whole: Vec<bool>,
}

impl Reach {
    /// Goes over all that the root reaches.
    pub(super) fn of(state: &StateDict<'_>) -> Self {
        let has_data = with_data(state);
        let count = state.nodes().len();
        let mut reach = Self { has_data, is_spine: vec![false; count], is_whole: vec![false; count] };
        let mut whole = reach.spine(state);
        while let Some(id) = whole.pop() {
            if !std::mem::replace(&mut reach.is_whole[id as usize], true) {
                whole.extend(references(state.node(id)));
            }
        }
        reach
    }

    /// Marks the spine; answers what hangs on it.
    fn spine(&mut self, state: &StateDict<'_>) -> Vec<u32> {
        let mut hanging = Vec::new();
        let mut stack = vec![state.root_id()];
        while let Some(id) = stack.pop() {
            if !is_container(state.node(id)) {
                hanging.push(id);
                continue;
            }
            if std::mem::replace(&mut self.is_spine[id as usize], true) {
                continue;
            }
            for part in parts(state.node(id), &self.has_data) {
                match part {
                    Part::Item(item) => stack.push(item),
                    Part::Entry { key, value } => {
                        hanging.push(key);
                        stack.push(value);
                    }
                    Part::Inseparable { key, value } => hanging.extend([key, value]),
                    Part::Attributes(attributes) => hanging.push(attributes),
                }
            }
        }
        hanging
    }
}

/// A part of a container.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    /// An item of a list or tuple.
    Item(u32),
    /// An entry of a dict, which goes where its value goes.
    Entry { key: u32, value: u32 },
    /// An entry of a dict whose key has data itself.
    Inseparable { key: u32, value: u32 },
    /// The attributes of an `OrderedDict`.
    Attributes(u32),
}

/// The parts of a container, in order; none of what is none.
pub(super) fn parts(node: &Node, has_data: &[bool]) -> Vec<Part> {
    let entry = |pair: &crate::sandbox::bindings::types::Pair| {
        let (key, value) = (pair.key, pair.value);
        if has_data[key as usize] { Part::Inseparable { key, value } } else { Part::Entry { key, value } }
    };
    match node {
        Node::Dict(pairs) => pairs.iter().map(entry).collect(),
        Node::OrderedDict(dict) => {
            dict.items.iter().map(entry).chain(dict.attributes.map(Part::Attributes)).collect()
        }
        Node::List(items) | Node::Tuple(items) => items.iter().map(|&item| Part::Item(item)).collect(),
        _ => Vec::new(),
    }
}

/// Whether a value is a container that can be cut down.
fn is_container(node: &Node) -> bool {
    matches!(node, Node::Dict(_) | Node::OrderedDict(_) | Node::List(_) | Node::Tuple(_))
}

/// Which values reach a storage: from those that look into one, against all references.
fn with_data(state: &StateDict<'_>) -> Vec<bool> {
    let count = state.nodes().len();
    let mut has_data = vec![false; count];
    let mut stack = Vec::new();
    // Who refers to each value: the referrers of `n` are `from[start[n]..start[n + 1]]`.
    let mut start = vec![0u32; count + 1];
    for (id, node) in (0u32..).zip(state.nodes()) {
        let mut data = false;
        visit(node, &mut |&child| start[child as usize + 1] += 1, &mut |_| data = true);
        if data {
            has_data[id as usize] = true;
            stack.push(id);
        }
    }
    for index in 0..count {
        start[index + 1] += start[index];
    }
    let mut next = start.clone();
    let mut from = vec![0u32; start[count] as usize];
    for (id, node) in (0u32..).zip(state.nodes()) {
        let mut refer = |&child: &u32| {
            from[next[child as usize] as usize] = id;
            next[child as usize] += 1;
        };
        visit(node, &mut refer, &mut |_| {});
    }
    while let Some(id) = stack.pop() {
        for &referrer in &from[start[id as usize] as usize..start[id as usize + 1] as usize] {
            if !std::mem::replace(&mut has_data[referrer as usize], true) {
                stack.push(referrer);
            }
        }
    }
    has_data
}
