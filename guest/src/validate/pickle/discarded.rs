use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use super::Objects;
use crate::pickle::{Object, Value};
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
    let reached = reached(objects, root);
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

/// Which objects the root leads to.
fn reached(objects: Objects<'_>, root: Value) -> Vec<bool> {
    let mut reached = vec![false; objects.0.len()];
    let mut stack = vec![root];
    while let Some(value) = stack.pop() {
        let Value::Object(id) = value else { continue };
        let slot = usize::try_from(id).ok().and_then(|id| reached.get_mut(id));
        let Some(slot) = slot.filter(|slot| !**slot) else { continue };
        *slot = true;
        match objects.get(value) {
            Some(
                Object::Tuple(items) | Object::List(items) | Object::Set(items) | Object::FrozenSet(items),
            ) => {
                stack.extend_from_slice(items);
            }
            Some(Object::Dict(pairs)) => stack.extend(pairs.iter().flat_map(|&(key, value)| [key, value])),
            Some(Object::Instance(instance)) => {
                stack.push(instance.callable);
                stack.extend(
                    instance
                        .args
                        .iter()
                        .chain(&instance.kwargs)
                        .chain(&instance.items)
                        .chain(&instance.state),
                );
                stack.extend(instance.pairs.iter().flat_map(|&(key, value)| [key, value]));
            }
            _ => {}
        }
    }
    reached
}
