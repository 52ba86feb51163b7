use std::borrow::Cow;
use std::fmt;

use serde::Serialize;

/// What a file is, told by its bytes: docs/validation.md lists the names.
///
/// ```
/// use strongroom::validate::Kind;
///
/// assert_eq!(Kind::TORCH_ZIP.name(), "torch-zip");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Kind(Cow<'static, str>);

impl Kind {
    /// A zip archive as `torch.save` writes it since torch 1.6.
    pub const TORCH_ZIP: Self = Self(Cow::Borrowed("torch-zip"));
    /// The stream `torch.save` wrote before.
    pub const TORCH_LEGACY: Self = Self(Cow::Borrowed("torch-legacy"));
    /// safetensors
    pub const SAFETENSORS: Self = Self(Cow::Borrowed("safetensors"));
    /// The metadata of a distributed checkpoint of PyTorch.
    pub const DCP_METADATA: Self = Self(Cow::Borrowed("dcp-metadata"));
    /// Items of one: archives, one after another.
    pub const DCP_ITEMS: Self = Self(Cow::Borrowed("dcp-items"));
    /// A directory with a file for each rank.
    pub const CHECKPOINT_DIRECTORY: Self = Self(Cow::Borrowed("checkpoint-directory"));
    /// Something else, or not to be read.
    pub const UNKNOWN: Self = Self(Cow::Borrowed("unknown"));

    /// Its name: `torch-zip`.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// The kind of this name, if it is one that a component may say.
    pub(crate) fn said(name: &str) -> Option<Self> {
        let fits = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        ((1..=32).contains(&name.len()) && name.bytes().all(fits)).then(|| Self(Cow::Owned(name.into())))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
