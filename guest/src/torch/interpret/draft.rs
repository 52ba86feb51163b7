use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use crate::model::{Node, Object};
use crate::pickle::{Instance, ObjectId, Value};

/// A node whose children are not numbered yet: zeros stand for them.
#[derive(Debug)]
pub(super) struct Draft<'g> {
    /// The node.
    pub(super) node: Node,
    /// Its children, in the order [`crate::model::visit`] visits them.
    pub(super) parts: Vec<Part<'g>>,
}

/// A stretch of a draft's children. Long ones are borrowed from the pickle's
/// graph: a checkpoint has millions.
#[derive(Debug)]
pub(super) enum Part<'g> {
    /// One child.
    One(Child<'g>),
    /// Values in the graph.
    Values(&'g [Value]),
    /// Keys and values in the graph, alternating.
    Pairs(&'g [(Value, Value)]),
    /// Values collected from several objects.
    Collected(Vec<Value>),
}

/// What a child is to become.
#[derive(Debug)]
pub(super) enum Child<'g> {
    /// Whatever this value means.
    Value(Value),
    /// This instance, as an opaque object even if its meaning is known.
    Opaque(ObjectId),
    /// A node already understood, which is no object of the pickle itself.
    Made(Box<Draft<'g>>),
}

impl<'g> Draft<'g> {
    /// A node without children.
    pub(super) fn leaf(node: Node) -> Self {
        Self { node, parts: Vec::new() }
    }

    /// An object nobody knows, spelled out.
    pub(super) fn opaque(instance: &'g Instance) -> Self {
        let one = |value: Value| Part::One(Child::Value(value));
        let mut parts = vec![one(instance.callable)];
        parts.extend(instance.args.map(one));
        parts.extend(instance.kwargs.map(one));
        parts.push(Part::Values(&instance.items));
        parts.push(Part::Pairs(&instance.pairs));
        parts.extend(instance.state.map(one));
        parts.push(Part::Values(&instance.effects));
        let node = Node::Object(Box::new(Object {
            construct: instance.construct,
            callable: 0,
            args: instance.args.map(|_| 0),
            kwargs: instance.kwargs.map(|_| 0),
            items: vec![0; instance.items.len()],
            pairs: vec![(0, 0); instance.pairs.len()],
            state: instance.state.map(|_| 0),
            effects: vec![0; instance.effects.len()],
        }));
        Self { node, parts }
    }

    /// How many children there are.
    pub(super) fn len(&self) -> usize {
        self.parts.iter().map(Part::len).sum()
    }
}

impl<'g> Part<'g> {
    /// How many children there are.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Values(values) => values.len(),
            Self::Pairs(pairs) => pairs.len().saturating_mul(2),
            Self::Collected(values) => values.len(),
        }
    }

    /// The child at `index`. A made draft can be taken once.
    pub(super) fn take(&mut self, index: usize) -> Option<Child<'g>> {
        match self {
            Self::One(child) if index == 0 => Some(core::mem::replace(child, Child::Value(Value::None))),
            Self::One(_) => None,
            Self::Values(values) => values.get(index).copied().map(Child::Value),
            Self::Pairs(pairs) => {
                let &(key, value) = pairs.get(index / 2)?;
                Some(Child::Value(if index.is_multiple_of(2) { key } else { value }))
            }
            Self::Collected(values) => values.get(index).copied().map(Child::Value),
        }
    }
}
