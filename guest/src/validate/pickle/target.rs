use alloc::format;

use super::Objects;
use crate::pickle::{Object, Oddity, opcode_name};
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// A class or a function is changed.
pub(super) static CLASS: Rule = Rule::refused(
    "SR-PICKLE-CHANGE",
    "changes a class or a function",
    "A state handed to a class or a function changes it for the whole process that loads the \
     file, and so what other code does later.",
);

/// An instruction works on what it is not made for.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-PICKLE-TARGET",
    "an instruction works on a value it is not made for",
    "No pickler writes this. Readers differ on what it does, and most refuse the file.",
);

/// Reports an instruction that a strict reader refuses.
pub(super) fn check(objects: Objects<'_>, oddity: &Oddity, part: &Part, scope: &mut Scope<'_>) {
    let opcode = opcode_name(oddity.code).unwrap_or("an instruction");
    match oddity.target.map(|target| (target, objects.get(target))) {
        Some((target, Some(Object::Global(_) | Object::Extension(_)))) => {
            let message = format!("{opcode} changes {}", objects.describe(target));
            scope.find(&CLASS, part, oddity.offset, message);
        }
        Some((target, _)) => {
            let message = format!("{opcode} on {}: {}", objects.describe(target), oddity.message);
            scope.find(&RULE, part, oddity.offset, message);
        }
        None => scope.find(&RULE, part, oddity.offset, format!("{opcode}: {}", oddity.message)),
    }
}
