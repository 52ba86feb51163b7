use alloc::format;

use super::Objects;
use super::allowed::{Callable, Made, Means};
use super::attributes::{self, Flaw};
use super::members::ORDERED_DICT;
use crate::model::Construct;
use crate::pickle::{Instance, Object};
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// An object is handed a state it does not take.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-PICKLE-STATE",
    "hands an object a state it does not take",
    "PyTorch writes a state only for an OrderedDict's attributes, as a dict. Readers differ on \
     what another one does, and most refuse it.",
);

/// Reports a state that an object of its kind does not take.
pub(super) fn check(objects: Objects<'_>, instance: &Instance, part: &Part, scope: &mut Scope<'_>) {
    let Some(state) = instance.state else { return };
    let means = objects.means(instance.callable);
    if let Some(Means::Call(Callable { result: Made::OrderedDict, .. })) = means {
        attributes::check_hidden(objects, (state, ORDERED_DICT), instance, part, scope);
    }
    let flaw = match means {
        Some(Means::Call(callable)) if callable.result == Made::OrderedDict => match objects.get(state) {
            Some(Object::Dict(_)) => attributes::flaw(objects, state),
            _ => Some(Flaw::Odd("attributes are a dict".into())),
        },
        // What is wrong with one is for its own proof.
        Some(Means::Object(_) | Means::Maker) => None,
        Some(_) => Some(Flaw::Odd("it takes none".into())),
        None if instance.construct == Construct::Persistent => Some(Flaw::Odd("it takes none".into())),
        // What is not allowed is reported as such; of what is, anything goes.
        None => None,
    };
    let Some(flaw) = flaw else { return };
    let what = match instance.construct {
        Construct::Persistent => "a storage".into(),
        _ => format!("what {} returns", objects.callable(instance)),
    };
    let (rule, flaw) = match flaw {
        Flaw::Active(flaw) => (&attributes::RULE, flaw),
        Flaw::Odd(flaw) => (&RULE, flaw),
    };
    let message = format!("hands {what} the state {}: {flaw}", objects.describe(state));
    scope.find(rule, part, instance.offset, message);
}
