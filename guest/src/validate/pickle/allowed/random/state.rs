//! The states of numpy's bit generators, as dicts.

use super::items::{all, sequence};
use super::{TWISTER, is_number};
use crate::pickle::{Object, Value};
use crate::validate::pickle::Objects;
use crate::validate::pickle::allowed::numpy::{bytes_of, is_array};
use crate::validate::pickle::allowed::{Made, Means};

/// What the words of a state are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Words {
    /// Arrays, as numpy writes them.
    Arrays,
    /// Also lists and tensors: what a program made of the arrays, and hands to numpy again.
    Any,
}

impl Words {
    /// Whether a value is so many words of a kind. More than that numpy writes beyond a state's end.
    pub(super) fn are(self, objects: Objects<'_>, value: Value, kind: &str, length: usize) -> bool {
        if is_array(objects, value, kind, length) {
            return true;
        }
        self == Self::Any
            && match (sequence(objects, value), objects.get(value)) {
                (Some(items), _) => {
                    items.len() == length && items.iter().all(|&item| objects.is_natural(item, 8))
                }
                (None, Some(Object::Instance(instance))) => match objects.means(instance.callable) {
                    Some(Means::Call(callable)) => callable.result == Made::Tensor,
                    _ => ["i4", "i8", "u8"].iter().any(|kind| is_array(objects, value, kind, length)),
                },
                _ => false,
            }
    }
}

/// Whether a dict is the state of a bit generator of this name, and one that it can be in: others
/// never come to an end of drawing.
pub(super) fn is_state(objects: Objects<'_>, pairs: &[(Value, Value)], name: &str, words: Words) -> bool {
    let Some(outer) = objects.record(pairs, OUTER) else { return false };
    let item = |key| outer.get(key).copied();
    let items = |state| match (objects.get(state), words) {
        // Of those that numpy does not write itself it may be of a class that is a dict.
        (Some(Object::Instance(_)), Words::Arrays) => None,
        _ => all(objects, state),
    };
    let inner = item("state").and_then(items);
    let Some(inner) = inner.as_ref().and_then(|inner| objects.record(inner, INNER)) else { return false };
    let part = |key| inner.get(key).copied();
    let are = |value: Option<Value>, kind, length| {
        value.is_some_and(|value| words.are(objects, value, kind, length))
    };
    let large = |value: Option<Value>| value.is_some_and(|value| objects.is_natural(value, 16));
    let own = match name {
        "MT19937" => {
            are(part("key"), "u4", TWISTER)
                && !part("key").is_some_and(|key| is_dead_key(objects, key))
                && part("pos").is_some_and(is_position)
        }
        // An even increment is no such generator's: with 0 it gives 0 for ever.
        "PCG64" | "PCG64DXSM" => {
            large(part("state")) && large(part("inc")) && part("inc").is_some_and(|inc| is_odd(objects, inc))
        }
        "Philox" => {
            are(part("counter"), "u8", 4)
                && are(part("key"), "u8", 2)
                && are(item("buffer"), "u8", 4)
                && matches!(item("buffer_pos"), Some(Value::Int(0..=4)))
        }
        // It counts what it draws, and so comes out of any state.
        "SFC64" => are(part("state"), "u8", 4),
        _ => false,
    };
    let flag = |value: Option<Value>| matches!(value, None | Some(Value::Int(0 | 1)));
    // The Mersenne Twister has no half of a number left over; the others look theirs up.
    let leftover = name == "MT19937" || item("has_uint32").and(item("uinteger")).is_some();
    own && leftover
        && item("bit_generator").is_some_and(|text| objects.text(text) == Some(name))
        && flag(item("has_uint32"))
        && item("uinteger").is_none_or(is_number)
        && flag(item("has_gauss"))
        && matches!(item("gauss"), None | Some(Value::Float(_)))
}

fn is_odd(objects: Objects<'_>, value: Value) -> bool {
    match (value, objects.get(value)) {
        (Value::Int(value), _) => value & 1 == 1,
        (_, Some(Object::BigInt(digits))) => digits.first().is_some_and(|digit| digit & 1 == 1),
        _ => false,
    }
}

/// Whether a Mersenne Twister can be there: a plain number, 624 at most.
pub(super) fn is_position(position: Value) -> bool {
    matches!(position, Value::Int(position) if usize::try_from(position).is_ok_and(|at| at <= TWISTER))
}

/// Whether a Mersenne Twister of these words gives 0 for ever. Of the first, one bit counts. Some
/// readers take what is beyond 32 bits, and drop it.
pub(super) fn is_dead(objects: Objects<'_>, words: &[Value]) -> bool {
    let bits = |word: &Value| match (word, objects.get(*word)) {
        (Value::Int(word), _) => Some(word & 0xffff_ffff),
        (Value::Bool(word), _) => Some(i64::from(*word)),
        (_, Some(Object::BigInt(digits))) => {
            let low = digits.iter().take(4).rev();
            Some(low.fold(0, |all, digit| all << 8 | i64::from(*digit)))
        }
        _ => None,
    };
    let zero = |(at, word): (usize, &Value)| {
        bits(word).is_some_and(|bits| if at == 0 { bits & 0x8000_0000 == 0 } else { bits == 0 })
    };
    words.iter().enumerate().all(zero)
}

/// The same for its key as numpy has it. What a tensor holds is looked at with the tensors.
pub(super) fn is_dead_key(objects: Objects<'_>, key: Value) -> bool {
    if let Some(words) = sequence(objects, key) {
        return is_dead(objects, words);
    }
    let Some((bytes, is_big)) = bytes_of(objects, key) else { return false };
    let width = bytes.len().checked_div(TWISTER).unwrap_or_default();
    // The byte of the first word that has the bit.
    let top = if is_big { width.saturating_sub(4) } else { 3 };
    let zero = |(at, &byte): (usize, &u8)| match at {
        at if at == top => byte & 0x80 == 0,
        at if at < width => true,
        _ => byte == 0,
    };
    bytes.iter().enumerate().all(zero)
}

const OUTER: &[&str] =
    &["bit_generator", "buffer", "buffer_pos", "gauss", "has_gauss", "has_uint32", "state", "uinteger"];
const INNER: &[&str] = &["counter", "inc", "key", "pos", "state"];
