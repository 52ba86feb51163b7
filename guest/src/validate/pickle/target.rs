use alloc::format;

use super::allowed::{Made, Means};
use super::{Objects, change};
use crate::model::Construct;
use crate::pickle::{Object, Oddity, Value, opcode_name};
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// An instruction works on what it is not made for.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-PICKLE-TARGET",
    "an instruction works on a value it is not made for",
    "No pickler writes this. Readers differ on what it does, and most refuse the file.",
);

/// Reports an instruction that a strict reader refuses.
pub(super) fn check(objects: Objects<'_>, oddity: &Oddity, part: &Part, scope: &mut Scope<'_>) {
    let opcode = opcode_name(oddity.code).unwrap_or("an instruction");
    if oddity.idle && opcode == "SETITEMS" && oddity.target.is_some_and(|target| is_dict(objects, target)) {
        return;
    }
    match oddity.target.map(|target| (target, objects.get(target))) {
        Some((target, Some(Object::Global(_) | Object::Extension(_)))) => {
            change::report(objects, target, opcode, oddity.offset, part, scope);
        }
        Some((target, _)) => {
            let message = format!("{opcode} on {}: {}", objects.describe(target), oddity.message);
            scope.find(&RULE, part, oddity.offset, message);
        }
        None => scope.find(&RULE, part, oddity.offset, format!("{opcode}: {}", oddity.message)),
    }
}

/// Whether a call makes a dict, to which pickles may add nothing; or something
/// that is reported elsewhere, or allowed by the user.
fn is_dict(objects: Objects<'_>, target: Value) -> bool {
    let Some(instance) = objects.instance(target) else { return false };
    match objects.means(instance.callable) {
        Some(Means::Call(callable)) => matches!(callable.result, Made::Counts | Made::OrderedDict),
        Some(_) => false,
        None => instance.construct != Construct::Persistent,
    }
}
