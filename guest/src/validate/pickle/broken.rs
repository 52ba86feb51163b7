use alloc::format;

use super::Objects;
use super::run::Dialect;
use crate::pickle::Instance;
use crate::validate::examine::{Part, Scope};
use crate::validate::file::limit;
use crate::validate::finding::Rule;
use crate::{Error, Fault};

/// An instruction that no reader can carry out.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-PICKLE-BROKEN",
    "an instruction that cannot be carried out",
    "Loading fails here. All that came before has been done by then, which is how payloads hide \
     behind a break.",
);

/// A pickle without its end.
pub(super) static TRUNCATED: Rule = Rule::malformed(
    "SR-PICKLE-TRUNCATED",
    "a pickle that ends too early",
    "The file was cut, or its end is elsewhere. Loading fails after doing all that came before.",
);

/// Reports the error that ended a pickle.
pub(super) fn report(error: &Error, dialect: Dialect, part: &Part, scope: &mut Scope<'_>) {
    match error {
        Error::Malformed(fault) | Error::Unsupported(fault) => fault_at(&RULE, fault, part, scope),
        Error::Truncated(Fault { offset, expected, found, .. }) => {
            truncated(dialect, part, *offset, &format!("expected {expected}, found {found}"), scope);
        }
        Error::Limit(excess) => limit::reached(excess, part, scope),
        Error::Unrepresentable(_) | Error::Misuse(_) => scope.find(&RULE, part, 0, format!("{error}")),
    }
}

/// Reports a pickle that has not ended. In an archive it is a record, and the file goes on.
pub(super) fn truncated(dialect: Dialect, part: &Part, offset: u64, message: &str, scope: &mut Scope<'_>) {
    match dialect {
        Dialect::Torch => scope.find(&TRUNCATED, part, offset, message),
        Dialect::Legacy | Dialect::Plain => scope.find_cut(0, &TRUNCATED, part, offset, message),
    }
}

/// Reports a call of what nothing can call.
pub(super) fn uncallable(objects: Objects<'_>, instance: &Instance, part: &Part, scope: &mut Scope<'_>) {
    let message = format!("calls {}, which cannot be called", objects.callable(instance));
    scope.find(&RULE, part, instance.offset, message);
}

fn fault_at(rule: &'static Rule, fault: &Fault, part: &Part, scope: &mut Scope<'_>) {
    scope.find(rule, part, fault.offset, format!("expected {}, found {}", fault.expected, fault.found));
}
