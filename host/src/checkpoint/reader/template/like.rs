//! A template that asks for all that a state dict has.

use std::collections::HashMap;
use std::sync::Arc;

use strongroom_names::Measure;

use super::{DictKind, DictTarget, Key, Subtree, Template, TensorTarget};
use crate::state::{Arena, Item, Node, StateDict};

pub(super) fn like<'b>(state: &StateDict<'b>) -> Template<'b> {
    let state = Arc::new(state.clone());
    let root = state.root_id();
    let tree = Measure::of(&Arena(state.nodes()), root);
    Copy { state, tree, entered: HashMap::new() }.value(root)
}

struct Copy<'b> {
    state: Arc<StateDict<'b>>,
    tree: Measure,
    /// The containers that lead into a cycle and were looked into, each once: lists
    /// that all contain each other have more paths than anyone can walk.
    entered: HashMap<u32, Cycle>,
}

/// What is known of a container that leads into a cycle.
#[derive(Clone, Copy, PartialEq)]
enum Cycle {
    /// It is being looked into.
    Open,
    /// It contains itself. There is no end to it: it is taken whole.
    Closed,
}

impl<'b> Copy<'b> {
    fn value(&mut self, id: u32) -> Template<'b> {
        let state = self.state.clone();
        let item = Item::new(&state, id);
        if let Some(simple) = Template::simple(item) {
            return simple;
        }
        if self.tree.is_endless(id) && self.entered.insert(id, Cycle::Open).is_some() {
            self.entered.insert(id, Cycle::Closed);
            return self.whole(id);
        }
        let container = match item.node() {
            Node::Tensor(_) => return self.tensor(item).unwrap_or_else(|| self.whole(id)),
            Node::Parameter(parameter) if parameter.state.is_none() => {
                let target = item.as_tensor().map(|tensor| TensorTarget::like(tensor).into_parameter());
                return target.map_or_else(|| self.whole(id), Template::Tensor);
            }
            Node::List(ids) => Some(Template::List(ids.iter().map(|&id| self.value(id)).collect())),
            Node::Dict(_) => self.dict(item, DictKind::Dict, None),
            Node::Counter(_) => self.dict(item, DictKind::Counter, None),
            // What a template has of a dict's attributes is not read: tensors must be.
            Node::OrderedDict(dict) if dict.attributes.is_some_and(|id| self.tree.may_have_tensors(id)) => {
                None
            }
            Node::OrderedDict(dict) => self.dict(item, DictKind::OrderedDict, dict.attributes),
            _ => None,
        };
        let closed = self.entered.get(&id) == Some(&Cycle::Closed);
        container.filter(|_| !closed).unwrap_or_else(|| self.whole(id))
    }

    fn tensor(&self, item: Item<'_, 'b>) -> Option<Template<'b>> {
        Some(TensorTarget::like(item.as_tensor()?).into())
    }

    /// A dict; none if it has keys that a template cannot have.
    fn dict(&mut self, item: Item<'_, 'b>, kind: DictKind, attributes: Option<u32>) -> Option<Template<'b>> {
        let keys = item.entries()?.iter().map(|(key, _)| key_of(key));
        let keys: Vec<Key> = keys.collect::<Option<_>>()?;
        let values = item.entries()?.iter().map(|(_, value)| value.id());
        let values: Vec<Template<'b>> = values.map(|id| self.value(id)).collect();
        let attributes = attributes.map(|id| Subtree::new(self.state.clone(), id));
        let dict = DictTarget::new(kind, keys.into_iter().zip(values));
        Some(dict.with_attributes(attributes).into())
    }

    fn whole(&self, id: u32) -> Template<'b> {
        Template::Value(Subtree::new(self.state.clone(), id))
    }
}

fn key_of(key: Item<'_, '_>) -> Option<Key> {
    let text = || key.as_str().map(Key::from);
    key.as_i64().map(Key::Int).or_else(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_that_all_contain_each_other_are_looked_into_once() {
        let all: Vec<u32> = (0..20).collect();
        let state = StateDict::from_parts(vec![Node::List(all); 20], Vec::new(), 0, Vec::new());
        assert!(matches!(Template::like(&state), Template::Value(_)));
    }

    #[test]
    fn what_leads_to_a_cycle_is_no_part_of_it() {
        // [None, loop, loop], where loop is [loop].
        let nodes = vec![Node::List(vec![1, 2, 2]), Node::None, Node::List(vec![2])];
        let state = StateDict::from_parts(nodes, Vec::new(), 0, Vec::new());
        let Template::List(items) = Template::like(&state) else { panic!("no list") };
        assert!(matches!(&items[..], [Template::Any, Template::Value(_), Template::Value(_)]));
    }
}
