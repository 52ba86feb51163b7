//! What bytes are that are no checkpoint, in the words that reading and validating
//! share.

mod archive;
pub(crate) mod crc32c;
mod kind;
mod media;
mod pickle;
mod signature;
pub(crate) mod tar;
mod text;

use alloc::string::String;

pub(crate) use archive::{Program, describe as describe_archive, program};
pub(crate) use media::{DS_STORE, MP3, is_mp3};
pub(crate) use pickle::{describe as describe_pickle, may_be as may_be_pickle};
pub(crate) use signature::{HDF5_START, NPY, describe, hdf5_places, strong};

pub(crate) use text::{OPENVINO, describe as describe_text, is_control};

use crate::{Error, show};
pub use kind::Kind;

/// What bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Described {
    pub(crate) kind: Kind,
    /// With its article, and what can be done.
    pub(crate) what: &'static str,
}

impl Described {
    const fn new(kind: Kind, what: &'static str) -> Self {
        Self { kind, what }
    }
}

/// Bytes from the start of a file that tell all that can be told: the signature of tar
/// is at 257, and that of HDF5 may be behind 4096 bytes of its user's.
pub(crate) const HEAD: u64 = 4096 + 8;

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
        Some(zeros) if head.iter().all(|byte| *byte == 0) => {
            Error::truncated(0, PART, CHECKPOINT, zeros.what)
        }
        Some(described) => unsupported(described.what),
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
    use alloc::vec;
    use alloc::vec::Vec;

    use super::{describe, may_be_pickle, may_be_safetensors};
    use crate::Limits;

    #[test]
    fn what_came_instead_of_a_file_is_named() {
        let cases: [(&[u8], &str); 24] = [
            (b"<!-- x --><html>", "an HTML page"),
            (b"\xef\xbb\xbf \n<HEAD><TITLE>", "an HTML page"),
            (b"<Html lang=en>", "an HTML page"),
            (b"<?xml version=\"1.0\"?>\n<Error><Code>NoSuchKey</Code>", "an error of the server"),
            (b"<Error><Code>AccessDenied</Code>", "an error of the server"),
            (b"<?xml version=\"1.0\"?><plist>", "an XML text"),
            (b"{\"error\":\"Repository not found\"}", "a JSON text, perhaps an error of the server"),
            (b"{\"model_type\": \"gpt\", \"error\": 1}", "a JSON text"),
            (b"{\n\"version\": 2,\n\"head_crc32\": 1", "a JSON text: the commit record of a checkpoint"),
            (b"{\n\"version\": 2,\n\"structure_crc32\": 1", "a JSON text: the record of a rank's file"),
            (b"Entry not found", "an error of the server"),
            (b"Invalid username or password.", "an error of the server"),
            (b"version https://git-lfs.github.com/spec/v1\noid", "a Git LFS pointer"),
            (b"version https://hawser.github.com/spec/v1\noid", "a Git LFS pointer"),
            (b"/annex/objects/SHA256E-s10--ab.pt\n", "a git-annex pointer"),
            (b"\x50\x2a\x4d\x18\x04\0\0\0abcd\x28\xb5\x2f\xfd", "a zstd archive"),
            (b"\x5f\x2a\x4d\x18", "a zstd archive"),
            (&user_block(512), "an HDF5 file"),
            (&user_block(1024), "an HDF5 file"),
            (&user_block(4096), "an HDF5 file"),
            (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
            (b"GGUF\x03\0\0\0", "a GGUF file: llama.cpp"),
            (b"\x1c\0\0\0TFL3", "a TFLite model"),
            (b"notes on a model", "a plain text"),
        ];
        for (head, what) in cases {
            let told = describe(head, head.len() as u64).map_or("", |described| described.what);
            assert!(told.starts_with(what), "{}: {told}", head.escape_ascii());
        }
    }

    fn user_block(length: usize) -> Vec<u8> {
        let mut head = vec![b' '; length];
        head.extend_from_slice(b"\x89HDF\r\n\x1a\n");
        head
    }

    #[test]
    fn a_pickle_without_a_protocol_is_one_all_the_same() {
        let limits = Limits::default();
        let may_be = |head: &[u8], length| may_be_pickle(head, length, &limits);
        for pickle in [&b"(lp0\nI1\naI2\na."[..], b"(dp0\nS'a'\np1\nI1\ns.", b"]q\0."] {
            assert!(may_be(pickle, pickle.len() as u64), "{}", pickle.escape_ascii());
        }
        // One that goes on behind the head.
        assert!(may_be(b"(lp0\nI1\na", 100));
        for text in [&b"N. B. this is a text"[..], b"(see below)", b"", b".", b"I agree"] {
            assert!(!may_be(text, text.len() as u64), "{}", text.escape_ascii());
        }
    }

    #[test]
    fn a_pickle_whose_ninth_byte_is_a_brace_is_no_header() {
        // {: (an int of eight bytes, the lowest of them 7b.
        assert!(!may_be_safetensors(b"\x80\x02}q\x00(\x8a\x08{\x11"));
        assert!(!may_be_safetensors(br#"{"data":{"a"#));
        // A header of 0x280 bytes begins as a pickle does, too.
        assert!(may_be_safetensors(b"\x80\x02\x00\x00\x00\x00\x00\x00{\"a"));
    }
}
