//! Texts: JSON, YAML, programs, prose. No reader of models opens one; some make a loader run code.

mod decode;
mod examiner;
mod json;
mod pointer;
mod settings;
mod source;
mod words;
mod yaml;

pub(super) use examiner::child;

use super::finding::Rule;

/// The rules on texts.
pub(super) const RULES: &[&Rule] = &[&pointer::RULE, &source::RULE, &settings::RULE];
