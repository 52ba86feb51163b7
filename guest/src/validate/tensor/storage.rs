use alloc::format;

use crate::show;
use crate::torch::Surveyed;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// A storage that its references contradict.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-TENSOR-STORAGE",
    "a storage that makes no sense",
    "Every reference to a storage says how long it is and where it was. If they disagree, or the \
     length has no place in memory, readers differ on which to believe.",
);

/// Reports keys of storages that are no name: they become names of records.
pub(super) fn check(found: &Surveyed, part: &Part, scope: &mut Scope<'_>) {
    for storage in &found.storages {
        let flaw = match storage.key.as_str() {
            "" => "is empty",
            key if key.chars().any(char::is_control) => "has control characters",
            key if key.starts_with('/') || key.split('/').any(|step| step == "..") => "is a path",
            _ => continue,
        };
        let message = format!("the storage key {} {flaw}", show::name(&storage.key));
        scope.find(&RULE, part, storage.offset, message);
    }
}
