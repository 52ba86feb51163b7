//! Calls that are made for their effect: the result is thrown away.
//!
//! Python's pickler writes a state setter like that (`REDUCE POP`, with the object
//! under it on the stack), dill and cloudpickle write more of the kind. Such a call
//! belongs to the object it is made on top of. What belongs nowhere is lost to whoever
//! reads the result only: such a pickle is not written again.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::drops::{Drops, Replaced};
use super::{Instance, Object, ObjectId, Value};
use crate::model::{Construct, Global};
use crate::show;

/// Something that a reader executes and no value leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Where in the file.
    pub(crate) offset: u64,
    /// What it is.
    pub(crate) what: String,
}

/// Gives each instance the effects it has; finds what is made once more, and what is
/// lost. `imports` says where names were looked up.
pub(super) fn settle(
    objects: &mut [Object],
    root: Value,
    drops: &Drops,
    imports: &[(u64, ObjectId)],
) -> (BTreeSet<ObjectId>, Option<Lost>) {
    if drops.is_empty() {
        return (BTreeSet::new(), None);
    }
    let spared = spared(objects, drops);
    attach(objects, drops, &spared);
    let reached = reached(objects, root);
    let ids = || (0u32..).zip(objects.iter());
    let lost = |&(id, object): &(ObjectId, &Object)| {
        let reached = usize::try_from(id).ok().and_then(|id| reached.get(id)).copied();
        executes(object) && reached == Some(false) && !spared.contains(&id)
    };
    // A call says more than the import of what it calls.
    let call = ids().filter(|(_, object)| matches!(object, Object::Instance(_))).find(lost);
    let lost = call.or_else(|| ids().find(lost)).map(|(id, object)| {
        let (offset, found) = match object {
            Object::Instance(instance) => (instance.offset, call_of(objects, instance)),
            Object::Global(global) => (imported(imports, id), format!("an import of {}", named(global))),
            _ => (imported(imports, id), "an extension code".into()),
        };
        Lost { offset, what: found }
    });
    (spared, lost)
}

/// The objects that a value leads to.
pub(crate) fn reached(objects: &[Object], root: Value) -> Vec<bool> {
    let mut reached = vec![false; objects.len()];
    let mut stack = vec![root];
    while let Some(value) = stack.pop() {
        if let Some((object, slot)) = get(objects, value).zip(slot(&mut reached, value))
            && !core::mem::replace(slot, true)
        {
            object.references(|value| stack.push(value));
        }
    }
    reached
}

/// Gives each instance what was dropped on it and is or holds a call or an import that
/// is newer than it.
fn attach(objects: &mut [Object], drops: &Drops, spared: &BTreeSet<ObjectId>) {
    let mut seen = vec![false; objects.len()];
    for drop in &drops.all {
        let Some((on, since)) = drop.on else { continue };
        let value = Value::Object(drop.object);
        let instance = matches!(get(objects, Value::Object(on)), Some(Object::Instance(_)));
        if spared.contains(&drop.object) || !instance {
            continue;
        }
        if !news(objects, value, since, &mut seen) {
            continue;
        }
        if let Some(Object::Instance(instance)) = usize::try_from(on).ok().and_then(|on| objects.get_mut(on))
        {
            instance.effects.push(value);
        }
    }
}

/// Whether a value is or holds what a reader executes, made at a time or after. What
/// was looked at for an earlier value was made before.
fn news(objects: &[Object], value: Value, since: ObjectId, seen: &mut [bool]) -> bool {
    let mut stack = vec![value];
    let mut news = false;
    while let Some(value) = stack.pop() {
        if let Some((object, slot)) = get(objects, value).zip(slot(seen, value))
            && !core::mem::replace(slot, true)
        {
            news |= executes(object) && matches!(value, Value::Object(id) if id >= since);
            object.references(|value| stack.push(value));
        }
    }
    news
}

/// Whether a reader executes something for an object.
fn executes(object: &Object) -> bool {
    match object {
        Object::Instance(_) | Object::Global(_) | Object::Extension(_) => true,
        Object::BigInt(_)
        | Object::Text(_)
        | Object::SurrogateText(_)
        | Object::Bytes(_)
        | Object::ByteArray(_)
        | Object::Tuple(_)
        | Object::List(_)
        | Object::Dict(_)
        | Object::Set(_)
        | Object::FrozenSet(_) => false,
    }
}

/// The objects that are there once more, because a value leads back to itself: whoever
/// writes the value makes them again.
fn spared(objects: &[Object], drops: &Drops) -> BTreeSet<ObjectId> {
    let mut spared = BTreeSet::new();
    let mut pairs = Pairs { objects, budget: objects.len().saturating_mul(4) };
    for Replaced { values, by, since } in &drops.replaced {
        let same = match (values.as_slice(), get(objects, *by)) {
            // The one that is kept was made for the arguments of the other.
            (&[call], Some(Object::Instance(_))) => {
                let inside = matches!(*by, Value::Object(id) if since.is_some_and(|since| id >= since));
                if inside { pairs.equal(&[(call, *by)]) } else { None }
            }
            (values, Some(Object::Tuple(items) | Object::FrozenSet(items)))
                if values.len() == items.len() =>
            {
                let both: Vec<_> = values.iter().copied().zip(items.iter().copied()).collect();
                pairs.equal(&both)
            }
            _ => None,
        };
        let Some(same) = same else { continue };
        spared.extend(same);
        // Also what lay on the stack itself, be it the very same: whoever writes the value
        // drops it again.
        spared.extend(values.iter().filter_map(|value| match value {
            Value::Object(id) => Some(*id),
            _ => None,
        }));
    }
    spared
}

struct Pairs<'a> {
    objects: &'a [Object],
    /// Objects that may still be compared, for all values together.
    budget: usize,
}

impl Pairs<'_> {
    /// Whether the values of each pair are equal through all that they lead to: the
    /// same object, or alike. Answers with the first ones' objects that are others.
    fn equal(&mut self, pairs: &[(Value, Value)]) -> Option<BTreeSet<ObjectId>> {
        let mut met: BTreeMap<ObjectId, Value> = BTreeMap::new();
        let mut stack = pairs.to_vec();
        while let Some((one, other)) = stack.pop() {
            let (Value::Object(id), Value::Object(_)) = (one, other) else {
                if one != other {
                    return None;
                }
                continue;
            };
            if one == other {
                continue;
            }
            match met.get(&id) {
                Some(&known) if known == other => continue,
                Some(_) => return None,
                None => met.insert(id, other),
            };
            self.budget = self.budget.checked_sub(1)?;
            let (one, other) = (get(self.objects, one)?, get(self.objects, other)?);
            if !alike(one, other) {
                return None;
            }
            let (mut ones, mut others) = (Vec::new(), Vec::new());
            one.references(|value| ones.push(value));
            other.references(|value| others.push(value));
            if ones.len() != others.len() {
                return None;
            }
            self.budget = self.budget.checked_sub(ones.len())?;
            stack.extend(ones.into_iter().zip(others));
        }
        Some(met.into_keys().collect())
    }
}

/// Whether two objects are of one kind and hold as many of everything; plain ones, the
/// same.
fn alike(one: &Object, other: &Object) -> bool {
    match (one, other) {
        (Object::Tuple(one), Object::Tuple(other))
        | (Object::List(one), Object::List(other))
        | (Object::Set(one), Object::Set(other))
        | (Object::FrozenSet(one), Object::FrozenSet(other)) => one.len() == other.len(),
        (Object::Dict(one), Object::Dict(other)) => one.len() == other.len(),
        (Object::Instance(one), Object::Instance(other)) => {
            one.construct == other.construct
                && one.args.is_some() == other.args.is_some()
                && one.kwargs.is_some() == other.kwargs.is_some()
                && one.items.len() == other.items.len()
                && one.pairs.len() == other.pairs.len()
                && one.state.is_some() == other.state.is_some()
                && one.effects.len() == other.effects.len()
        }
        // Picklers make texts and long bytes once; hostile ones have them compared.
        (Object::Text(text), _) if text.len() > COMPARED => false,
        (
            Object::Bytes(bytes)
            | Object::ByteArray(bytes)
            | Object::BigInt(bytes)
            | Object::SurrogateText(bytes),
            _,
        ) if bytes.len() > COMPARED => false,
        (one, other) => one == other,
    }
}

/// Bytes of a plain object that are compared with another's.
const COMPARED: usize = 1024;

fn imported(imports: &[(u64, ObjectId)], id: ObjectId) -> u64 {
    imports.iter().find(|&&(_, of)| of == id).map_or(0, |&(offset, _)| offset)
}

pub(crate) fn named(global: &Global) -> String {
    show::name(&format!("{}.{}", global.module, global.name))
}

pub(crate) fn call_of(objects: &[Object], instance: &Instance) -> String {
    match get(objects, instance.callable) {
        _ if instance.construct == Construct::Persistent => "a persistent id".into(),
        Some(Object::Global(global)) => format!("a call of {}", named(global)),
        _ => "a call".into(),
    }
}

fn get(objects: &[Object], value: Value) -> Option<&Object> {
    match value {
        Value::Object(id) => objects.get(usize::try_from(id).ok()?),
        _ => None,
    }
}

fn slot(flags: &mut [bool], value: Value) -> Option<&mut bool> {
    match value {
        Value::Object(id) => flags.get_mut(usize::try_from(id).ok()?),
        _ => None,
    }
}
