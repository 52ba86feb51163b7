//! safetensors: what the reference (safetensors 0.8) refuses, and what it lets
//! pass although other readers may see something else.
//!
//! The header is walked by a tolerant lexer, so that all of its faults are
//! found and not only the first.

mod cover;
mod dtype;
mod duplicate;
mod entry;
mod examiner;
mod field;
mod json;
mod length;
mod lexer;
mod metadata;
mod name;
mod padding;
mod shard;
mod size;
mod walk;

pub(super) use examiner::child;

use super::finding::Rule;

/// The rules on safetensors.
pub(super) const RULES: &[&Rule] = &[
    &length::RULE,
    &length::ALIGNMENT,
    &json::RULE,
    &padding::RULE,
    &duplicate::RULE,
    &metadata::RULE,
    &shard::RULE,
    &name::RULE,
    &name::NUL,
    &entry::RULE,
    &field::RULE,
    &dtype::RULE,
    &size::RULE,
    &size::ODD,
    &cover::GAP,
    &cover::OVERLAP,
    &cover::BEYOND,
    &cover::TRAILING,
];
