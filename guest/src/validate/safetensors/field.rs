use alloc::format;

use crate::show;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// A field that the format does not have.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-SAFETENSORS-FIELD",
    "a field that the format does not have",
    "The reference passes over it, so it can hold anything; a reader that knows it sees another \
     tensor.",
);

/// Reports a field of a tensor's entry.
pub(super) fn report(name: &str, field: &str, at: usize, header: &Part, scope: &mut Scope<'_>) {
    let message = format!("tensor {}: unknown field {}", show::name(name), show::name(field));
    scope.find(&RULE, header, at as u64, message);
}
