//! States that no generator has yet: what `get_state` and `state` give, and a program hands to
//! numpy. numpy takes lists and dicts of any class there, numbers and texts of any class in them,
//! and looks at no position.

use alloc::string::String;

use super::items::{Items, Name, name, sequence, shape};
use super::iterated::iterated;
use super::state::{Words, is_dead, is_dead_key, is_position, is_state};
use super::{LIES, TWISTER};
use crate::model::{Construct, Global};
use crate::pickle::{Instance, Object, Value};
use crate::validate::examine::{Part, Scope};
use crate::validate::pickle::Objects;

/// Reports the first value that numpy or Python takes for the state of a generator, and that is
/// none it can be in.
pub(in crate::validate::pickle) fn check(objects: Objects<'_>, part: &Part, scope: &mut Scope<'_>) {
    let mut items = Items::new(objects);
    for (id, object) in (0..).zip(objects.0) {
        if matches!(object, Object::Instance(instance) if is_part(objects, instance)) {
            continue;
        }
        let pairs = match object {
            Object::Dict(pairs) => items.of(pairs),
            Object::Instance(instance) => items.of_instance(instance),
            _ => Some(Default::default()),
        };
        let value = Value::Object(id);
        let flaw = python(objects, value).or_else(|| match (sequence(objects, value), pairs) {
            (Some(values), _) => listed(objects, values, !matches!(object, Object::List(_))),
            (None, Some(pairs)) => mapped(objects, &pairs),
            (None, None) => Some("a dict that has the keys of a generator's state again and again".into()),
        });
        if let Some(flaw) = flaw {
            return scope.find(&LIES, part, 0, flaw);
        }
    }
}

/// Whether an object is a part of a tensor, as most in a checkpoint are: none is a state by itself.
fn is_part(objects: Objects<'_>, instance: &Instance) -> bool {
    let is_torch = |class: &Global| class.module.starts_with("torch") && class.name != "Size";
    instance.construct == Construct::Persistent || objects.global(instance.callable).is_some_and(is_torch)
}

/// Python's `(3, (numbers…, position), …)`, from whatever gives three items. The numbers of its
/// version 2 are taken from whatever gives them, and a version is what equals one.
fn python(objects: Objects<'_>, value: Value) -> Option<String> {
    let items = iterated(objects, value, 3)?;
    let &[first, second, _] = items.as_slice() else { return None };
    // Of a dict it is not a key, but the item of 0.
    let is_version = match (first, sequence(objects, value)) {
        (Value::Int(2 | 3), _) => true,
        (Value::Float(bits), _) => [2.0, 3.0].contains(&f64::from_bits(bits)),
        (Value::Object(_), Some(_)) => objects.instance(first).is_some(),
        (_, None) => true,
        _ => false,
    };
    let words = is_version.then(|| iterated(objects, second, PYTHON))??;
    words.split_last().is_some_and(|(_, words)| is_dead(objects, words)).then(|| DEAD.into())
}

/// `('MT19937', key, position, …)`; and Python's numbers by themselves, which a program may put
/// into its state: those of version 3 are a tuple.
fn listed(objects: Objects<'_>, items: &[Value], is_tuple: bool) -> Option<String> {
    if is_tuple && items.len() == PYTHON {
        return items.split_last().is_some_and(|(_, words)| is_dead(objects, words)).then(|| DEAD.into());
    }
    let &[first, second, third, ..] = items else { return None };
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

/// A dict that names a bit generator, and what is inside one. `pairs` are those whose keys a state
/// may have.
fn mapped(objects: Objects<'_>, pairs: &[(Value, Value)]) -> Option<String> {
    let (mut generator, mut has_state) = (None, false);
    let (mut words, mut position) = (None, None);
    let mut is_plain = true;
    let is_generator = |found: &Name<'_>| GENERATORS.contains(&&*found.text);
    for &(key, value) in pairs {
        let Some(key) = name(objects, key) else { continue };
        match &*key.text {
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

/// Whether a value may be the words of a state: numpy takes the first 624 of whatever has so many, of
/// which each may be a row of one.
fn has_words(objects: Objects<'_>, value: Value) -> bool {
    let is_long = |size: &Value| match size {
        Value::Int(size) => usize::try_from(*size).is_ok_and(|size| size >= TWISTER),
        _ => true,
    };
    if let Some(items) = sequence(objects, value) {
        return items.len() >= TWISTER;
    }
    match shape(objects, value) {
        Some([first, rest @ ..]) => is_long(first) && rest.iter().all(|size| *size == Value::Int(1)),
        Some([]) => false,
        None => matches!(objects.get(value), Some(Object::Instance(_))),
    }
}

/// numpy's name of its Mersenne Twister.
const TWIST: &str = "MT19937";
/// The numbers of Python's generator, and its position.
const PYTHON: usize = TWISTER + 1;
const GENERATORS: &[&str] = &[TWIST, "PCG64", "PCG64DXSM", "Philox", "SFC64"];
const DEAD: &str = "a Mersenne Twister whose numbers are all zero: it draws for ever";
