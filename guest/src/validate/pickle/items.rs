use alloc::format;

use super::Objects;
use super::allowed::{Made, Means};
use crate::model::Construct;
use crate::pickle::Instance;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// Items are set on, or added to, something that is no container.
pub(super) static RULE: Rule = Rule::refused(
    "SR-PICKLE-ITEMS",
    "changes the items of an object that is no container",
    "Setting an item calls a method of the object. On a tensor it writes into memory that \
     other tensors may share, which older versions of PyTorch allowed.",
);

/// Reports items that an object of its kind does not take.
pub(super) fn check(objects: Objects<'_>, instance: &Instance, part: &Part, scope: &mut Scope<'_>) {
    if instance.items.is_empty() && instance.pairs.is_empty() {
        return;
    }
    let takes_pairs = match objects.means(instance.callable) {
        Some(Means::Call(callable)) => matches!(callable.result, Made::Dict | Made::OrderedDict),
        Some(_) => false,
        // What is not allowed at all is reported as such; of what the user
        // allows, anything goes.
        None if instance.construct != Construct::Persistent => return,
        None => false,
    };
    if !instance.items.is_empty() || !takes_pairs {
        let count = instance.items.len().saturating_add(instance.pairs.len());
        let what = match instance.construct {
            Construct::Persistent => "a storage".into(),
            _ => format!("what {} returns", objects.callable(instance)),
        };
        scope.find(&RULE, part, instance.offset, format!("sets {count} items on {what}"));
    }
}
