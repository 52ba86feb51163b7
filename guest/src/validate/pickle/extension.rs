use alloc::format;

use crate::pickle::Object;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// A code of the extension registry.
pub(super) static RULE: Rule = Rule::refused(
    "SR-PICKLE-EXTENSION",
    "imports by a code of the extension registry",
    "What a code stands for is decided by the process that loads the file, so nobody can say what \
     it imports. No checkpoint needs one.",
);

/// Reports a code.
pub(super) fn check(object: &Object, part: &Part, offset: u64, scope: &mut Scope<'_>) {
    if let Object::Extension(code) = object {
        let message = format!("imports whatever copyreg has under the extension code {code}");
        scope.find(&RULE, part, offset, message);
    }
}
