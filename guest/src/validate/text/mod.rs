//! Texts: JSON, YAML, programs, prose. No reader of models opens one; some make a loader run code.

mod blocks;
mod decode;
mod examiner;
mod fields;
mod index;
mod json;
mod key;
mod look;
mod markup;
mod paths;
mod pipelines;
mod pointer;
mod prompts;
mod python;
mod servers;
mod settings;
mod source;
mod tags;
mod top;
mod trees;
mod words;
mod yaml;

pub(super) use examiner::child;

use super::finding::Rule;

/// The rules on texts.
pub(super) const RULES: &[&Rule] = &[&pointer::RULE, &index::RULE, &source::RULE, &settings::RULE];
