use super::finding::Rule;
use super::{file, pickle};

/// Every rule, by subject.
pub const RULES: &[&[&Rule]] = &[file::RULES, pickle::RULES];
