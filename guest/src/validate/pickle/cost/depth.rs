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
        let mut states = vec![State::New; objects.0.len()];
        let mut depth = Self { deepest: 0, is_cyclic: false };
        for start in 0..objects.0.len() {
            let deepest = depth.visit(objects, start, &mut states, most);
            depth.deepest = depth.deepest.max(deepest);
            if deepest > most {
                break;
            }
        }
        depth
    }

    fn visit(&mut self, objects: Objects<'_>, start: usize, states: &mut [State], most: u32) -> u32 {
        let mut path: Vec<Frame> = Vec::new();
        open(objects, start, states, &mut path);
        while let Some(frame) = path.last_mut() {
            let Some(next) = frame.children.pop() else {
                let (id, depth) = (frame.id, frame.below.saturating_add(1));
                if let Some(state) = states.get_mut(id) {
                    *state = State::Known(depth);
                }
                path.pop();
                match path.last_mut() {
                    Some(parent) => parent.below = parent.below.max(depth),
                    None => return depth,
                }
                continue;
            };
            match states.get(next) {
                Some(State::Known(depth)) => frame.below = frame.below.max(*depth),
                Some(State::New) => {
                    open(objects, next, states, &mut path);
                    if path.len() > usize::try_from(most).unwrap_or(usize::MAX) {
                        return most.saturating_add(1);
                    }
                }
                Some(State::Open) => self.is_cyclic = true,
                None => {}
            }
        }
        match states.get(start) {
            Some(State::Known(depth)) => *depth,
            _ => 0,
        }
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
    children: Vec<usize>,
    below: u32,
}

fn open(objects: Objects<'_>, id: usize, states: &mut [State], path: &mut Vec<Frame>) {
    let (Some(object), Some(state)) = (objects.0.get(id), states.get_mut(id)) else { return };
    if *state != State::New {
        return;
    }
    let mut values = Vec::new();
    object.references(|value| values.push(value));
    // The last ones are what is called for its effect on it: nothing of it holds those.
    let effects = if let Object::Instance(instance) = object { instance.effects.len() } else { 0 };
    values.truncate(values.len().saturating_sub(effects));
    let id_of = |value| match value {
        Value::Object(id) => usize::try_from(id).ok(),
        _ => None,
    };
    let children = values.into_iter().filter_map(id_of);
    let children = children.filter(|&id| objects.0.get(id).is_some_and(has_parts)).collect();
    *state = State::Open;
    path.push(Frame { id, children, below: 0 });
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
