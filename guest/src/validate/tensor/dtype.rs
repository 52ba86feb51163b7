use alloc::format;

use crate::show;
use crate::torch::{Surveyed, has_one_type};
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// One storage under two element types.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-TENSOR-DTYPES",
    "one storage under two element types",
    "PyTorch never writes this, and reads all of it as the type that comes first. Other readers \
     take each tensor at its word, and see other numbers.",
);

/// Reports storages that references give different classes.
pub(super) fn check(found: &Surveyed, part: &Part, scope: &mut Scope<'_>) {
    for storage in found.storages.iter().filter(|storage| has_one_type(storage.length, &storage.location)) {
        if let Some(other) = storage.other {
            let (key, first, other) = (show::name(&storage.key), storage.dtype.name(), other.name());
            scope.find(&RULE, part, storage.offset, format!("storage {key} is {first}, then {other}"));
        }
    }
}
