use super::run::Dialect;
use crate::pickle::Trace;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// A text whose encoding its reader must be told.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-PICKLE-ENCODING",
    "a string of Python 2 that is not ASCII",
    "pickle.load takes such strings for ASCII and fails, unless it is told an encoding; with \
     another one it sees other texts. torch.load takes them for UTF-8.",
);

/// Reports the first such string of a pickle that torch does not load.
pub(super) fn check(trace: &Trace, dialect: Dialect, part: &Part, scope: &mut Scope<'_>) {
    if let (Dialect::Plain, Some(offset)) = (dialect, trace.python2_text) {
        scope.find(&RULE, part, offset, "a string that is UTF-8, and not ASCII");
    }
}
