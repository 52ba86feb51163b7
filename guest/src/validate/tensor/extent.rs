use crate::validate::finding::Rule;

/// A tensor that lies beyond its storage.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-TENSOR-EXTENT",
    "a tensor beyond its storage",
    "Its elements would be read from memory that belongs to something else. PyTorch refuses the \
     file; readers that do not check crash, or show what they find there.",
);
