use alloc::format;

use super::Objects;
use super::allowed::Means;
use super::run::Dialect;
use crate::model::Construct;
use crate::pickle::{Instance, Value};
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// A persistent id that names no storage.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-PICKLE-PERSISTENT",
    "a persistent id that names no storage",
    "Persistent ids are for whoever loads a file to interpret. PyTorch knows those of storages \
     and refuses others; a plain pickle has none.",
);

/// Reports a persistent id that is not that of a storage.
pub(super) fn check(
    objects: Objects<'_>,
    instance: &Instance,
    dialect: Dialect,
    part: &Part,
    scope: &mut Scope<'_>,
) {
    if instance.construct != Construct::Persistent {
        return;
    }
    let id = objects.describe(instance.callable);
    let is_storage = is_storage(objects, instance.callable, dialect);
    if dialect == Dialect::Plain && scope.depth == 0 && is_storage {
        // The `data.pkl` of an unpacked archive: its storages are in other files.
    } else if dialect == Dialect::Plain {
        scope.find(
            &RULE,
            part,
            instance.offset,
            format!("a persistent id, {id}, in a pickle that has no storages"),
        );
    } else if dialect == Dialect::Legacy && objects.module(instance).is_some() {
        // Reported with the source that it brings.
    } else if !is_storage {
        scope.find(&RULE, part, instance.offset, format!("the persistent id {id}, which names no storage"));
    }
}

/// `('storage', class, key, location, count)`, and in legacy streams a view or None.
/// `torch.load` takes no other number of them.
fn is_storage(objects: Objects<'_>, id: Value, dialect: Dialect) -> bool {
    let id = match (dialect, objects.tuple(id)) {
        (Dialect::Legacy, Some([id @ .., _])) => id,
        (_, Some(id)) => id,
        (_, None) => return false,
    };
    let &[tag, class, key, location, count] = id else { return false };
    objects.text(tag) == Some("storage")
        && matches!(objects.means(class), Some(Means::StorageClass))
        // It has no element type of its own, which readers ask it for.
        && objects.global(class).is_some_and(|class| class.name != "TypedStorage")
        && objects.text(key).is_some()
        && objects.text(location).is_some()
        && matches!(count, Value::Int(0..))
}
