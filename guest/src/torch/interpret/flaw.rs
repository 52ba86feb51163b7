use alloc::string::String;

use crate::Error;

/// Why an object has no meaning. The walk adds the part and the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// What kind of thing is wrong.
    pub(crate) about: About,
    /// What is wrong.
    pub(crate) error: Error,
}

/// What a [`Flaw`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// A persistent id of a storage.
    Storage,
    /// Offset, shape or strides of a tensor.
    Size,
    /// Where a tensor lies in its storage.
    Extent,
    /// The parts of a sparse tensor.
    Sparse,
    /// How a quantized tensor maps to reals.
    Quantizer,
    /// What wraps tensors and is given something else.
    Kind,
    /// Anything else.
    Other,
}

impl Flaw {
    /// A known call with nonsense inside.
    pub(super) fn new(
        about: About,
        offset: u64,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self { about, error: Error::malformed(offset, "", expected, found) }
    }

    pub(super) fn nonsense(offset: u64, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(About::Other, offset, expected, found)
    }

    pub(super) fn storage(offset: u64, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(About::Storage, offset, expected, found)
    }

    pub(super) fn size(offset: u64, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(About::Size, offset, expected, found)
    }

    pub(super) fn sparse(offset: u64, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(About::Sparse, offset, expected, found)
    }

    pub(super) fn quantizer(offset: u64, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(About::Quantizer, offset, expected, found)
    }
}

impl From<Error> for Flaw {
    fn from(error: Error) -> Self {
        Self { about: About::Other, error }
    }
}

impl From<Flaw> for Error {
    fn from(flaw: Flaw) -> Self {
        flaw.error
    }
}
