use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use super::Objects;
use super::allowed::{Made, Means};
use crate::Excess;
use crate::pickle::{Object, Value};
use crate::validate::examine::{Part, Scope};
use crate::validate::file::limit;
use crate::validate::finding::Rule;

/// A key that cannot be hashed.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-PICKLE-KEY",
    "a key that cannot be hashed",
    "Keys of a dict and items of a set must be values that never change. No pickler writes \
     others, and loading fails.",
);

/// Reports keys that cannot be hashed, and those that take forever to hash: a
/// tuple is hashed through all it holds, every time, and thirty tuples of two
/// references each hold a billion values.
pub(super) fn check(objects: Objects<'_>, part: &Part, scope: &mut Scope<'_>) {
    let mut hashing = Hashing { objects, costs: vec![None; objects.0.len()], total: 0, unhashable: None };
    let mut offset = 0;
    for object in objects.0 {
        match object {
            Object::Instance(instance) => {
                offset = instance.offset;
                instance.pairs.iter().for_each(|&(key, _)| hashing.key(key, offset));
                hashing.argument(instance.callable, instance.args, offset);
            }
            Object::Dict(pairs) => pairs.iter().for_each(|&(key, _)| hashing.key(key, offset)),
            Object::Set(items) | Object::FrozenSet(items) => {
                items.iter().for_each(|&item| hashing.key(item, offset));
            }
            _ => {}
        }
    }
    if let Some((key, offset)) = hashing.unhashable {
        scope.find(&RULE, part, offset, format!("{} as a key", objects.describe(key)));
    }
    let allowed = scope.options.limits.tree;
    if hashing.total > allowed {
        limit::reached(&Excess { offset, limit: "tree", allowed }, part, scope);
    }
}

struct Hashing<'a> {
    objects: Objects<'a>,
    /// What it costs to hash each object, in values; `Some(None)` if it cannot be.
    costs: Vec<Option<Option<u64>>>,
    /// What all keys cost.
    total: u64,
    /// The first key that cannot be hashed, and the last call before it.
    unhashable: Option<(Value, u64)>,
}

impl Hashing<'_> {
    fn key(&mut self, key: Value, offset: u64) {
        match self.cost(key) {
            Some(cost) => self.total = self.total.saturating_add(cost),
            None => self.unhashable = self.unhashable.or(Some((key, offset))),
        }
    }

    /// What a call makes keys of: the items of a list.
    fn argument(&mut self, callable: Value, args: Option<Value>, offset: u64) {
        let Some(global) = self.objects.global(callable) else { return };
        let args = args.and_then(|args| self.objects.tuple(args)).unwrap_or_default();
        let Some(Object::List(items)) = args.first().and_then(|&list| self.objects.get(list)) else { return };
        match (global.module.as_str(), global.name.as_str()) {
            ("builtins", "set" | "frozenset") => items.iter().for_each(|&item| self.key(item, offset)),
            ("collections", "OrderedDict") => items.iter().for_each(|&item| {
                let pair = match self.objects.get(item) {
                    Some(Object::List(pair) | Object::Tuple(pair)) if pair.len() == 2 => pair.first(),
                    _ => None,
                };
                match pair {
                    Some(&key) => self.key(key, offset),
                    None => self.unhashable = self.unhashable.or(Some((item, offset))),
                }
            }),
            _ => {}
        }
    }

    /// What it costs to hash a value. Its own stack: a file says how deep tuples are.
    fn cost(&mut self, value: Value) -> Option<u64> {
        let mut stack = vec![(value, false)];
        while let Some((value, ready)) = stack.pop() {
            let Some(Object::Tuple(items)) = self.objects.get(value) else { continue };
            if ready {
                let cost =
                    items.iter().try_fold(1u64, |sum, &item| Some(sum.saturating_add(self.known(item)?)));
                self.set(value, cost);
            } else if self.slot(value).is_none() {
                // A tuple inside itself, through a list, is unhashable for the list.
                self.set(value, None);
                stack.push((value, true));
                stack.extend(items.iter().map(|&item| (item, false)));
            }
        }
        self.known(value)
    }

    /// What a value costs whose tuples have been looked at.
    fn known(&self, value: Value) -> Option<u64> {
        match self.objects.get(value) {
            None => Some(1),
            Some(Object::Tuple(_)) => self.slot(value).flatten(),
            Some(Object::List(_) | Object::Dict(_) | Object::Set(_) | Object::ByteArray(_)) => None,
            Some(Object::Instance(instance)) => match self.objects.means(instance.callable) {
                Some(Means::Call(callable)) => match callable.result {
                    Made::Dict | Made::OrderedDict | Made::Mutable => None,
                    Made::Value | Made::Tensor => Some(1),
                },
                _ => Some(1),
            },
            Some(_) => Some(1),
        }
    }

    fn slot(&self, value: Value) -> Option<Option<u64>> {
        let Value::Object(id) = value else { return None };
        *self.costs.get(usize::try_from(id).ok()?)?
    }

    fn set(&mut self, value: Value, cost: Option<u64>) {
        let Value::Object(id) = value else { return };
        if let Some(slot) = usize::try_from(id).ok().and_then(|id| self.costs.get_mut(id)) {
            *slot = Some(cost);
        }
    }
}
