use alloc::format;

use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// Bytes after the last storage.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-LEGACY-TRAILING",
    "bytes after the last storage",
    "No reader of the stream looks at them, so nothing says what they are: another file for \
     another reader, or data to be carried unseen.",
);

/// Reports what lies beyond the stream's end.
pub(super) fn check(end: u64, scope: &mut Scope<'_>) {
    let left = scope.length.saturating_sub(end);
    if left > 0 {
        scope.find(&RULE, &Part::whole(), end, format!("{left} bytes after the last storage"));
    }
}
