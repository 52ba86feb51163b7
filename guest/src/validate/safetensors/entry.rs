use alloc::format;

use crate::show;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// An entry that describes no tensor.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-SAFETENSORS-ENTRY",
    "an entry that describes no tensor",
    "An entry is an object of `dtype` (a text), `shape` (whole numbers) and `data_offsets` (two \
     whole numbers). Readers refuse anything else, or guess.",
);

/// Reports what an entry lacks.
pub(super) fn report(name: &str, expected: &str, at: usize, header: &Part, scope: &mut Scope<'_>) {
    scope.find(&RULE, header, at as u64, format!("tensor {}: expected {expected}", show::name(name)));
}
