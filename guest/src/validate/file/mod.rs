//! What a file is, and what can be said of it before anything is read.

mod content;
pub(super) mod cut;
pub(super) mod inert;
pub(super) mod limit;
mod onnx;
mod polyglot;
mod sentencepiece;
mod sniff;
mod tar;
mod tfevents;
pub(super) mod unknown;
mod zip_end;

pub(super) use sniff::Sniff;

use super::finding::Rule;

/// The rules on files as a whole.
pub(super) const RULES: &[&Rule] = &[
    &limit::RULE,
    &unknown::RULE,
    &unknown::FORMAT,
    &cut::RULE,
    &inert::RULE,
    &inert::NAME,
    &polyglot::RULE,
    &tar::RULE,
];
