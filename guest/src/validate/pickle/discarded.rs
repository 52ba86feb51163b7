use alloc::collections::BTreeSet;
use alloc::format;

use super::Objects;
use crate::pickle::{Object, ObjectId, Value, reached};
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
/// What is made `again` is what the result has already: it leads back to itself.
pub(super) fn check(
    objects: Objects<'_>,
    root: Value,
    again: &BTreeSet<ObjectId>,
    part: &Part,
    scope: &mut Scope<'_>,
) {
    let reached = reached(objects.0, root);
    let lost = (0..).zip(objects.0).zip(&reached).filter_map(|((id, object), &reached)| match object {
        Object::Instance(instance) if !reached && !again.contains(&id) => Some(instance.offset),
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
