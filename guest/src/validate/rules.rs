use super::finding::Rule;
use super::{file, legacy, pickle, tensor};

/// Every rule, by subject.
pub const RULES: &[&[&Rule]] = &[file::RULES, pickle::RULES, tensor::RULES, legacy::RULES];
