use alloc::format;

use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// A version that is not known.
pub(super) static RULE: Rule = Rule::unverified(
    "SR-NUMPY-VERSION",
    "a version of the format that is not known",
    "numpy writes the versions 1.0, 2.0 and 3.0, and refuses others.",
);

/// How a version writes its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Version {
    /// Bytes of the header's length.
    pub(super) length: u64,
    /// Whether the header is UTF-8; else Latin-1.
    pub(super) utf8: bool,
}

/// The version of this number.
pub(super) fn check(major: u8, minor: u8, scope: &mut Scope<'_>) -> Option<Version> {
    match (major, minor) {
        (1, 0) => Some(Version { length: 2, utf8: false }),
        (2, 0) => Some(Version { length: 4, utf8: false }),
        (3, 0) => Some(Version { length: 4, utf8: true }),
        _ => {
            scope.find(&RULE, &Part::whole(), 6, format!("version {major}.{minor}"));
            None
        }
    }
}
