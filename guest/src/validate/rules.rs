use super::finding::Rule;
use super::{file, pickle, tensor};

/// Every rule, by subject.
pub const RULES: &[&[&Rule]] = &[file::RULES, pickle::RULES, tensor::RULES];
