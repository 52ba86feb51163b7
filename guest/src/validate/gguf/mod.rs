//! GGUF, as llama.cpp and the Python package `gguf` read it: metadata, a table of tensors, and their
//! data in the order of the table.

mod data;
mod examiner;
mod metadata;
mod tensor;
mod types;

pub(super) use examiner::child;

use super::finding::Rule;

/// A header that promises what is not there.
static HEADER: Rule = Rule::malformed(
    "SR-GGUF-HEADER",
    "a GGUF header that is not as it says",
    "Readers allocate what the header says, and fail or read beyond the end. The file was cut, or \
     made to harm its reader: download it again from where it came.",
);

/// A version that is not judged.
static VERSION: Rule = Rule::unverified(
    "SR-GGUF-VERSION",
    "a version of GGUF that is not judged",
    "Versions 2 and 3 are, as little-endian machines write them. Convert the file with the tools of \
     llama.cpp, or ask for a newer one.",
);

/// Metadata that readers see differently.
static KEY: Rule = Rule::malformed(
    "SR-GGUF-KEY",
    "metadata that readers do not agree on",
    "Of two equal keys one reader takes the first and another the last; what is of no type that \
     there is, or a list in a list, some refuse.",
);

/// A tensor that no reader can make.
static TENSOR: Rule = Rule::malformed(
    "SR-GGUF-TENSOR",
    "a tensor that is none",
    "Readers compute the place and size of each tensor from the table and believe it. Most have had \
     faults here that a file could use.",
);

/// A type of numbers that is not known.
static TYPE: Rule = Rule::unverified(
    "SR-GGUF-TYPE",
    "a type of numbers that is not known",
    "How many bytes the tensor has is for the newest readers to say, so that nothing is proven of what \
     comes after it. A newer strongroom may know the type.",
);

/// Data that is elsewhere than the table says, or of nobody.
static DATA: Rule = Rule::malformed(
    "SR-GGUF-DATA",
    "data that is not where the tensors are",
    "Tensors lie one after another, in the order of the table, and fill the file. llama.cpp refuses \
     all else; other readers take bytes that belong to another tensor, or to nobody.",
);

/// Padding that is not zero.
static PADDING: Rule = Rule::malformed(
    "SR-GGUF-PADDING",
    "padding that is not zero",
    "No reader reads it and every writer fills it with zeros: somebody has put something there.",
);

/// The rules on GGUF.
pub(super) const RULES: &[&Rule] = &[&HEADER, &VERSION, &KEY, &TENSOR, &TYPE, &DATA, &PADDING];
