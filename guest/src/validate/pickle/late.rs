//! What changes after a call or a table took it.
//!
//! The other rules look at objects as the pickle leaves them. That is what a call saw only if
//! nothing of it changed later: a list that grows after numpy took its length, a dict that a dtype
//! read while it was empty, a key that is hashed before it has a state. So nothing that is read as
//! it is taken may change later, whoever reads it. What is only kept may: values that hold each
//! other are pickled like that.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use super::Objects;
use super::allowed::{Made, Means};
use super::argument::ATTRIBUTES;
use crate::model::Construct;
use crate::pickle::{Instance, Object, ObjectId, Value};
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// Something changes after it was read.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-PICKLE-LATE",
    "a value that changes after a call took it",
    "The call saw another value than the one that is there at the end: readers crash on it, fail, or \
     have other values than anybody who looks at the file. No pickler writes such a file.",
);

/// Reports the first call, and the first key, that took what changes later.
pub(super) fn check(objects: Objects<'_>, changed: &BTreeSet<ObjectId>, part: &Part, scope: &mut Scope<'_>) {
    if changed.is_empty() {
        return;
    }
    let late = Late::of(objects, changed);
    let (mut call, mut key, mut offset) = (None, None, 0);
    for object in objects.0 {
        let keyed = match object {
            Object::Instance(instance) => {
                offset = instance.offset;
                if call.is_none() && late.is_given_to(instance) {
                    call = Some(instance);
                }
                instance.pairs.iter().map(|&(key, _)| key).find(|&key| late.has(key))
            }
            Object::Dict(pairs) => pairs.iter().map(|&(key, _)| key).find(|&key| late.has(key)),
            Object::Set(items) | Object::FrozenSet(items) => {
                items.iter().copied().find(|&item| late.has(item))
            }
            _ => None,
        };
        key = key.or(keyed.map(|key| (key, offset)));
    }
    if let Some(call) = call {
        let what = match call.construct {
            Construct::Persistent => "a persistent id".into(),
            _ => objects.callable(call),
        };
        scope.find(&RULE, part, call.offset, format!("{what} took what changes later"));
    }
    if let Some((key, offset)) = key {
        scope.find(&RULE, part, offset, format!("{} changes after it is a key", objects.describe(key)));
    }
}

struct Late<'a> {
    objects: Objects<'a>,
    changed: &'a BTreeSet<ObjectId>,
    /// Objects that change after something took them, and containers of these.
    late: Vec<bool>,
}

impl<'a> Late<'a> {
    fn of(objects: Objects<'a>, changed: &'a BTreeSet<ObjectId>) -> Self {
        let mut late = vec![false; objects.0.len()];
        let mut holders: Vec<(ObjectId, ObjectId)> = Vec::new();
        for (id, object) in (0..).zip(objects.0) {
            // What an instance holds is for the call that made it.
            if matches!(object, Object::Instance(_)) {
                continue;
            }
            object.references(|value| {
                if let Value::Object(held) = value {
                    holders.push((held, id));
                }
            });
        }
        holders.sort_unstable();
        // Of the objects of classes that the user allows nobody knows what is read when.
        let known = |id: ObjectId| match objects.get(Value::Object(id)) {
            Some(Object::Instance(instance)) => {
                instance.construct == Construct::Persistent || objects.means(instance.callable).is_some()
            }
            _ => true,
        };
        let mut stack: Vec<_> = changed.iter().copied().filter(|&id| known(id)).collect();
        while let Some(id) = stack.pop() {
            let slot = usize::try_from(id).ok().and_then(|id| late.get_mut(id));
            if slot.is_none_or(|slot| core::mem::replace(slot, true)) {
                continue;
            }
            let start = holders.partition_point(|&(held, _)| held < id);
            let of = holders.get(start..).unwrap_or_default();
            stack.extend(of.iter().take_while(|&&(held, _)| held == id).map(|&(_, holder)| holder));
        }
        Self { objects, changed, late }
    }

    /// Whether a value changes later, or a container in it.
    fn has(&self, value: Value) -> bool {
        let Value::Object(id) = value else { return false };
        usize::try_from(id).ok().and_then(|id| self.late.get(id)).copied().unwrap_or_default()
    }

    /// The same of a value whose items are kept, and not looked at.
    fn has_outside(&self, value: Value) -> bool {
        let is_changed = |value| matches!(value, Value::Object(id) if self.changed.contains(&id));
        let few = self.objects.tuple(value).filter(|items| items.len() <= PARTS);
        is_changed(value) || few.is_some_and(|items| items.iter().copied().any(is_changed))
    }

    /// Whether an instance was made of what changes later, or given that for its state.
    fn is_given_to(&self, instance: &Instance) -> bool {
        if instance.construct == Construct::Persistent {
            return self.has(instance.callable);
        }
        // What the user allows is not judged.
        let Some(means) = self.objects.means(instance.callable) else { return false };
        let args = instance.args.is_some_and(|args| match self.objects.tuple(args) {
            Some(items) => self.has(args) && self.args(means, items),
            None => self.has(args),
        });
        args || instance.kwargs.is_some_and(|kwargs| self.has(kwargs))
            || instance.state.is_some_and(|state| self.has(state) && self.state(means, instance, state))
    }

    fn args(&self, means: &Means, args: &[Value]) -> bool {
        let signatures = match means {
            Means::Call(callable) => callable.signatures,
            _ => &[],
        };
        let keeps = |at: usize| {
            let mut those = signatures.iter().filter(|signature| signature.len() == args.len());
            those.any(|signature| signature.get(at) == Some(&ATTRIBUTES))
        };
        let late =
            |(at, &arg): (usize, &Value)| if keeps(at) { self.has_outside(arg) } else { self.has(arg) };
        args.iter().enumerate().any(late)
    }

    fn state(&self, means: &Means, instance: &Instance, state: Value) -> bool {
        let is_ordered = matches!(means, Means::Call(callable) if callable.result == Made::OrderedDict);
        match self.objects.row(instance) {
            Some((row, ..)) if row.keeps => self.has_outside(state),
            // Objects in an array.
            Some((_, class, _)) if matches!(class.name.as_str(), "_reconstruct" | "_mareconstruct") => {
                let part = |&part: &Value| match self.objects.get(part) {
                    Some(Object::List(_)) => self.has_outside(part),
                    _ => self.has(part),
                };
                let few = self.objects.tuple(state).filter(|parts| parts.len() <= PARTS);
                few.is_none_or(|parts| parts.iter().any(part))
            }
            _ if is_ordered => self.has_outside(state),
            _ => self.has(state),
        }
    }
}

/// Parts of the states that are looked into. More of them, shared by many, would take for ever.
const PARTS: usize = 8;
