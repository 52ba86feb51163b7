use super::finding::Rule;
use super::{file, numpy, pickle, safetensors, tensor, zip};

/// Every rule, by subject.
pub const RULES: &[&[&Rule]] =
    &[file::RULES, pickle::RULES, tensor::RULES, zip::RULES, safetensors::RULES, numpy::RULES];
