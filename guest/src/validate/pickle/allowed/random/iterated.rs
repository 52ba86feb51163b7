//! What Python goes through of a value. numpy and Python take the numbers of a state from whatever
//! gives them.

use alloc::vec;
use alloc::vec::Vec;

use super::items::{given, pairs, sequence};
use super::{parts, short};
use crate::pickle::{Instance, Object, Value};
use crate::validate::pickle::Objects;

/// Its items, or its keys, if they are so many.
pub(super) fn iterated(objects: Objects<'_>, value: Value, count: usize) -> Option<Vec<Value>> {
    if let Some(Object::Instance(instance)) = objects.get(value)
        && sequence(objects, value).is_none()
    {
        return of_instance(objects, value, instance, count);
    }
    plain(objects, value, count)
}

/// The same of what is no call.
fn plain(objects: Objects<'_>, value: Value, count: usize) -> Option<Vec<Value>> {
    let fits = |items: &[Value]| (items.len() == count).then(|| items.to_vec());
    if let Some(items) = sequence(objects, value) {
        return fits(items);
    }
    match objects.get(value)? {
        Object::Dict(pairs) if pairs.len() == count => Some(keys(pairs)),
        Object::Set(items) | Object::FrozenSet(items) => fits(items),
        // Going through a text gives no numbers.
        Object::Text(_) => None,
        _ => numbers(objects, value, count),
    }
}

/// Going through bytes gives numbers.
fn numbers(objects: Objects<'_>, value: Value, count: usize) -> Option<Vec<Value>> {
    let bytes = short(objects, value, count).filter(|bytes| bytes.len() == count)?;
    Some(bytes.iter().map(|&byte| Value::Int(byte.into())).collect())
}

fn of_instance(objects: Objects<'_>, value: Value, instance: &Instance, count: usize) -> Option<Vec<Value>> {
    if let Some(Object::List(items)) = parts(objects, value).and_then(|(_, _, data)| objects.get(data)) {
        return (items.len() == count).then(|| items.clone());
    }
    let args = instance.args.and_then(|args| objects.tuple(args)).unwrap_or_default();
    if objects.global(instance.callable).is_some_and(|class| class.name == "range") {
        return range(objects, args, count);
    }
    let own = instance.items.len().saturating_add(instance.pairs.len());
    let missing = count.checked_sub(own)?;
    let mut items = match (given(objects, instance), args.first()) {
        (Some(dict), _) => {
            let keys: Vec<_> =
                pairs(objects, dict).map(|(key, _)| key).take(missing.saturating_add(1)).collect();
            (keys.len() == missing).then_some(keys)
        }
        // `bytearray('…', 'latin-1')`
        (None, Some(&text)) if args.len() > 1 => numbers(objects, text, missing),
        (None, Some(&first)) => plain(objects, first, missing),
        (None, None) => (missing == 0).then(Vec::new),
    }
    .or_else(|| numbers(objects, value, count))?;
    items.extend(instance.items.iter().copied().chain(keys(&instance.pairs)));
    Some(items)
}

/// The numbers of a range. What the pickle holds as large ones may be any.
fn range(objects: Objects<'_>, args: &[Value], count: usize) -> Option<Vec<Value>> {
    let large = |value: &Value| matches!(objects.get(*value), Some(Object::BigInt(_)));
    if args.iter().any(large) {
        return Some(vec![Value::Int(0); count]);
    }
    let &[Value::Int(start), Value::Int(stop), Value::Int(step)] = args else { return None };
    let mut numbers = Vec::new();
    let mut next = start;
    while (step > 0 && next < stop) || (step < 0 && next > stop) {
        numbers.push(Value::Int(next));
        next = next.saturating_add(step);
        if numbers.len() > count {
            return None;
        }
    }
    (numbers.len() == count).then_some(numbers)
}

fn keys(pairs: &[(Value, Value)]) -> Vec<Value> {
    pairs.iter().map(|&(key, _)| key).collect()
}
