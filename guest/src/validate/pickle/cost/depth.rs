//! How deep values lie in each other: what frees or hashes them calls itself for each.

use alloc::vec;
use alloc::vec::Vec;

use super::super::Objects;
use crate::pickle::{Object, Value};

/// How values lie in each other.
pub(in crate::validate::pickle) struct Depth {
    /// The longest way from value to value, where none is passed twice; as soon as it is known to
    /// be more than was asked for, that.
    pub(in crate::validate::pickle) deepest: u32,
    /// Whether a way leads back to where it came by.
    pub(in crate::validate::pickle) is_cyclic: bool,
}

impl Depth {
    pub(super) fn of(objects: Objects<'_>, most: u32) -> Self {
        let mut walk = Walk {
            objects,
            states: vec![State::New; objects.0.len()],
            path: Vec::new(),
            children: Vec::new(),
            is_cyclic: false,
        };
        let mut deepest = 0;
        for (start, object) in objects.0.iter().enumerate() {
            if has_parts(object) {
                deepest = walk.visit(start, most).max(deepest);
            }
            if deepest > most {
                break;
            }
        }
        Self { deepest, is_cyclic: walk.is_cyclic }
    }
}

struct Walk<'a> {
    objects: Objects<'a>,
    states: Vec<State>,
    path: Vec<Frame>,
    /// Those of all objects on the path that are yet to be visited, the last one's last.
    children: Vec<usize>,
    is_cyclic: bool,
}

impl Walk<'_> {
    fn visit(&mut self, start: usize, most: u32) -> u32 {
        self.open(start);
        while let Some(frame) = self.path.last_mut() {
            let next = if self.children.len() > frame.first_child { self.children.pop() } else { None };
            let Some(next) = next else {
                let (id, depth) = (frame.id, frame.below.saturating_add(1));
                if let Some(state) = self.states.get_mut(id) {
                    *state = State::Known(depth);
                }
                self.path.pop();
                match self.path.last_mut() {
                    Some(parent) => parent.below = parent.below.max(depth),
                    None => return depth,
                }
                continue;
            };
            match self.states.get(next) {
                Some(State::Known(depth)) => frame.below = frame.below.max(*depth),
                Some(State::New) => {
                    self.open(next);
                    if self.path.len() > usize::try_from(most).unwrap_or(usize::MAX) {
                        return most.saturating_add(1);
                    }
                }
                Some(State::Open) => self.is_cyclic = true,
                None => {}
            }
        }
        match self.states.get(start) {
            Some(State::Known(depth)) => *depth,
            _ => 0,
        }
    }

    /// Steps into an object that nobody has been to.
    fn open(&mut self, id: usize) {
        let (Some(object), Some(state)) = (self.objects.0.get(id), self.states.get_mut(id)) else { return };
        if *state != State::New {
            return;
        }
        *state = State::Open;
        let objects = self.objects;
        let part = |value| match value {
            Value::Object(id) => {
                usize::try_from(id).ok().filter(|&id| objects.0.get(id).is_some_and(has_parts))
            }
            _ => None,
        };
        let first_child = self.children.len();
        object.references(|value| self.children.extend(part(value)));
        // The last ones are what is called for its effect on it: nothing of it holds those.
        if let Object::Instance(instance) = object {
            let effects = instance.effects.iter().filter(|&&value| part(value).is_some()).count();
            self.children.truncate(self.children.len().saturating_sub(effects));
        }
        self.path.push(Frame { id, first_child, below: 0 });
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Open,
    Known(u32),
}

/// An object on the way.
struct Frame {
    id: usize,
    /// Where its children begin.
    first_child: usize,
    below: u32,
}

fn has_parts(object: &Object) -> bool {
    match object {
        Object::Tuple(_)
        | Object::List(_)
        | Object::Dict(_)
        | Object::Set(_)
        | Object::FrozenSet(_)
        | Object::Instance(_) => true,
        Object::BigInt(_)
        | Object::Text(_)
        | Object::SurrogateText(_)
        | Object::Bytes(_)
        | Object::ByteArray(_)
        | Object::Global(_)
        | Object::Extension(_) => false,
    }
}
