use alloc::vec;
use alloc::vec::Vec;

use super::{polyglot, tar, unknown};
use crate::foreign::{self, is_text};
use crate::validate::examine::{Child, Scope};
use crate::validate::pickle::{Certainty, Hidden, bare};
use crate::validate::{numpy, safetensors, zip};

/// What a content is by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Nothing.
    Empty,
    Zip,
    Npy,
    Safetensors,
    Tar,
    /// A pickle that says so.
    Pickle,
    /// Something that is told apart but not judged.
    Foreign,
    /// Anything, also an old pickle.
    Other,
}

impl Content {
    /// Tells by the first bytes. The order is from what cannot be mistaken to what
    /// can: a safetensors header of 640 bytes starts like a pickle.
    pub(super) fn new(head: &[u8], length: u64) -> Self {
        match head {
            [] => Self::Empty,
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Self::Zip,
            _ if head.starts_with(foreign::NPY) => Self::Npy,
            _ if is_safetensors(head, length) => Self::Safetensors,
            [0x80, ..=5, ..] => Self::Pickle,
            _ if foreign::tar::is_header(head) => Self::Tar,
            _ if foreign::strong(head, length).is_some() || polyglot::is_zlib(head) => Self::Foreign,
            _ => Self::Other,
        }
    }

    /// How a message calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Zip => "a zip archive",
            Self::Npy => "a numpy file",
            Self::Safetensors => "a safetensors file",
            Self::Tar => "a tar archive",
            Self::Pickle => "a pickle",
            Self::Foreign | Self::Other => "a file of another kind",
        }
    }

    /// Whether the content could be found safe or inert, so that another reader's view of
    /// it matters however little it fits.
    pub(super) fn is_judged(self) -> bool {
        !matches!(self, Self::Empty | Self::Tar)
    }

    /// Who judges it.
    pub(super) fn children(self, scope: &Scope<'_>) -> Vec<Child> {
        match self {
            Self::Empty => vec![unknown::child(scope)],
            Self::Zip => vec![zip::child(scope)],
            Self::Npy => vec![numpy::child(scope)],
            // These can start so that a pickle's reader gets along with it.
            Self::Safetensors => vec![safetensors::child(scope), Hidden::same(scope)],
            Self::Tar => vec![tar::child(scope), Hidden::same(scope)],
            Self::Foreign => vec![unknown::child(scope), Hidden::same(scope)],
            Self::Pickle => vec![bare::child(Certainty::Certain, scope)],
            Self::Other => vec![bare::child(Certainty::Perhaps, scope)],
        }
    }
}

/// Whether the bytes are meant as safetensors: a header that fits, or what can
/// hardly be anything but a header in a file that was cut.
fn is_safetensors(head: &[u8], length: u64) -> bool {
    let Some(header) = head.first_chunk().map(|bytes| u64::from_le_bytes(*bytes)) else { return false };
    let json = head.get(8..).unwrap_or_default();
    let fits = header <= length.saturating_sub(8);
    let text = || json.iter().zip(0..header).all(|(byte, _)| is_text(*byte));
    match json.trim_ascii_start() {
        [] => header == 0 && length == 8,
        // Eight characters are no length but the start of a JSON text: `{"data":{"…`.
        [b'{', b'"', ..] if json.starts_with(b"{") => !head.iter().take(8).all(|byte| is_text(*byte)),
        [b'{', ..] => fits,
        // No header starts like this, but some would be taken for one.
        [b'[', ..] | [0xef, 0xbb, 0xbf, b'{', ..] => fits && text(),
        _ => false,
    }
}
