//! A template as a state dict.

use std::collections::HashMap;
use std::sync::Arc;

use super::{DictKind, Key, Subtree, Template};
use crate::sandbox::bindings::types as wit;
use crate::state::{Brought, Node, StateDict, Value, add_value};

pub(super) fn assemble(template: Template<'_>) -> StateDict<'_> {
    let mut assembly = Assembly { state: StateDict::bare(), brought: HashMap::new() };
    let root = assembly.value(template);
    assembly.state.with_root(root)
}

struct Assembly<'b> {
    state: StateDict<'b>,
    /// What was brought of each state dict that values are parts of, by its
    /// address. All of them live as long as the template does, and this holds
    /// them for longer.
    brought: HashMap<usize, (Arc<StateDict<'b>>, Brought)>,
}

impl<'b> Assembly<'b> {
    fn value(&mut self, template: Template<'b>) -> u32 {
        let value = match template {
            Template::Any => Value::None,
            Template::Bool(value) => Value::Bool(value),
            Template::Int(value) => Value::Int(value),
            Template::Float(value) => Value::Float(value),
            Template::Str(value) => Value::Str(value),
            Template::Bytes(value) => Value::Bytes(value),
            Template::Tensor(target) => match target.into_tensor() {
                (tensor, true) => Value::Parameter(tensor),
                (tensor, false) => Value::Tensor(tensor),
            },
            Template::List(items) => {
                let ids = items.into_iter().map(|item| self.value(item)).collect();
                return self.state.push(Node::List(ids));
            }
            Template::Dict(dict) => {
                let (kind, entries, attributes) = dict.into_parts();
                let items = entries.into_iter().map(|(key, value)| self.pair(key, value)).collect();
                let attributes = attributes.map(|attributes| self.graft(&attributes));
                return self.state.push(match kind {
                    DictKind::Dict => Node::Dict(items),
                    DictKind::Counter => Node::Counter(items),
                    DictKind::OrderedDict => Node::OrderedDict(wit::OrderedDict { items, attributes }),
                });
            }
            Template::Value(value) => return self.graft(&value),
        };
        add_value(&mut self.state, value)
    }

    fn pair(&mut self, key: Key, value: Template<'b>) -> wit::Pair {
        let key = match key {
            Key::Str(text) => Value::Str(text),
            Key::Int(number) => Value::Int(number),
        };
        wit::Pair { key: add_value(&mut self.state, key), value: self.value(value) }
    }

    fn graft(&mut self, value: &Subtree<'b>) -> u32 {
        let address = Arc::as_ptr(value.state()).addr();
        let (from, brought) =
            self.brought.entry(address).or_insert_with(|| (value.state().clone(), Brought::new()));
        self.state.graft(from, value.item().id(), brought)
    }
}
