use alloc::format;

use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// A comment.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-ZIP-COMMENT",
    "a comment in the archive",
    "PyTorch writes none and no reader shows one, so it can carry anything unseen, and parts of \
     another archive for readers that search for one. Zipping the records again without it mends that.",
);

/// Checks a comment of the archive or of a record.
pub(super) fn check(comment: &[u8], part: &Part, scope: &mut Scope<'_>) {
    if comment.is_empty() {
        return;
    }
    let signed = comment.windows(4).any(|four| matches!(four, [b'P', b'K', 1..=8, 1..=8]));
    let with = if signed { " with a zip signature in it" } else { "" };
    scope.find(&RULE, part, 0, format!("a comment of {} bytes{with}", comment.len()));
}
