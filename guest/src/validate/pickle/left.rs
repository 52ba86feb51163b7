use alloc::format;

use crate::pickle::Trace;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// Values under the result when a pickle ends.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-PICKLE-LEFT",
    "values left on the stack at the end",
    "No pickler leaves any. Readers differ on whether that is an error, and nobody sees the values.",
);

/// Reports what is on the stack beside the result.
pub(super) fn check(trace: &Trace, part: &Part, scope: &mut Scope<'_>) {
    if trace.left > 0 || trace.marks > 0 {
        let message = format!("{} values and {} marks left on the stack at the end", trace.left, trace.marks);
        scope.find(&RULE, part, 0, message);
    }
}
