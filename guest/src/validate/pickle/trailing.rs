use alloc::format;

use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// Bytes after a pickle's end.
pub(in crate::validate) static RULE: Rule = Rule::malformed(
    "SR-PICKLE-TRAILING",
    "bytes after a pickle's end",
    "No reader of the pickle looks at them, so nothing says what they are: another pickle for \
     another reader, or data to be carried unseen.",
);

/// Reports `count` bytes after the end of a pickle of `length` bytes.
pub(in crate::validate) fn report(length: u64, count: u64, part: &Part, scope: &mut Scope<'_>) {
    scope.find(&RULE, part, length, format!("{count} bytes after STOP"));
}
