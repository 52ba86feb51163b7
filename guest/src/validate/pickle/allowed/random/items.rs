//! What stands for a dict or a tuple: numpy and Python take objects of more classes than one.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::{parts, short};
use crate::pickle::{Instance, Object, ObjectId, Value};
use crate::validate::pickle::Objects;
use crate::validate::pickle::allowed::{Made, Means};

/// A text, also of numpy's class of texts, which equals and hashes as a plain one.
pub(super) struct Name<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) is_plain: bool,
}

/// A short text.
pub(super) fn name<'a>(objects: Objects<'a>, value: Value) -> Option<Name<'a>> {
    if let Some(text) = objects.text(value) {
        return (text.len() <= LONGEST).then(|| Name { text: text.into(), is_plain: true });
    }
    // One of numpy's texts, or an array of one.
    let (global, made) = objects.called(value)?;
    let data = match (objects.tuple(made.args?)?, global.name.as_str()) {
        (&[_, data], "scalar") => data,
        _ => parts(objects, value)?.2,
    };
    // Four bytes for each character, in either order; objects are in a list.
    let data = match objects.get(data) {
        Some(Object::List(items)) => match items.as_slice() {
            &[item] => {
                return objects.text(item).map(|text| Name { text: text.into(), is_plain: false });
            }
            _ => return None,
        },
        _ => data,
    };
    let bytes = short(objects, data, LONGEST.saturating_mul(4))?;
    let letters = bytes.iter().filter(|&&byte| byte != 0).map(|&byte| char::from(byte));
    Some(Name { text: letters.collect::<String>().into(), is_plain: false })
}

/// The items of a tuple or list, or of the tuple that `torch.Size` is.
pub(super) fn sequence<'a>(objects: Objects<'a>, value: Value) -> Option<&'a [Value]> {
    match objects.get(value)? {
        Object::Tuple(items) | Object::List(items) => Some(items),
        Object::Instance(instance) => {
            let is_size = objects.global(instance.callable).is_some_and(|class| class.name == "Size");
            let args = instance.args.filter(|_| is_size).and_then(|args| objects.tuple(args))?;
            match objects.get(*args.first()?)? {
                Object::Tuple(items) | Object::List(items) => Some(items),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The sizes of an array of numpy, or of a tensor.
pub(super) fn shape(objects: Objects<'_>, value: Value) -> Option<&[Value]> {
    if let Some((shape, _, _)) = parts(objects, value) {
        return objects.tuple(shape);
    }
    let called = |value| {
        let (global, made) = objects.called(value)?;
        Some((global.name.as_str(), objects.tuple(made.args?)?))
    };
    let (name, args) = match called(value)? {
        ("_rebuild_parameter", &[tensor, ..]) => called(tensor)?,
        other => other,
    };
    match (name, args) {
        ("_rebuild_tensor" | "_rebuild_tensor_v2", &[_, _, size, ..]) => sequence(objects, size),
        _ => None,
    }
}

/// Items of dicts whose keys a state may have. Many may be made of one list or dict, which is gone
/// through once.
pub(super) struct Items<'a> {
    objects: Objects<'a>,
    given: BTreeMap<ObjectId, Vec<(Value, Value)>>,
}

impl<'a> Items<'a> {
    pub(super) fn new(objects: Objects<'a>) -> Self {
        Self { objects, given: BTreeMap::new() }
    }

    /// Those of a dict, or None of one with a key many times.
    pub(super) fn of(&mut self, pairs: &[(Value, Value)]) -> Option<Vec<(Value, Value)>> {
        kept(self.objects, pairs.iter().copied())
    }

    /// Those of an object of a class that is a dict: what it is made of, and what is set after that.
    pub(super) fn of_instance(&mut self, instance: &Instance) -> Option<Vec<(Value, Value)>> {
        let mut items = match given(self.objects, instance) {
            Some(Value::Object(id)) => match self.given.get(&id) {
                Some(items) => items.clone(),
                None => {
                    let items = kept(self.objects, pairs(self.objects, Value::Object(id)))?;
                    self.given.insert(id, items.clone());
                    items
                }
            },
            _ => Vec::new(),
        };
        items.extend(self.of(&instance.pairs)?);
        Some(items)
    }
}

/// All items of an object that is a dict, if they are no more than any state has.
pub(super) fn all(objects: Objects<'_>, dict: Value) -> Option<Vec<(Value, Value)>> {
    let own: &[_] = match objects.get(dict)? {
        Object::Dict(pairs) => pairs,
        Object::Instance(instance) => &instance.pairs,
        _ => return None,
    };
    let made = match objects.get(dict)? {
        Object::Instance(instance) => given(objects, instance),
        _ => None,
    };
    let made = made.into_iter().flat_map(|given| pairs(objects, given));
    let items: Vec<_> = made.chain(own.iter().copied()).take(MOST.saturating_add(1)).collect();
    (items.len() <= MOST).then_some(items)
}

/// The list or dict that a dict is made of.
pub(super) fn given(objects: Objects<'_>, instance: &Instance) -> Option<Value> {
    let is_dict = matches!(objects.means(instance.callable), Some(Means::Call(callable)) if matches!(callable.result, Made::Counts | Made::OrderedDict));
    instance.args.filter(|_| is_dict).and_then(|args| objects.tuple(args))?.first().copied()
}

/// The pairs of a dict, or of a list of pairs.
pub(super) fn pairs<'a>(objects: Objects<'a>, given: Value) -> impl Iterator<Item = (Value, Value)> + 'a {
    let (dict, list): (&[_], &[_]) = match objects.get(given) {
        Some(Object::Dict(pairs)) => (pairs, &[]),
        Some(Object::List(items)) => (&[], items),
        _ => (&[], &[]),
    };
    let pair = move |&item: &Value| match objects.get(item) {
        Some(Object::List(pair) | Object::Tuple(pair)) => match pair.as_slice() {
            &[key, value] => Some((key, value)),
            _ => None,
        },
        _ => None,
    };
    dict.iter().copied().chain(list.iter().filter_map(pair))
}

/// Those whose keys matter, or None if they are more than there are keys.
fn kept(objects: Objects<'_>, items: impl Iterator<Item = (Value, Value)>) -> Option<Vec<(Value, Value)>> {
    let matters = |key: Value| name(objects, key).is_some_and(|key| KEYS.contains(&&*key.text));
    let items: Vec<_> = items.filter(|(key, _)| matters(*key)).take(MOST.saturating_add(1)).collect();
    (items.len() <= MOST).then_some(items)
}

/// The keys of all states.
const KEYS: &[&str] = &[
    "bit_generator",
    "buffer",
    "buffer_pos",
    "counter",
    "gauss",
    "has_gauss",
    "has_uint32",
    "inc",
    "key",
    "pos",
    "state",
    "uinteger",
];
/// More items than a state has, as plain texts and as numpy's.
const MOST: usize = 32;
/// Bytes of the longest name that matters.
const LONGEST: usize = 16;
