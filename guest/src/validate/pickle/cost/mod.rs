//! What loading a pickle costs whoever reads it, at most.
//!
//! Each instruction and each call has a bound in time and memory, as a function of the sizes of
//! what it works on. What is shared counts each time it is touched. Names that a user allows
//! are not bounded: nobody knows what they do.

mod calls;
mod depth;
pub(super) mod hashes;
mod hashing;
mod table;

use alloc::collections::{BTreeMap, BTreeSet};

pub(super) use self::calls::Work;
use self::depth::Depth;
pub(super) use self::hashes::{Hashed, Keyed};
use self::hashing::Hashing;
use self::table::Kind;
use super::Objects;
use crate::pickle::{Object, ObjectId, Trace, Value};
use crate::validate::budget::Cost;

/// What a pickle of so many bytes has done to build its objects.
pub(super) struct Built<'a> {
    pub(super) objects: Objects<'a>,
    pub(super) trace: &'a Trace,
    /// Lists that were changed after a call had taken them.
    pub(super) changed: &'a BTreeSet<ObjectId>,
    /// Bytes of the pickle.
    pub(super) length: u64,
}

impl Built<'_> {
    /// What loading it costs, or some cost whose time is more than `most`: counting ends there.
    pub(super) fn cost(&self, most: u64) -> Cost {
        let mut meter = Meter {
            objects: self.objects,
            hashing: Hashing::new(self.objects, self.changed),
            tables: BTreeMap::new(),
            most,
        };
        let mut cost = self.instructions();
        for object in self.objects.0 {
            cost = cost.and(meter.object(object));
            if cost.time > most {
                break;
            }
        }
        cost
    }

    /// How deep its values lie in each other, as far as that is at most `most`.
    pub(super) fn depth(&self, most: u32) -> Depth {
        Depth::of(self.objects, most)
    }

    fn instructions(&self) -> Cost {
        let counts = self.trace.opcodes().map(|(code, _, count)| {
            let each = if crate::pickle::is_import(code) { IMPORT } else { INSTRUCTION };
            each.times(count)
        });
        let read = Cost::new(self.length.saturating_add(self.trace.digits / DIGITS), 0);
        counts.fold(read, Cost::and)
    }
}

/// Counts what objects cost.
struct Meter<'a> {
    objects: Objects<'a>,
    hashing: Hashing<'a>,
    /// What a table of a container's items costs, for those that are made again and again.
    tables: BTreeMap<(ObjectId, Kind), Cost>,
    /// Time beyond which nobody counts.
    most: u64,
}

impl Meter<'_> {
    fn object(&mut self, object: &Object) -> Cost {
        match object {
            Object::BigInt(bytes) | Object::Bytes(bytes) | Object::ByteArray(bytes) => copied(bytes.len()),
            // Up to four bytes for each character.
            Object::Text(text) => copied(text.len().saturating_mul(2)),
            Object::SurrogateText(bytes) => copied(bytes.len().saturating_mul(2)),
            Object::Tuple(items) | Object::List(items) => ITEM.times(items.len() as u64).and(OBJECT),
            Object::Dict(pairs) => self.table(Kind::Dict, pairs.iter().map(|&(key, _)| key)).and(OBJECT),
            Object::Set(items) | Object::FrozenSet(items) => {
                self.table(Kind::Set, items.iter().copied()).and(SET)
            }
            Object::Global(_) | Object::Extension(_) => OBJECT,
            Object::Instance(instance) => self.instance(instance),
        }
    }

    /// What it costs to make a table of keys.
    fn table(&mut self, kind: Kind, keys: impl ExactSizeIterator<Item = Value>) -> Cost {
        let count = keys.len() as u64;
        let Self { objects, hashing, most, .. } = self;
        let keys = keys.map(|key| (key, hashing.key(key)));
        let time = table::time(kind, keys, |one, other| same(*objects, one, other), *most);
        Cost::new(time, 0).and(ENTRY.times(count))
    }

    /// The same for the items of a container, which may be asked for again.
    fn table_of(&mut self, kind: Kind, container: Value) -> Cost {
        let Value::Object(id) = container else { return Cost::default() };
        if let Some(cost) = self.tables.get(&(id, kind)) {
            return *cost;
        }
        let cost = match self.objects.get(container) {
            // Pairs, where a dict is made of a list.
            Some(Object::List(items)) if kind == Kind::Dict => {
                let objects = self.objects;
                self.table(kind, items.iter().map(|&item| first(objects, item)))
            }
            Some(Object::List(items) | Object::Tuple(items)) => self.table(kind, items.iter().copied()),
            Some(Object::Dict(pairs)) => self.table(kind, pairs.iter().map(|&(key, _)| key)),
            _ => Cost::default(),
        };
        self.tables.insert((id, kind), cost);
        cost
    }
}

/// The key of a pair.
fn first(objects: Objects<'_>, pair: Value) -> Value {
    match objects.get(pair) {
        Some(Object::List(pair) | Object::Tuple(pair)) => pair.first().copied().unwrap_or(Value::None),
        _ => Value::None,
    }
}

/// Whether two keys of one hash are certainly equal.
fn same(objects: Objects<'_>, one: Value, other: Value) -> bool {
    one == other
        || match (objects.get(one), objects.get(other)) {
            (Some(Object::Text(one)), Some(Object::Text(other))) => one == other,
            (
                Some(Object::BigInt(one) | Object::Bytes(one)),
                Some(Object::BigInt(other) | Object::Bytes(other)),
            ) => one == other,
            (Some(Object::Tuple(one)), Some(Object::Tuple(other))) => {
                one.len() == other.len()
                    && one.iter().zip(other).all(|(&one, &other)| {
                        one == other
                            || objects.text(one).is_some_and(|text| Some(text) == objects.text(other))
                    })
            }
            _ => false,
        }
}

fn copied(bytes: usize) -> Cost {
    let bytes = bytes as u64;
    OBJECT.and(Cost::new(bytes, bytes.saturating_mul(2)))
}

/// What an instruction costs: in the slowest readers, which are written in Python.
const INSTRUCTION: Cost = Cost::new(1_000, 32);
/// One that looks up a name.
const IMPORT: Cost = Cost::new(5_000, 32);
/// What an object costs beside its instruction.
const OBJECT: Cost = Cost::new(100, 96);
/// An empty set.
const SET: Cost = Cost::new(100, 216);
/// An item of a tuple or list, which grows by an eighth.
const ITEM: Cost = Cost::new(10, 9);
/// An entry of a table, old and new while it grows.
const ENTRY: Cost = Cost::new(0, 160);
/// Digits times digits of a number that are read in a nanosecond.
const DIGITS: u64 = 64;
