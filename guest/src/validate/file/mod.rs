//! What a file is, and what can be said of it before anything is read.

pub(super) mod limit;
mod sniff;
pub(super) mod unknown;

pub(super) use sniff::Sniff;

use super::finding::Rule;

/// The rules on files as a whole.
pub(super) const RULES: &[&Rule] = &[&limit::RULE, &unknown::RULE];
