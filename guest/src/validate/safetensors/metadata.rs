use alloc::format;

use crate::show;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// Metadata that is no text.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-SAFETENSORS-METADATA",
    "metadata that is not an object of texts",
    "`__metadata__` maps texts to texts. The reference refuses other values; readers that take \
     them may do more with them than show them.",
);

/// Reports metadata that is no object.
pub(super) fn not_an_object(at: usize, header: &Part, scope: &mut Scope<'_>) {
    scope.find(&RULE, header, at as u64, "`__metadata__` is not an object");
}

/// Reports a value that is no text.
pub(super) fn not_a_text(key: &str, at: usize, header: &Part, scope: &mut Scope<'_>) {
    scope.find(&RULE, header, at as u64, format!("the value of {} is not a text", show::name(key)));
}
