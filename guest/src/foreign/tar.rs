//! The headers of tar archives.

use alloc::string::String;

/// Whether a block is a member's header.
pub(crate) fn is_header(block: &[u8]) -> bool {
    Header::new(block).is_some()
}

/// A member's header.
#[derive(Debug)]
pub(crate) struct Header {
    /// As far as it is UTF-8.
    pub(crate) name: String,
    /// Bytes of the member.
    pub(crate) size: u64,
}

impl Header {
    /// The header that a block is, if it is one: what counts for readers is its checksum.
    pub(crate) fn new(block: &[u8]) -> Option<Self> {
        let name = block.get(..100)?;
        let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
        let name = name.get(..end).filter(|name| !name.is_empty())?;
        let checksum = octal(block.get(CHECKSUM)?)?;
        let sum = |value: fn(u8) -> i64| -> i64 {
            let blank = |at: usize, byte: u8| if CHECKSUM.contains(&at) { b' ' } else { byte };
            block.iter().take(512).enumerate().map(|(at, byte)| value(blank(at, *byte))).sum()
        };
        // Old archivers added the bytes up as signed ones.
        let sums = [sum(i64::from), sum(|byte| i64::from(i8::from_ne_bytes([byte])))];
        if block.len() < 512 || !sums.iter().any(|sum| u64::try_from(*sum) == Ok(checksum)) {
            return None;
        }
        Some(Self { name: String::from_utf8_lossy(name).into_owned(), size: size(block.get(124..136)?)? })
    }
}

/// A member's size: octal digits, or since GNU tar a number of 11 bytes.
fn size(field: &[u8]) -> Option<u64> {
    match field {
        [0x80, high @ .., a, b, c, d, e, f, g, h] if high.iter().all(|byte| *byte == 0) => {
            Some(u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]))
        }
        _ => octal(field),
    }
}

fn octal(field: &[u8]) -> Option<u64> {
    let field = field.split(|byte| *byte == 0).next()?.trim_ascii();
    let text = core::str::from_utf8(field).ok()?;
    if text.is_empty() { Some(0) } else { u64::from_str_radix(text, 8).ok() }
}

/// Bytes of a header, to which data is filled up.
pub(crate) const BLOCK: u64 = 512;
/// Where the checksum is; it counts as spaces.
const CHECKSUM: core::ops::Range<usize> = 148..156;
