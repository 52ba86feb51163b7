use super::finding::Rule;
use super::{file, legacy, numpy, pickle, safetensors, tensor, zip};

/// Every rule, by subject.
pub const RULES: &[&[&Rule]] =
    &[file::RULES, pickle::RULES, tensor::RULES, zip::RULES, legacy::RULES, safetensors::RULES, numpy::RULES];
