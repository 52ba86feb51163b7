use super::finding::Rule;
use super::{dcp, file, gguf, legacy, numpy, pickle, safetensors, template, tensor, text, zip};

/// Every rule, by subject.
pub const RULES: &[&[&Rule]] = &[
    file::RULES,
    text::RULES,
    template::RULES,
    pickle::RULES,
    tensor::RULES,
    zip::RULES,
    legacy::RULES,
    safetensors::RULES,
    gguf::RULES,
    numpy::RULES,
    dcp::RULES,
];
