use super::finding::Rule;
use super::{file, pickle, zip};

/// Every rule, by subject.
pub const RULES: &[&[&Rule]] = &[file::RULES, pickle::RULES, zip::RULES];
