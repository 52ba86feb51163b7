//! numpy's `.npy`: a header that is a Python literal, and an array's bytes; or, for
//! arrays of objects, a pickle.

mod descr;
mod examiner;
mod header;
mod literal;
mod object;
mod parse;
mod size;
mod version;

pub(super) use examiner::child;

use super::finding::Rule;

/// The rules on numpy files.
pub(super) const RULES: &[&Rule] =
    &[&version::RULE, &header::RULE, &descr::RULE, &object::RULE, &size::RULE, &size::TRAILING];
