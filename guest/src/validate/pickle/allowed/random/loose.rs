//! States that no generator has yet: what `get_state` and `state` give, and a program hands to
//! numpy. numpy takes lists and dicts of any class there, numbers and texts of any class in them,
//! and looks at no position.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::state::{Words, is_dead, is_dead_key, is_position, is_state};
use super::{LIES, TWISTER, short};
use crate::pickle::{Instance, Object, Value};
use crate::validate::examine::{Part, Scope};
use crate::validate::pickle::Objects;
use crate::validate::pickle::allowed::{Made, Means};

/// Reports the first value that numpy or Python takes for the state of a generator, and that is
/// none it can be in.
pub(in crate::validate::pickle) fn check(objects: Objects<'_>, part: &Part, scope: &mut Scope<'_>) {
    for object in objects.0 {
        let flaw = match object {
            Object::Tuple(items) | Object::List(items) => listed(objects, items),
            Object::Dict(pairs) => mapped(objects, pairs),
            // A class that is a dict, in either way that there is to fill one.
            Object::Instance(instance) => {
                mapped(objects, &instance.pairs).or_else(|| mapped(objects, &given(objects, instance)))
            }
            _ => None,
        };
        if let Some(flaw) = flaw {
            return scope.find(&LIES, part, 0, flaw);
        }
    }
}

/// The items of an ordered dict that is made of a list of pairs. What else is made of one may be
/// made of the same again and again.
fn given(objects: Objects<'_>, instance: &Instance) -> Vec<(Value, Value)> {
    let is_ordered = matches!(objects.means(instance.callable), Some(Means::Call(callable)) if callable.result == Made::OrderedDict);
    let args = instance.args.filter(|_| is_ordered).and_then(|args| objects.tuple(args)).unwrap_or_default();
    let Some(Object::List(items)) = args.first().and_then(|&list| objects.get(list)) else {
        return Vec::new();
    };
    let pair = |&item: &Value| match objects.get(item) {
        Some(Object::List(pair) | Object::Tuple(pair)) => match pair.as_slice() {
            &[key, value] => Some((key, value)),
            _ => None,
        },
        _ => None,
    };
    items.iter().filter_map(pair).collect()
}

/// `('MT19937', key, position, …)`, and Python's `(3, (numbers…, position), …)`.
fn listed(objects: Objects<'_>, items: &[Value]) -> Option<String> {
    let &[first, second, third, ..] = items else { return None };
    if let (Value::Int(2 | 3), Some(Object::Tuple(words) | Object::List(words))) =
        (first, objects.get(second))
        && let Some((_, words)) = words.split_last()
        && words.len() == TWISTER
    {
        return is_dead(words).then(|| DEAD.into());
    }
    let name = name(objects, first).filter(|name| name.text == TWIST)?;
    // A list of names, or of a name and a seed.
    if objects.text(second).is_some() || matches!(second, Value::Int(_) | Value::Float(_)) {
        return None;
    }
    if !name.is_plain || !is_position(third) {
        return Some(at(objects, third));
    }
    if !Words::Any.are(objects, second, "u4", TWISTER) {
        return Some("a Mersenne Twister of other than 624 numbers".into());
    }
    is_dead_key(objects, second).then(|| DEAD.into())
}

/// A dict that names a bit generator, and what is inside one.
fn mapped(objects: Objects<'_>, pairs: &[(Value, Value)]) -> Option<String> {
    let (mut generator, mut has_state) = (None, false);
    let (mut words, mut position) = (None, None);
    let mut is_plain = true;
    let is_generator = |found: &Name| GENERATORS.contains(&found.text.as_str());
    for &(key, value) in pairs {
        let Some(key) = name(objects, key) else { continue };
        match key.text.as_str() {
            "bit_generator" => generator = generator.or(name(objects, value).filter(is_generator)),
            "state" => has_state = true,
            "key" if has_words(objects, value) => words = Some(value),
            // Any of several: a key of another class may come last.
            "pos" => position = position.filter(|&old| !is_position(old)).or(Some(value)),
            _ => continue,
        }
        is_plain &= key.is_plain;
    }
    if let Some(generator) = generator.filter(|_| has_state) {
        let fits = generator.is_plain && is_state(objects, pairs, &generator.text, Words::Any);
        return (!fits).then(|| alloc::format!("a state of {} that it cannot be in", generator.text));
    }
    let (words, position) = words.zip(position)?;
    if !is_plain || !is_position(position) {
        return Some(at(objects, position));
    }
    // Others are of no length that is known.
    let are = Words::Any.are(objects, words, "u4", TWISTER);
    (are && is_dead_key(objects, words)).then(|| DEAD.into())
}

fn at(objects: Objects<'_>, position: Value) -> String {
    match position {
        Value::Int(position) => alloc::format!("a Mersenne Twister at position {position} of 624"),
        _ => alloc::format!("a Mersenne Twister at {}", objects.describe(position)),
    }
}

/// Whether a value may be the words of a state: no text and no number.
fn has_words(objects: Objects<'_>, value: Value) -> bool {
    match objects.get(value) {
        Some(Object::List(items) | Object::Tuple(items)) => items.len() >= TWISTER,
        Some(Object::Instance(_)) => true,
        _ => false,
    }
}

/// A text, also of numpy's class of texts, which equals and hashes as a plain one.
struct Name {
    text: String,
    is_plain: bool,
}

fn name(objects: Objects<'_>, value: Value) -> Option<Name> {
    if let Some(text) = objects.text(value) {
        return (text.len() <= LONGEST).then(|| Name { text: text.to_string(), is_plain: true });
    }
    let (global, scalar) = objects.called(value)?;
    let (&[_, data], "scalar") = (objects.tuple(scalar.args?)?, global.name.as_str()) else { return None };
    // Four bytes for each character, in either order.
    let bytes = short(objects, data, LONGEST.saturating_mul(4))?;
    let letters = bytes.iter().filter(|&&byte| byte != 0).map(|&byte| char::from(byte));
    Some(Name { text: letters.collect(), is_plain: false })
}

/// numpy's name of its Mersenne Twister.
const TWIST: &str = "MT19937";
const GENERATORS: &[&str] = &[TWIST, "PCG64", "PCG64DXSM", "Philox", "SFC64"];
const DEAD: &str = "a Mersenne Twister whose numbers are all zero: it draws for ever";
/// Bytes of the longest name that matters.
const LONGEST: usize = 16;
