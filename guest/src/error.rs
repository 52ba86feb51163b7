use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// A fact about bytes that stopped the work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Bytes from the start of the file.
    pub offset: u64,
    /// The part of the file: a record's name, or `zip directory`, `header`.
    pub part: String,
    /// What the format asks for there.
    pub expected: String,
    /// What is there.
    pub found: String,
}

/// A cap that was reached. Nothing is known about the rest of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excess {
    /// Bytes from the start of the file.
    pub offset: u64,
    /// The field of [`Limits`](crate::Limits) that caps it.
    pub limit: &'static str,
    /// Its value.
    pub allowed: u64,
}

/// A value the target format cannot hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// Where in the state dict.
    pub path: String,
    /// Why not.
    pub reason: String,
}

/// Why a machine stopped. The path of the file is the host's to add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The bytes contradict their format.
    Malformed(Fault),
    /// The bytes are legal, but of a kind this version does not handle.
    Unsupported(Fault),
    /// The file ends before what it promises.
    Truncated(Fault),
    /// A cap was reached.
    Limit(Excess),
    /// A writer was given what the format cannot hold.
    Unrepresentable(Vec<Unfit>),
    /// The caller broke the contract.
    Misuse(String),
}

impl Error {
    /// Bytes that contradict the format.
    pub fn malformed(
        offset: u64,
        part: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self::Malformed(Fault::new(offset, part, expected, found))
    }

    /// Legal bytes of a kind not handled.
    pub fn unsupported(
        offset: u64,
        part: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self::Unsupported(Fault::new(offset, part, expected, found))
    }

    /// A file that ends too early.
    pub fn truncated(
        offset: u64,
        part: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self::Truncated(Fault::new(offset, part, expected, found))
    }

    /// A cap that was reached at `offset`.
    pub fn limit(offset: u64, limit: &'static str, allowed: u64) -> Self {
        Self::Limit(Excess { offset, limit, allowed })
    }

    /// A caller that broke the contract.
    pub fn misuse(what: impl Into<String>) -> Self {
        Self::Misuse(what.into())
    }
}

impl Fault {
    fn new(
        offset: u64,
        part: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self { offset, part: part.into(), expected: expected.into(), found: found.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offset, part, expected, found } = self;
        write!(f, "{part}, offset {offset}: expected {expected}, found {found}")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(fault) => write!(f, "malformed: {fault}"),
            Self::Unsupported(fault) => write!(f, "unsupported: {fault}"),
            Self::Truncated(fault) => write!(f, "truncated: {fault}"),
            Self::Limit(Excess { offset, limit, allowed }) => {
                write!(f, "limit reached at offset {offset}: {limit} is {allowed}")
            }
            Self::Unrepresentable(unfit) => {
                write!(f, "{} values do not fit the format", unfit.len())?;
                unfit.iter().try_for_each(|u| write!(f, "\n  {}: {}", u.path, u.reason))
            }
            Self::Misuse(what) => write!(f, "misuse: {what}"),
        }
    }
}

impl core::error::Error for Error {}
