use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use super::Objects;
use super::allowed::{Made, Means};
use super::cost::{Hashed, Keyed};
use crate::pickle::{Object, Value};
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// A key that cannot be hashed.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-PICKLE-KEY",
    "a key that cannot be hashed",
    "Keys of a dict and items of a set must be values that never change. No pickler writes \
     others, and loading fails.",
);

/// Reports the first key that cannot be hashed.
pub(super) fn check(objects: Objects<'_>, part: &Part, scope: &mut Scope<'_>) {
    let mut hashing = Hashing { objects, hashable: vec![None; objects.0.len()], unhashable: None };
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
}

struct Hashing<'a> {
    objects: Objects<'a>,
    /// Whether each tuple can be hashed, once it is known.
    hashable: Vec<Option<bool>>,
    /// The first key that cannot be hashed, and the last call before it.
    unhashable: Option<(Value, u64)>,
}

impl Hashing<'_> {
    fn key(&mut self, key: Value, offset: u64) {
        if !self.is_hashable(key) {
            self.unhashable = self.unhashable.or(Some((key, offset)));
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

    /// Whether a value can be hashed. Its own stack: a file says how deep tuples are.
    fn is_hashable(&mut self, value: Value) -> bool {
        let mut stack = vec![(value, false)];
        while let Some((value, ready)) = stack.pop() {
            let Some(Object::Tuple(items)) = self.objects.get(value) else { continue };
            if ready {
                let all = items.iter().all(|&item| self.known(item));
                self.remember(value, all);
            } else if self.slot(value).is_none() {
                // A tuple inside itself, through a list, is unhashable for the list.
                self.remember(value, false);
                stack.push((value, true));
                stack.extend(items.iter().map(|&item| (item, false)));
            }
        }
        self.known(value)
    }

    /// Whether a value can be hashed whose tuples have been looked at.
    fn known(&self, value: Value) -> bool {
        match self.objects.get(value) {
            Some(Object::Tuple(_)) => self.slot(value).unwrap_or(false),
            Some(Object::List(_) | Object::Dict(_) | Object::Set(_) | Object::ByteArray(_)) => false,
            Some(Object::Instance(instance)) => match self.objects.means(instance.callable) {
                Some(Means::Call(callable)) => match callable.result {
                    Made::Counts | Made::OrderedDict | Made::Mutable => false,
                    Made::Value | Made::Tensor | Made::Storage => true,
                },
                Some(Means::Object(_) | Means::Maker) => match self.objects.row(instance) {
                    Some((row, _, _)) => match row.keyed {
                        Keyed::Never => false,
                        Keyed::Place | Keyed::Index => true,
                        Keyed::As(hashed) => hashed(self.objects, instance) != Hashed::Fails,
                    },
                    None => true,
                },
                _ => true,
            },
            Some(_) | None => true,
        }
    }

    fn slot(&self, value: Value) -> Option<bool> {
        let Value::Object(id) = value else { return None };
        *self.hashable.get(usize::try_from(id).ok()?)?
    }

    fn remember(&mut self, value: Value, hashable: bool) {
        let Value::Object(id) = value else { return };
        if let Some(slot) = usize::try_from(id).ok().and_then(|id| self.hashable.get_mut(id)) {
            *slot = Some(hashable);
        }
    }
}
