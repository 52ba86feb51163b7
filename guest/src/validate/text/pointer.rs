use crate::validate::finding::Rule;

/// A pointer instead of the file.
pub(super) static RULE: Rule = Rule::unverified(
    "SR-FILE-POINTER",
    "a pointer instead of the file",
    "The repository keeps large files elsewhere, and this one was not downloaded. Whatever it is was \
     not judged: download it, and validate it then.",
);
