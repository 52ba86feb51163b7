//! What Python hashes keys to, as far as a file can choose it.

use alloc::borrow::Cow;
use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;

use super::super::Objects;
use super::hashes::{Hashed, Keyed};
use crate::pickle::{Instance, Object, ObjectId, Value};

/// A key of a dict, an item of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::validate::pickle) struct Key {
    /// Equal where Python's hashes are, for all that a file can choose them. Those of texts and
    /// of objects nobody can choose, but for the empty text's.
    pub(super) hash: u64,
    /// The time to hash it or to compare it with its like, in nanoseconds.
    pub(super) time: u64,
    /// Whether nobody computes the hash here, and the file chooses it: it may be that of any other
    /// key, or one that leads the way of all of them.
    pub(super) is_chosen: bool,
}

/// The keys that values are, each looked at once.
pub(super) struct Hashing<'a> {
    objects: Objects<'a>,
    /// Lists that were changed after a call had taken them: what it saw is not known.
    changed: &'a BTreeSet<ObjectId>,
    /// Of objects, once they are known.
    known: Vec<Option<Key>>,
}

impl<'a> Hashing<'a> {
    pub(super) fn new(objects: Objects<'a>, changed: &'a BTreeSet<ObjectId>) -> Self {
        Self { objects, changed, known: vec![None; objects.0.len()] }
    }

    /// The key that a value is. Its own stack: a file says how deep tuples are.
    pub(super) fn key(&mut self, value: Value) -> Key {
        if let Some(key) = self.known(value) {
            return key;
        }
        let mut stack = vec![(value, false)];
        while let Some((value, ready)) = stack.pop() {
            let Some((composite, items)) = self.composite(value) else {
                // What is long is looked at once, too.
                if let Some(key) = self.plain(value) {
                    self.remember(value, key);
                }
                continue;
            };
            if ready {
                let items = items.iter().map(|&item| self.ready(item));
                let key = match composite {
                    Composite::Tuple => tuple(items),
                    Composite::Index => index(items),
                    Composite::Set => set(items),
                    Composite::Changed => Key { is_chosen: true, ..set(items) },
                };
                self.remember(value, key);
            } else if self.plain(value).is_none() {
                // Until it is known: a tuple may hold itself, through a list.
                self.remember(value, UNKNOWN);
                stack.push((value, true));
                stack.extend(items.iter().map(|&item| (item, false)));
            }
        }
        self.ready(value)
    }

    /// The key of a value whose parts are known.
    fn ready(&self, value: Value) -> Key {
        self.plain(value).unwrap_or(UNKNOWN)
    }

    /// The key of a value that has no parts, or is known already.
    fn plain(&self, value: Value) -> Option<Key> {
        let id = match value {
            Value::Object(id) => id,
            value => return Some(plain(number(value).unwrap_or(NONE))),
        };
        let known = self.known(value);
        if known.is_some() || self.composite(value).is_some() {
            return known;
        }
        let sized = |hash, bytes: usize| Key { time: NUMBER.saturating_add(bytes as u64 / 4), ..plain(hash) };
        Some(match self.objects.get(value) {
            Some(Object::BigInt(bytes)) => sized(big(bytes), bytes.len().saturating_mul(4)),
            Some(Object::Text(text)) => sized(content(text.as_bytes()), text.len()),
            Some(Object::SurrogateText(bytes) | Object::Bytes(bytes)) => sized(content(bytes), bytes.len()),
            Some(Object::Instance(instance)) => self.instance(id, instance),
            _ => plain(mix(FNV, id.into())),
        })
    }

    /// What was remembered of an object.
    fn known(&self, value: Value) -> Option<Key> {
        let Value::Object(id) = value else { return None };
        usize::try_from(id).ok().and_then(|id| self.known.get(id)).copied().flatten()
    }

    /// What a call makes that has no parts: a complex number, encoded text, an object of the table,
    /// or something that is told by where it is.
    fn instance(&self, id: ObjectId, instance: &Instance) -> Key {
        let other = plain(mix(FNV, id.into()));
        if let Some((row, _, _)) = self.objects.row(instance) {
            return match row.keyed {
                Keyed::Place => other,
                Keyed::Never | Keyed::Index => UNKNOWN,
                Keyed::As(hashed) => match hashed(self.objects, instance) {
                    Hashed::As(key) => key,
                    Hashed::Chosen { time } => Key { time, ..UNKNOWN },
                    Hashed::Fails => UNKNOWN,
                },
            };
        }
        let (Some(global), Some(args)) =
            (self.objects.global(instance.callable), instance.args.and_then(|args| self.objects.tuple(args)))
        else {
            return other;
        };
        match (global.module.as_str(), global.name.as_str(), args) {
            ("builtins", "complex", &[real, imaginary]) => {
                // Both are floats by then.
                let part = |value| match value {
                    Value::Int(int) => float(rounded(int).to_bits()),
                    value => number(value).unwrap_or(0),
                };
                let hash = part(real).wrapping_add(part(imaginary).wrapping_mul(1_000_003));
                plain(valid(hash))
            }
            ("_codecs", "encode", &[text, ..]) => self.plain(text).unwrap_or(UNKNOWN),
            _ => other,
        }
    }

    /// The parts that a value's hash is made of.
    fn composite(&self, value: Value) -> Option<(Composite, Cow<'a, [Value]>)> {
        let (composite, items) = match self.objects.get(value)? {
            Object::Instance(instance) if self.is_index(instance) => {
                return Some((Composite::Index, Cow::Owned(self.index_parts(instance))));
            }
            _ => self.borrowed(value)?,
        };
        Some((composite, Cow::Borrowed(items)))
    }

    /// Whether it is a key of `.metadata` of a distributed checkpoint.
    fn is_index(&self, instance: &Instance) -> bool {
        self.objects.row(instance).is_some_and(|(row, _, _)| row.keyed == Keyed::Index)
    }

    /// The name and the offsets of one: it is hashed as a tuple of both.
    fn index_parts(&self, instance: &Instance) -> Vec<Value> {
        let part = |name| match self.objects.get(instance.state?)? {
            Object::Dict(pairs) => pairs
                .iter()
                .rev()
                .find(|(key, _)| self.objects.text(*key) == Some(name))
                .map(|&(_, value)| value),
            _ => None,
        };
        vec![part("fqn").unwrap_or(Value::None), part("offset").unwrap_or(Value::None)]
    }

    /// The same for what keeps its parts in a row.
    fn borrowed(&self, value: Value) -> Option<(Composite, &'a [Value])> {
        match self.objects.get(value)? {
            Object::Tuple(items) => Some((Composite::Tuple, items)),
            Object::FrozenSet(items) => Some((Composite::Set, items)),
            Object::Instance(instance) => {
                let global = self.objects.global(instance.callable)?;
                let args = instance.args.and_then(|args| self.objects.tuple(args)).unwrap_or_default();
                let (composite, argument) = match (global.module.as_str(), global.name.as_str(), args) {
                    ("torch", "Size", &[tuple]) => (Composite::Tuple, tuple),
                    ("builtins", "frozenset", &[list]) => (Composite::Set, list),
                    ("builtins", "frozenset", []) => return Some((Composite::Set, &[])),
                    _ => return None,
                };
                match (self.objects.get(argument)?, argument) {
                    (Object::List(items), Value::Object(id)) if self.changed.contains(&id) => {
                        Some((Composite::Changed, items))
                    }
                    (Object::List(items) | Object::Tuple(items), _) => Some((composite, items)),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn remember(&mut self, value: Value, key: Key) {
        let Value::Object(id) = value else { return };
        if let Some(slot) = usize::try_from(id).ok().and_then(|id| self.known.get_mut(id)) {
            *slot = Some(key);
        }
    }
}

#[derive(Clone, Copy)]
enum Composite {
    Tuple,
    /// An object that is hashed by a function in Python, as a tuple.
    Index,
    Set,
    /// A set of what a list held at some time.
    Changed,
}

/// What cannot be told and a file may choose: the same as all others of the kind.
const UNKNOWN: Key = Key { hash: 0, time: NUMBER, is_chosen: true };

/// A key of what is hashed in no time.
pub(super) fn plain(hash: u64) -> Key {
    Key { hash, time: NUMBER, is_chosen: false }
}

/// The float that an int becomes.
#[expect(clippy::cast_precision_loss, reason = "Python rounds it in the same way")]
fn rounded(int: i64) -> f64 {
    int as f64
}

/// CPython's hash of a tuple, since 3.8.
pub(super) fn tuple(items: impl ExactSizeIterator<Item = Key>) -> Key {
    const PRIME1: u64 = 11_400_714_785_074_694_791;
    const PRIME2: u64 = 14_029_467_366_897_019_727;
    const PRIME5: u64 = 2_870_177_450_012_600_261;
    let (length, mut hash, mut time) = (items.len() as u64, PRIME5, NUMBER);
    let mut is_chosen = false;
    for item in items {
        is_chosen |= item.is_chosen;
        hash = hash.wrapping_add(item.hash.wrapping_mul(PRIME2)).rotate_left(31).wrapping_mul(PRIME1);
        time = time.saturating_add(item.time);
    }
    let hash = hash.wrapping_add(length ^ (PRIME5 ^ 3_527_539));
    Key { hash: if hash == u64::MAX { 1_546_275_796 } else { hash }, time, is_chosen }
}

/// The hash of a dataclass: that of its fields as a tuple, by way of two calls in Python.
fn index(items: impl ExactSizeIterator<Item = Key>) -> Key {
    let key = tuple(items);
    Key { time: key.time.saturating_add(CALLED), ..key }
}

/// CPython's hash of a frozenset.
fn set(items: impl ExactSizeIterator<Item = Key>) -> Key {
    let length = items.len();
    let mut hashes: Vec<u64> = Vec::with_capacity(length);
    let mut time = NUMBER;
    let mut is_chosen = false;
    for item in items {
        is_chosen |= item.is_chosen;
        hashes.push(item.hash);
        time = time.saturating_add(item.time.saturating_mul(2));
    }
    hashes.sort_unstable();
    hashes.dedup();
    // Whether items of one hash are one item, no hash tells.
    if hashes.len() < length {
        return Key { time, ..UNKNOWN };
    }
    let shuffled = |hash: u64| ((hash ^ 89_869_747) ^ (hash << 16)).wrapping_mul(3_644_798_167);
    let hash = hashes.iter().fold(0, |all, &hash| all ^ shuffled(hash));
    let hash = hash ^ (length as u64).wrapping_add(1).wrapping_mul(1_927_868_237);
    let hash = (hash ^ (hash >> 11) ^ (hash >> 25)).wrapping_mul(69_069).wrapping_add(907_133_923);
    Key { hash: if hash == u64::MAX { 590_923_713 } else { hash }, time, is_chosen }
}

/// CPython's hash of a number: numbers of one value have one.
pub(super) fn number(value: Value) -> Option<u64> {
    match value {
        Value::Bool(value) => Some(value.into()),
        Value::Int(value) => Some(signed(value.unsigned_abs() % PRIME, value < 0)),
        Value::Float(bits) => Some(float(bits)),
        Value::None | Value::Object(_) => None,
    }
}

/// Of a float: its value's remainder, where 2^61 is 1. Before 3.10 all NaN hash alike.
pub(super) fn float(bits: u64) -> u64 {
    let negative = bits >> 63 == 1;
    let exponent = (bits >> 52) & 0x7ff;
    let fraction = bits & ((1 << 52) - 1);
    if exponent == 0x7ff {
        return if fraction == 0 { signed(314_159, negative) } else { 0 };
    }
    // The value is `mantissa * 2^(power - 1074)`.
    let (mantissa, power) =
        if exponent == 0 { (fraction, 0) } else { (fraction | 1 << 52, exponent.saturating_sub(1)) };
    // 1074 is 37 more than 17 times 61.
    let turn = power.wrapping_add(61 - 37) % 61;
    let wide = u128::from(mantissa) << turn;
    signed(u64::try_from(wide % u128::from(PRIME)).unwrap_or_default(), negative)
}

/// Of an integer beyond 64 bits: its remainder, with its sign.
pub(super) fn big(bytes: &[u8]) -> u64 {
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let remainder = bytes.iter().rev().fold(0u64, |remainder, &byte| {
        let byte = if negative { !byte } else { byte };
        // Below 2^61 before, below 2^69 here.
        let wide = u128::from(remainder) << 8 | u128::from(byte);
        u64::try_from(wide % u128::from(PRIME)).unwrap_or_default()
    });
    // Two's complement: a negative number is one less than what its inverse says.
    signed(if negative { (remainder + 1) % PRIME } else { remainder }, negative)
}

pub(super) fn signed(remainder: u64, negative: bool) -> u64 {
    valid(if negative { remainder.wrapping_neg() } else { remainder })
}

/// A hash of -1 means an error in CPython: -1 hashes as -2 does.
pub(super) fn valid(hash: u64) -> u64 {
    if hash == u64::MAX { hash - 1 } else { hash }
}

/// Of what nobody can choose the hash of, but that nothing hashes to 0.
pub(super) fn content(bytes: &[u8]) -> u64 {
    if bytes.is_empty() {
        return 0;
    }
    bytes.iter().fold(FNV, |hash, &byte| mix(hash, byte.into()))
}

pub(super) fn mix(hash: u64, value: u64) -> u64 {
    (hash ^ value).wrapping_mul(0x0100_0000_01b3).rotate_left(29)
}

/// What CPython's integers are reduced by on 64-bit machines.
pub(super) const PRIME: u64 = (1 << 61) - 1;
pub(super) const FNV: u64 = 0xcbf2_9ce4_8422_2325;
/// None's, which is not that of a number.
pub(super) const NONE: u64 = 0xfca8_6420;
/// Nanoseconds to hash a number, or to step to an item of a tuple.
pub(super) const NUMBER: u64 = 20;
/// Nanoseconds of a method in Python that is called to hash or to compare.
const CALLED: u64 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_hash_as_in_cpython() {
        for (value, hash) in [
            (Value::Int(5), 5),
            (Value::Int(-5), -5),
            (Value::Int(-1), -2),
            (Value::Int(-2), -2),
            (Value::Int(i64::MAX), 3),
            (Value::Int(i64::MIN), -4),
            (Value::Int(2_305_843_009_213_693_951), 0),
            (Value::Bool(true), 1),
        ] {
            assert_eq!(number(value).map(u64::cast_signed), Some(hash), "{value:?}");
        }
        for (value, hash) in [
            (0.5, 1_152_921_504_606_846_976),
            (1.0, 1),
            (-1.0, -2),
            (f64::powi(2.0, 61), 1),
            (f64::powi(2.0, 122), 1),
            (1e300, 1_224_995_262_755_759_164),
            (f64::INFINITY, 314_159),
            (f64::NEG_INFINITY, -314_159),
            (0.1, 230_584_300_921_369_408),
            (-0.0, 0),
            (5e-324, 16_777_216),
        ] {
            assert_eq!(float(value.to_bits()).cast_signed(), hash, "{value:?}");
        }
        assert_eq!(big(&[0, 0, 0, 0, 0, 0, 0, 0, 1]), 8);
        assert_eq!(big(&[0, 0, 0, 0, 0, 0, 0, 0, 0xff]).cast_signed(), -8);
    }

    #[test]
    fn tuples_and_sets_hash_as_in_cpython() {
        let of = |make: fn(vec::IntoIter<Key>) -> Key, hashes: &[u64]| {
            make(hashes.iter().copied().map(plain).collect::<Vec<_>>().into_iter()).hash.cast_signed()
        };
        let minus_one = valid(u64::MAX);
        for (hashes, hash) in [
            (&[][..], 5_740_354_900_026_072_187),
            (&[1], -6_644_214_454_873_602_895),
            (&[1, 2], -3_550_055_125_485_641_917),
            (&[minus_one, minus_one], 960_947_337_673_586_213),
        ] {
            assert_eq!(of(tuple, hashes), hash, "{hashes:?}");
        }
        for (hashes, hash) in [
            (&[][..], 133_146_708_735_736),
            (&[1], -558_064_481_276_695_278),
            (&[1, 2, 3], -272_375_401_224_217_160),
            (&[133_146_708_735_736], -6_993_584_179_861_130_285),
            (&[minus_one, float(0.5f64.to_bits())], -201_126_909_462_601_672),
        ] {
            assert_eq!(of(set, hashes), hash, "{hashes:?}");
        }
    }
}
