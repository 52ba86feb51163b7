//! The headers of tar archives, as Python's `tarfile` takes them: `torch.load` asks it about
//! every file that is no zip archive.

use alloc::string::String;

/// Whether a block is a member's header.
pub(crate) fn is_header(block: &[u8]) -> bool {
    Header::new(block).is_some()
}

/// A member's header.
#[derive(Debug)]
pub(crate) struct Header {
    /// As far as it is UTF-8, and perhaps empty.
    pub(crate) name: String,
    /// Bytes of the member.
    pub(crate) size: u64,
}

impl Header {
    /// The header that a block is, if it is one: what counts for readers is its checksum.
    pub(crate) fn new(block: &[u8]) -> Option<Self> {
        let block = block.first_chunk::<LENGTH>()?;
        let checksum = number(block.get(CHECKSUM)?)?;
        let sum = |value: fn(u8) -> i128| -> i128 {
            let blank = |at: usize, byte: u8| if CHECKSUM.contains(&at) { b' ' } else { byte };
            block.iter().enumerate().map(|(at, byte)| value(blank(at, *byte))).sum()
        };
        // Old archivers added the bytes up as signed ones.
        let sums = [sum(i128::from), sum(|byte| i8::from_ne_bytes([byte]).into())];
        // Nothing but zeros is the end of an archive, and not the start of one.
        if !sums.contains(&checksum) || block.iter().all(|byte| *byte == 0) {
            return None;
        }
        let name = block.get(..100)?.split(|byte| *byte == 0).next()?;
        let size = number(block.get(124..136)?).unwrap_or(0);
        Some(Self {
            name: String::from_utf8_lossy(name).into_owned(),
            size: u64::try_from(size.max(0)).unwrap_or(u64::MAX),
        })
    }
}

/// A number: of base 256 where the first byte says so, else what Python's `int` makes of octal
/// digits: with blanks around them, a sign, `0o` in front and underscores between.
fn number(field: &[u8]) -> Option<i128> {
    if let Some((first @ (0x80 | 0xff), rest)) = field.split_first() {
        let value = rest.iter().fold(0i128, |value, byte| value << 8 | i128::from(*byte));
        let modulus = 1i128 << rest.len().saturating_mul(8).min(120);
        return Some(if *first == 0xff { value.saturating_sub(modulus) } else { value });
    }
    let text = field.split(|byte| *byte == 0).next()?;
    let blank = |byte: &u8| matches!(byte, b'\t'..=b'\r' | 0x1c..=0x1f | b' ');
    let start = text.iter().position(|byte| !blank(byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last.saturating_add(1));
    let (negative, digits) = match text.get(start..end)? {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let digits = match digits {
        [b'0', b'o' | b'O', digits @ ..] => digits,
        digits => digits,
    };
    let digit = |value: i128, byte: &u8| match byte {
        b'0'..=b'7' => Some(value << 3 | i128::from(byte - b'0')),
        b'_' => Some(value),
        _ => None,
    };
    let value = digits.iter().try_fold(0, digit)?;
    Some(if negative { -value } else { value })
}

/// Bytes of a header, to which data is filled up.
pub(crate) const BLOCK: u64 = LENGTH as u64;
const LENGTH: usize = 512;
/// Where the checksum is; it counts as spaces.
const CHECKSUM: core::ops::Range<usize> = 148..156;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_python_reads_them() {
        for (field, value) in [
            (&b"0000755\0"[..], Some(0o755)),
            (b" 755 \0junk", Some(0o755)),
            (b"0o755", Some(0o755)),
            (b"+0O_7_5_5", Some(0o755)),
            (b"-12", Some(-0o12)),
            (b"\x0b\x1c755\x1f\x0c", Some(0o755)),
            (b"", Some(0)),
            (b"   ", Some(0)),
            (b"789", None),
            (b"7 5", None),
            (b"\x80\0\x01\x02", Some(0x102)),
            (b"\xff\xff\xfe", Some(-2)),
        ] {
            assert_eq!(number(field), value, "{}", field.escape_ascii());
        }
    }

    #[test]
    fn a_header_needs_no_name() {
        let mut block = [0; LENGTH];
        block[500] = 7;
        block[148..154].copy_from_slice(b"0o407\0");
        let header = Header::new(&block).unwrap();
        assert_eq!((header.name.as_str(), header.size), ("", 0));
        block[148..154].copy_from_slice(b"0o408\0");
        assert!(Header::new(&block).is_none());
        assert!(Header::new(&[0; LENGTH]).is_none() && Header::new(&block[..511]).is_none());
    }
}
