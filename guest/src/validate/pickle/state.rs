use alloc::format;
use alloc::string::String;

use super::Objects;
use super::allowed::{Made, Means};
use crate::model::Construct;
use crate::pickle::{Instance, Object, Value};
use crate::show;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// An object is handed a state that is more than data.
pub(super) static RULE: Rule = Rule::refused(
    "SR-PICKLE-STATE",
    "hands an object a state that is more than data",
    "A state can replace an object's class, its methods or a tensor's memory. PyTorch writes \
     one only for an OrderedDict's attributes.",
);

/// Reports a state that an object of its kind does not take.
pub(super) fn check(objects: Objects<'_>, instance: &Instance, part: &Part, scope: &mut Scope<'_>) {
    let Some(state) = instance.state else { return };
    let takes = match objects.means(instance.callable) {
        Some(Means::Call(callable)) if callable.result == Made::OrderedDict => {
            attributes_flaw(objects, state)
        }
        Some(_) => Some(String::from("it takes none")),
        None if instance.construct == Construct::Persistent => Some(String::from("it takes none")),
        None => None,
    };
    if let Some(flaw) = takes {
        let what = match instance.construct {
            Construct::Persistent => "a storage".into(),
            _ => format!("what {} returns", objects.callable(instance)),
        };
        let message = format!("hands {what} the state {}: {flaw}", objects.describe(state));
        scope.find(&RULE, part, instance.offset, message);
    }
}

/// Whether a state is attributes of a tensor, and all of them data.
pub(super) fn is_attributes(objects: Objects<'_>, state: Value) -> bool {
    match objects.tuple(state) {
        // Those in `__dict__` and those in slots.
        Some(&[dict, slots]) => {
            attributes_flaw(objects, dict).is_none() && attributes_flaw(objects, slots).is_none()
        }
        Some(_) => false,
        None => attributes_flaw(objects, state).is_none(),
    }
}

/// What is wrong with attributes, if anything.
fn attributes_flaw(objects: Objects<'_>, state: Value) -> Option<String> {
    let pairs = match objects.get(state) {
        None if state == Value::None => return None,
        Some(Object::Dict(pairs)) => pairs,
        _ => return Some("attributes are a dict".into()),
    };
    pairs.iter().find_map(|&(key, value)| {
        let Some(name) = objects.text(key) else { return Some("an attribute's name is a str".into()) };
        if name.starts_with("__") || ACTIVE.contains(&name) {
            return Some(format!("the attribute {} does more than hold data", show::name(name)));
        }
        let flaw = || format!("the attribute {} is {}", show::name(name), objects.describe(value));
        (!objects.is_data(value)).then(flaw)
    })
}

/// Attributes of a tensor that do something when they are set, or are functions
/// that it calls.
#[rustfmt::skip]
const ACTIVE: &[&str] = &[
    "_backward_hooks", "_grad", "_post_accumulate_grad_hooks", "data", "grad", "grad_dtype",
    "imag", "names", "real", "requires_grad",
];
