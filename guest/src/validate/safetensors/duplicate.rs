use alloc::format;

use crate::show;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// A key that comes twice.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-SAFETENSORS-DUPLICATE",
    "a key that comes twice",
    "JSON readers disagree on which of the two counts, so two readers see two models. The \
     reference takes the last tensor of a name, and refuses a field that comes twice.",
);

/// Reports a key that came before, in what `of` says.
pub(super) fn report(key: &str, of: &str, at: usize, header: &Part, scope: &mut Scope<'_>) {
    scope.find(&RULE, header, at as u64, format!("{} comes twice in {of}", show::name(key)));
}
