use crate::validate::finding::Rule;

/// Numbers that could not be looked at.
pub(super) static RULE: Rule = Rule::unverified(
    "SR-TENSOR-UNREAD",
    "numbers that must be looked at and are not there",
    "A sparse tensor's indices and a quantized tensor's scales decide what memory is read. Theirs \
     are not in the file as bytes that can be read, so nothing is proven about them.",
);
