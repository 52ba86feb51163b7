use alloc::format;

use super::Objects;
use crate::pickle::{Object, Value, reached};
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// Objects that the result does not have.
pub(super) static RULE: Rule = Rule::warning(
    "SR-PICKLE-DISCARDED",
    "makes objects and throws them away",
    "Picklers write what is to be loaded and nothing else. The objects are allowed ones, so they \
     do no harm; they may carry data unseen.",
);

/// Reports calls whose result nobody gets.
pub(super) fn check(objects: Objects<'_>, root: Value, part: &Part, scope: &mut Scope<'_>) {
    let reached = reached(objects.0, root);
    let lost = objects.0.iter().zip(&reached).filter_map(|(object, &reached)| match object {
        Object::Instance(instance) if !reached => Some(instance.offset),
        _ => None,
    });
    let (mut count, mut first) = (0u64, None);
    for offset in lost {
        count += 1;
        first = first.or(Some(offset));
    }
    if let Some(first) = first {
        scope.find(&RULE, part, first, format!("{count} calls whose result is thrown away"));
    }
}
