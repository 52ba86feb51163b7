//! A template that asks for all that a state dict has.

use std::collections::HashSet;
use std::sync::Arc;

use super::{DictKind, DictTarget, Key, Subtree, Template, TensorTarget};
use crate::state::{Item, Node, StateDict};

pub(super) fn like<'b>(state: &StateDict<'b>) -> Template<'b> {
    let state = Arc::new(state.clone());
    let root = state.root_id();
    Copy { state, above: HashSet::new() }.value(root)
}

struct Copy<'b> {
    state: Arc<StateDict<'b>>,
    /// The containers around a value. One that contains itself is taken whole
    /// inside itself: there is no end to it.
    above: HashSet<u32>,
}

impl<'b> Copy<'b> {
    fn value(&mut self, id: u32) -> Template<'b> {
        let state = self.state.clone();
        let item = Item::new(&state, id);
        if let Some(simple) = Template::simple(item) {
            return simple;
        }
        let container = match item.node() {
            Node::Tensor(_) => return self.tensor(item).unwrap_or_else(|| self.whole(id)),
            Node::Parameter(parameter) if parameter.state.is_none() => {
                let target = item.as_tensor().map(|tensor| TensorTarget::like(tensor).into_parameter());
                return target.map_or_else(|| self.whole(id), Template::Tensor);
            }
            _ if !self.above.insert(id) => return self.whole(id),
            Node::List(ids) => Some(Template::List(ids.iter().map(|&id| self.value(id)).collect())),
            Node::Dict(_) => self.dict(item, DictKind::Dict, None),
            Node::Counter(_) => self.dict(item, DictKind::Counter, None),
            Node::OrderedDict(dict) => self.dict(item, DictKind::OrderedDict, dict.attributes),
            _ => None,
        };
        self.above.remove(&id);
        container.unwrap_or_else(|| self.whole(id))
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
