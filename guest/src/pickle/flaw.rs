use alloc::format;
use alloc::string::String;

use crate::Error;

/// What is wrong with one instruction. The machine adds where it stands.
#[derive(Debug)]
pub(super) enum Flaw {
    /// The bytes contradict the format.
    Malformed(String, String),
    /// Legal, but not handled.
    Unsupported(String, String),
    /// The bytes end before what they say is there.
    Truncated(String, String),
    /// A cap was reached: its field of `Limits`, and its value.
    Limit(&'static str, u64),
}

impl Flaw {
    /// Bytes that contradict the format.
    pub(super) fn malformed(expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::Malformed(expected.into(), found.into())
    }

    /// Legal bytes of a kind not handled.
    pub(super) fn unsupported(expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::Unsupported(expected.into(), found.into())
    }

    /// The error: the flaw is in the instruction `opcode` at `offset` of `part`.
    pub(super) fn at(self, offset: u64, part: &str, opcode: Option<&str>) -> Error {
        let wanted = |expected: String| match opcode {
            Some(name) => format!("{expected} for {name}"),
            None => expected,
        };
        match self {
            Self::Malformed(expected, found) => Error::malformed(offset, part, wanted(expected), found),
            Self::Unsupported(expected, found) => Error::unsupported(offset, part, wanted(expected), found),
            Self::Truncated(expected, found) => Error::truncated(offset, part, wanted(expected), found),
            Self::Limit(limit, allowed) => Error::limit(offset, limit, allowed),
        }
    }
}
