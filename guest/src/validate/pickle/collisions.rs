use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use super::Objects;
use crate::Excess;
use crate::pickle::{Instance, Object, Value};
use crate::validate::examine::{Part, Scope};
use crate::validate::file::limit;

/// Counts keys that Python hashes alike: each is compared with all that came
/// before it. A megabyte of multiples of 2^61 - 1, or of tuples of -1 and -2,
/// keeps a reader busy for hours.
pub(super) fn check(objects: Objects<'_>, part: &Part, scope: &mut Scope<'_>) {
    let mut hashes = Hashes { objects, known: vec![None; objects.0.len()] };
    let (mut comparisons, mut offset) = (0u64, 0);
    for object in objects.0 {
        let keys: Vec<Value> = match object {
            Object::Instance(instance) => {
                offset = instance.offset;
                let listed = set_items(objects, instance).iter().copied();
                instance.pairs.iter().map(|&(key, _)| key).chain(listed).collect()
            }
            Object::Dict(pairs) => pairs.iter().map(|&(key, _)| key).collect(),
            Object::Set(items) | Object::FrozenSet(items) => items.clone(),
            _ => continue,
        };
        comparisons = comparisons.saturating_add(hashes.comparisons(&keys));
    }
    let allowed = scope.options.limits.tree;
    if comparisons > allowed {
        limit::reached(&Excess { offset, limit: "tree", allowed }, part, scope);
    }
}

/// The items of the list that a call makes a set of.
fn set_items<'a>(objects: Objects<'a>, instance: &Instance) -> &'a [Value] {
    let set =
        objects.global(instance.callable).is_some_and(|global| matches!(&*global.name, "set" | "frozenset"));
    let args = instance.args.filter(|_| set).and_then(|args| objects.tuple(args)).unwrap_or_default();
    match args.first().and_then(|&list| objects.get(list)) {
        Some(Object::List(items)) => items,
        _ => &[],
    }
}

struct Hashes<'a> {
    objects: Objects<'a>,
    /// Of tuples, once they are known.
    known: Vec<Option<u64>>,
}

impl Hashes<'_> {
    /// How often keys are compared with others of the same hash. Texts are left
    /// out: nobody can choose what they hash to.
    fn comparisons(&mut self, keys: &[Value]) -> u64 {
        let mut counts: BTreeMap<u64, u64> = BTreeMap::new();
        let mut comparisons = 0u64;
        for &key in keys {
            let Some(hash) = self.chosen(key) else { continue };
            let before = counts.entry(hash).or_default();
            comparisons = comparisons.saturating_add(*before);
            *before = before.saturating_add(1);
        }
        comparisons
    }

    /// The hash of a key that a file can choose: an integer's, a tuple's.
    fn chosen(&mut self, key: Value) -> Option<u64> {
        match (key, self.objects.get(key)) {
            (Value::Int(_), _) | (_, Some(Object::BigInt(_) | Object::Tuple(_))) => Some(self.hash(key)),
            _ => None,
        }
    }

    /// A hash that two values share where Python's do. Its own stack: a file says
    /// how deep tuples are.
    fn hash(&mut self, value: Value) -> u64 {
        let mut stack = vec![(value, false)];
        while let Some((value, ready)) = stack.pop() {
            let Some(Object::Tuple(items)) = self.objects.get(value) else { continue };
            if ready {
                let hash = items.iter().fold(FNV, |hash, &item| mix(hash, self.plain(item)));
                self.remember(value, hash);
            } else if self.remembered(value).is_none() {
                // Until it is known: a tuple may hold itself, through a list.
                self.remember(value, 0);
                stack.push((value, true));
                stack.extend(items.iter().map(|&item| (item, false)));
            }
        }
        self.plain(value)
    }

    /// The hash of a value whose tuples have been looked at.
    fn plain(&self, value: Value) -> u64 {
        match value {
            Value::None => 1,
            Value::Bool(value) => u64::from(value),
            Value::Int(value) => signed(value.unsigned_abs() % PRIME, value < 0),
            Value::Float(bits) => mix(FNV, bits),
            Value::Object(id) => match self.objects.get(value) {
                Some(Object::BigInt(bytes)) => big(bytes),
                Some(Object::Text(text)) => text.bytes().fold(FNV, |hash, byte| mix(hash, byte.into())),
                Some(Object::Tuple(_)) => self.remembered(value).unwrap_or_default(),
                _ => mix(FNV, id.into()),
            },
        }
    }

    fn remembered(&self, value: Value) -> Option<u64> {
        let Value::Object(id) = value else { return None };
        *self.known.get(usize::try_from(id).ok()?)?
    }

    fn remember(&mut self, value: Value, hash: u64) {
        let Value::Object(id) = value else { return };
        if let Some(slot) = usize::try_from(id).ok().and_then(|id| self.known.get_mut(id)) {
            *slot = Some(hash);
        }
    }
}

/// CPython's hash of an integer beyond 64 bits: its remainder, with its sign.
fn big(bytes: &[u8]) -> u64 {
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

/// A hash of -1 means an error in CPython: -1 hashes as -2 does.
fn signed(remainder: u64, negative: bool) -> u64 {
    match (remainder, negative) {
        (1, true) => 2u64.wrapping_neg(),
        (remainder, true) => remainder.wrapping_neg(),
        (remainder, false) => remainder,
    }
}

fn mix(hash: u64, value: u64) -> u64 {
    (hash ^ value).wrapping_mul(0x0100_0000_01b3).rotate_left(29)
}

/// What CPython's integers are reduced by on 64-bit machines.
const PRIME: u64 = (1 << 61) - 1;
const FNV: u64 = 0xcbf2_9ce4_8422_2325;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_hash_as_in_cpython() {
        let int = |value: i64| Hashes { objects: Objects(&[]), known: Vec::new() }.plain(Value::Int(value));
        // As printed by CPython 3.11.
        for (value, hash) in
            [(5, 5), (-5, -5), (-1, -2), (-2, -2), (i64::MAX, 3), (i64::MIN, -4), (2305843009213693951, 0)]
        {
            assert_eq!(int(value).cast_signed(), hash, "{value}");
        }
        assert_eq!(big(&[0, 0, 0, 0, 0, 0, 0, 0, 1]), 8);
        assert_eq!(big(&[0, 0, 0, 0, 0, 0, 0, 0, 0xff]).cast_signed(), -8);
    }
}
