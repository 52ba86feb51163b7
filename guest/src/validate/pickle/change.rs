use alloc::format;

use super::Objects;
use crate::pickle::Value;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// A class or a function is changed.
pub(super) static RULE: Rule = Rule::refused(
    "SR-PICKLE-CHANGE",
    "changes a class or a function",
    "A state handed to a class or a function changes it for the whole process that loads the \
     file, and so what other code does later.",
);

/// Reports an instruction that works on a class or a function.
pub(super) fn report(
    objects: Objects<'_>,
    target: Value,
    opcode: &str,
    offset: u64,
    part: &Part,
    scope: &mut Scope<'_>,
) {
    scope.find(&RULE, part, offset, format!("{opcode} changes {}", objects.describe(target)));
}
