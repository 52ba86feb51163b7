use alloc::format;

use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// A comment that a reader could take for something else.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-ZIP-COMMENT",
    "a comment that is no text",
    "No reader shows a comment, so it can carry anything unseen, and parts of another archive for \
     readers that search for one.",
);

/// A comment.
pub(super) static TEXT: Rule = Rule::warning(
    "SR-ZIP-COMMENT-TEXT",
    "a comment",
    "torch.save writes none. It changes nothing about what is loaded.",
);

/// Checks a comment of the archive or of a record.
pub(super) fn check(comment: &[u8], part: &Part, scope: &mut Scope<'_>) {
    if comment.is_empty() {
        return;
    }
    let text = core::str::from_utf8(comment).ok();
    let plain = |text: &str| !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
    let signed = comment.windows(4).any(|four| matches!(four, [b'P', b'K', 1..=8, 1..=8]));
    if text.is_some_and(plain) && !signed {
        scope.find(&TEXT, part, 0, format!("{} bytes of text", comment.len()));
    } else {
        let what = if signed { "with a zip signature in them" } else { "that are no text" };
        scope.find(&RULE, part, 0, format!("{} bytes {what}", comment.len()));
    }
}
