use alloc::string::String;
use alloc::vec::Vec;

use super::dcp::matching::Expected;
use crate::Limits;

/// How a file is judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValidateOptions {
    /// Classes and functions that may be imported and called besides, as
    /// `module.name`.
    pub allow: Vec<String>,
    /// The file's name, where it has one. It decides only on what it means that a content is no
    /// model: a text under a model's name is none that anybody should load.
    /// `.no_exist/` before it says that the file is where a hub's cache marks what is not there.
    pub name: Option<String>,
    /// What the metadata of a distributed checkpoint says of the file, by where it is in it, if the
    /// file is one that it names.
    pub expected: Option<Vec<Expected>>,
    /// Caps: what reaches one is [`Verdict::Unverified`](super::Verdict).
    pub limits: Limits,
}

impl ValidateOptions {
    /// Whether the user allows a class or function.
    pub(super) fn allows(&self, module: &str, name: &str) -> bool {
        let same = |allowed: &String| {
            allowed.strip_prefix(module).and_then(|rest| rest.strip_prefix('.')) == Some(name)
        };
        self.allow.iter().any(same)
    }
}
