use super::finding::Rule;
use super::{file, numpy, pickle, safetensors};

/// Every rule, by subject.
pub const RULES: &[&[&Rule]] = &[file::RULES, pickle::RULES, safetensors::RULES, numpy::RULES];
