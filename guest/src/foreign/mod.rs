//! What bytes are that are no checkpoint, in the words that reading and validating
//! share.

mod archive;
mod pickle;
mod signature;
pub(crate) mod tar;

use alloc::string::String;

pub(crate) use archive::{Program, describe as describe_archive, program};
pub(crate) use pickle::describe as describe_pickle;
pub(crate) use signature::{NPY, describe, strong};

use crate::{Error, show};

/// Bytes from the start of a file that tell all that can be told: the signature of tar
/// is at 257, and readers of PDF look at 1024.
pub(crate) const HEAD: u64 = 1024;

/// Whether the first bytes may be the length of a safetensors header and its brace.
/// Eight characters before it are no length but the start of a JSON text: `{"data":{"…`.
/// So is the start of a pickle, `80 02 7d 71 00 28 8a 08 7b`, unless it is that of a
/// length: no header has four gigabytes.
pub(crate) fn may_be_safetensors(head: &[u8]) -> bool {
    let is_pickle =
        matches!(head, [0x80, 2..=5, _, _, high @ ..] if high.iter().take(4).any(|byte| *byte > 0));
    head.get(8) == Some(&b'{') && !head.iter().take(8).all(|byte| is_text(*byte)) && !is_pickle
}

/// Whether a byte may be one of a text: those from f8 on are never in UTF-8.
pub(crate) fn is_text(byte: u8) -> bool {
    matches!(byte, b' '..=0xf7 | b'\t' | b'\n' | b'\r')
}

/// The error of a reader whose file is of none of its formats, given the first [`HEAD`]
/// bytes of it.
pub(crate) fn error(head: &[u8], length: u64) -> Error {
    if head.is_empty() {
        return Error::truncated(0, PART, CHECKPOINT, "nothing: the file is empty");
    }
    if tar::is_header(head) {
        return unsupported("a tar archive: unpack it and validate what is inside");
    }
    match describe(head, length) {
        Some(zeros) if head.iter().all(|byte| *byte == 0) => Error::truncated(0, PART, CHECKPOINT, zeros),
        Some(what) => unsupported(what),
        None => {
            let shown = head.get(..SHOWN.min(head.len())).unwrap_or_default();
            Error::malformed(0, PART, FORMATS, show::bytes(shown))
        }
    }
}

/// The error of a reader that was given something that is known, and no checkpoint.
pub(crate) fn unsupported(what: impl Into<String>) -> Error {
    Error::unsupported(0, PART, CHECKPOINT, what)
}

/// How a directory of torch.distributed.checkpoint becomes a file.
pub(crate) const DISTRIBUTED: &str = "`python -m torch.distributed.checkpoint.format_utils dcp_to_torch DIR FILE` makes a file of its directory";

const PART: &str = "file";
const CHECKPOINT: &str = "a PyTorch file, safetensors or a pickle";
const FORMATS: &str = "a torch zip (`PK 03 04`), a legacy torch stream, a safetensors header or a pickle";
/// Bytes that are shown.
const SHOWN: usize = 16;

#[cfg(test)]
mod tests {
    use super::may_be_safetensors;

    #[test]
    fn a_pickle_whose_ninth_byte_is_a_brace_is_no_header() {
        // {: (an int of eight bytes, the lowest of them 7b.
        assert!(!may_be_safetensors(b"\x80\x02}q\x00(\x8a\x08{\x11"));
        assert!(!may_be_safetensors(br#"{"data":{"a"#));
        // A header of 0x280 bytes begins as a pickle does, too.
        assert!(may_be_safetensors(b"\x80\x02\x00\x00\x00\x00\x00\x00{\"a"));
    }
}
