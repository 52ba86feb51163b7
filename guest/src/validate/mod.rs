//! Judges whether a file is only data.
//!
//! [`Validating`] drives examiners, one for each kind of content, over a file and
//! over what lies inside it: an archive's members, a record inflated into memory.
//! An examiner asks for ranges like any machine here, and never fails: whatever
//! is wrong becomes a [`Finding`] under one of the [`RULES`], and the worst of
//! them is the [`Verdict`].
//!
//! A file is safe when every byte of it is accounted for and every instruction
//! in it only builds allow-listed data. There is no list of bad names.

mod budget;
mod dcp;
mod examine;
mod file;
mod finding;
mod gguf;
mod legacy;
mod level;
mod name;
mod numpy;
mod options;
mod pickle;
mod report;
mod rules;
mod safetensors;
mod template;
mod tensor;
#[cfg(test)]
mod tests;
mod text;
mod validating;
mod zip;

pub use crate::foreign::Kind;
pub use dcp::items::Item;
pub use dcp::matching::{Expectation, Expected, Root};
pub use finding::{Class, Finding, Rule, Severity, Verdict};
pub use level::Level;
pub use options::ValidateOptions;
pub use report::{Payload, Report};
pub use rules::RULES;
pub use validating::{Judging, Validating};
