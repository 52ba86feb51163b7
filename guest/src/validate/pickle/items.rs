use alloc::format;

use super::allowed::{Made, Means};
use super::argument::is_count;
use super::{Objects, arguments, target};
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
    let count = instance.items.len().saturating_add(instance.pairs.len());
    if instance.construct == Construct::Persistent {
        return scope.find(&RULE, part, instance.offset, format!("sets {count} items on a storage"));
    }
    let rule = match objects.means(instance.callable) {
        Some(Means::Call(callable)) => match callable.result {
            Made::OrderedDict if instance.items.is_empty() => return,
            Made::Counts if instance.items.is_empty() => {
                match instance.pairs.iter().find(|&&(_, count)| !is_count(objects, count)) {
                    None => return,
                    Some(_) => &arguments::RULE,
                }
            }
            Made::Tensor | Made::Storage => &RULE,
            _ => &target::RULE,
        },
        // What is wrong with one is for its own proof.
        Some(Means::Object(_) | Means::Maker) => return,
        Some(_) => &RULE,
        // What is not allowed at all is reported as such; of what the user
        // allows, anything goes.
        None => return,
    };
    let message = format!("sets {count} items on what {} returns", objects.callable(instance));
    scope.find(rule, part, instance.offset, message);
}
