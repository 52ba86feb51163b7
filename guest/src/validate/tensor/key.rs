use crate::validate::finding::Rule;

/// A key that Python cannot look up.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-TENSOR-KEY",
    "a key that cannot be one",
    "Lists, dicts and sets cannot be keys of a dict or items of a set: loading fails here.",
);
