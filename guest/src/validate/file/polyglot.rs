use alloc::format;

use super::content::Content;
use super::unknown;
use crate::foreign;
use crate::foreign::Kind;
use crate::safetensors::MAX_HEADER;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;
use crate::validate::zip::Inflate;

/// A file that is of two kinds.
pub(in crate::validate) static RULE: Rule = Rule::malformed(
    "SR-FILE-POLYGLOT",
    "a file that is of two kinds at once",
    "Which of the two it is depends on who reads it. Such files are made to pass a check as one \
     kind and to be used as the other.",
);

/// Reports what the first bytes are to other readers.
pub(super) fn check_head(head: &[u8], content: Content, scope: &mut Scope<'_>) {
    let length = scope.length;
    let mut find = |at: u64, what: &str| {
        scope.find(&RULE, &Part::whole(), at, format!("it is {}, and also {what}", content.name()));
    };
    // The first bytes of a tar archive are a name, and can be any.
    if !matches!(content, Content::Foreign | Content::Tar)
        && let Some(what) = foreign::strong(head, length)
    {
        find(0, what.what);
    }
    if content != Content::Safetensors && is_safetensors(head, length) {
        find(0, "a safetensors header");
    }
    if content != Content::Foreign && is_zlib(head) {
        find(0, "a zlib stream, which joblib decompresses and unpickles");
    }
}

/// Reports a tar header at the start of another kind.
pub(super) fn tar(content: Content, scope: &mut Scope<'_>) {
    scope.find(&RULE, &Part::whole(), 0, format!("it is {}, and also a tar archive", content.name()));
}

/// Reports a message of protobuf that is an ONNX model.
pub(super) fn onnx(content: Content, scope: &mut Scope<'_>) {
    // Both would be said of the same bytes.
    let is_known = |id| id == unknown::RULE.id || id == unknown::FORMAT.id;
    let known = scope.report.findings.iter().any(|found| is_known(found.rule.id));
    if content == Content::Other {
        scope.kind(Kind::Onnx);
    }
    // It may be that and nothing else.
    if content == Content::Other && !known {
        scope.find(&unknown::FORMAT, &Part::whole(), 0, "an ONNX model: onnx.load takes it");
    } else if content != Content::Other {
        let message =
            format!("it is {}, and also an ONNX model, which onnx.load takes it for", content.name());
        scope.find(&RULE, &Part::whole(), 0, message);
    }
}

/// Reports the end of a zip archive.
pub(super) fn zip(at: u64, content: Content, scope: &mut Scope<'_>) {
    let message =
        format!("it is {}, and ends as a zip archive does, which readers of zip take it for", content.name());
    scope.find(&RULE, &Part::whole(), at, message);
}

/// Reports the start of an HDF5 file, which its readers look for at the powers of two.
pub(super) fn hdf5(at: u64, content: Content, scope: &mut Scope<'_>) {
    let message =
        format!("it is {}, and an HDF5 file starts here, which readers of that take it for", content.name());
    scope.find(&RULE, &Part::whole(), at, message);
}

/// Reports a PDF document inside, which readers of PDF find.
pub(super) fn pdf(at: u64, content: Content, scope: &mut Scope<'_>) {
    scope.find(&RULE, &Part::whole(), at, format!("it is {}, and also a PDF document", content.name()));
}

/// Whether joblib would decompress them, of what has no signature.
pub(super) fn is_compressed(head: &[u8]) -> bool {
    // joblib takes the 19 bytes behind `ZF` for a number as Python reads them: with blanks, `_`, a sign,
    // and with or without `0x`.
    let is_number = |byte: &u8| byte.is_ascii_hexdigit() || b"xX_+- \t\n\r\x0b\x0c".contains(byte);
    is_zlib(head) || head.strip_prefix(b"ZF").is_some_and(|rest| rest.iter().take(19).all(is_number))
}

/// Whether the first bytes decompress to anything, or go on as if they would. By chance some
/// headers begin like a stream.
pub(super) fn is_zlib(head: &[u8]) -> bool {
    let [0x78, flags, stream @ ..] = head else { return false };
    let (mut stream, is_header) = (stream, u16::from_be_bytes([0x78, *flags]).is_multiple_of(31));
    is_header && flags & NEEDS_DICTIONARY == 0 && Inflate::new().next(&mut stream).is_some()
}

const NEEDS_DICTIONARY: u8 = 0x20;

/// Whether the reference would go on to read a header.
fn is_safetensors(head: &[u8], length: u64) -> bool {
    let header = head.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
    let fits = header.is_some_and(|header| (2..=MAX_HEADER.min(length.saturating_sub(8))).contains(&header));
    fits && head.get(8..).is_some_and(|rest| rest.starts_with(b"{\"") || rest.starts_with(b"{}"))
}
