use alloc::format;

use crate::zip::Entry;
use crate::{Error, show};

/// A small record that `torch.save` writes. Most say how to read the others; the idle
/// ones say nothing that a reader needs, and are read to see that it is nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Note {
    /// `.data/version` or `version`
    Version,
    /// `byteorder`
    ByteOrder,
    /// `.storage_alignment`
    Alignment,
    /// `version` where `.data/version` counts; idle.
    OtherVersion,
    /// `.format_version`; idle.
    FormatVersion,
    /// `.data/serialization_id`; idle.
    SerializationId,
}

/// What a [`Note`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    /// A version this reader handles.
    Version,
    /// Whether numbers have their first byte in front.
    BigEndian(bool),
    /// What payloads' offsets are multiples of.
    Alignment(u32),
    /// What torch writes into an idle record.
    Idle,
    /// Something else: somebody's own.
    Odd,
}

impl Note {
    /// Whether nobody reads it.
    pub(super) fn is_idle(self) -> bool {
        matches!(self, Self::OtherVersion | Self::FormatVersion | Self::SerializationId)
    }

    /// Reads the note from its record's bytes.
    pub(super) fn read(self, entry: &Entry, bytes: &[u8]) -> Result<Fact, Error> {
        let at = entry.payload.offset;
        let malformed = |expected| Err(Error::malformed(at, &*entry.name, expected, show::bytes(bytes)));
        match self {
            Self::Version => match number(bytes) {
                Some(version) if VERSIONS.contains(&version) => Ok(Fact::Version),
                Some(version) => {
                    let expected = "a version from 1 to 10";
                    Err(Error::unsupported(at, &*entry.name, expected, format!("version {version}")))
                }
                None => malformed("a version number"),
            },
            Self::ByteOrder => match bytes {
                b"little" => Ok(Fact::BigEndian(false)),
                b"big" => Ok(Fact::BigEndian(true)),
                _ => malformed("`little` or `big`"),
            },
            Self::Alignment => match number(bytes) {
                Some(alignment) if alignment > 0 => Ok(Fact::Alignment(alignment)),
                _ => malformed("a positive number"),
            },
            Self::OtherVersion | Self::FormatVersion => Ok(idle(number(bytes).is_some())),
            Self::SerializationId => Ok(idle(bytes.len() == 40 && bytes.iter().all(u8::is_ascii_digit))),
        }
    }
}

fn idle(usual: bool) -> Fact {
    if usual { Fact::Idle } else { Fact::Odd }
}

/// No note is longer: more is not fetched.
pub(super) const LONGEST_NOTE: u64 = 64;

/// The versions torch 2.15 loads.
const VERSIONS: core::ops::RangeInclusive<u32> = 1..=10;

/// A decimal number, and perhaps a newline as `version` has it.
fn number(bytes: &[u8]) -> Option<u32> {
    let digits = bytes.trim_ascii_end();
    // `parse` would take a sign.
    let plain = digits.iter().all(u8::is_ascii_digit);
    core::str::from_utf8(digits).ok().filter(|_| plain)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use crate::step::Range;

    fn read(note: Note, bytes: &[u8]) -> Result<Fact, Error> {
        let payload = Range::new(100, bytes.len() as u64);
        let entry = Entry {
            name: "a/note".to_string(),
            header: 0,
            payload,
            size: payload.length,
            method: 0,
            crc32: 0,
            beside: 0,
        };
        note.read(&entry, bytes)
    }

    #[test]
    fn notes_say_what_torch_wrote() {
        assert_eq!(read(Note::Version, b"3\n"), Ok(Fact::Version));
        assert_eq!(read(Note::Version, b"10"), Ok(Fact::Version));
        assert_eq!(read(Note::ByteOrder, b"little"), Ok(Fact::BigEndian(false)));
        assert_eq!(read(Note::ByteOrder, b"big"), Ok(Fact::BigEndian(true)));
        assert_eq!(read(Note::Alignment, b"64"), Ok(Fact::Alignment(64)));
    }

    #[test]
    fn other_versions_are_unsupported() {
        for version in [&b"0\n"[..], b"11\n"] {
            assert!(matches!(read(Note::Version, version), Err(Error::Unsupported(_))));
        }
    }

    #[test]
    fn what_torch_does_not_write_into_an_idle_record_is_odd() {
        let id = &[b'7'; 40];
        for (note, bytes) in
            [(Note::OtherVersion, &b"3\n"[..]), (Note::FormatVersion, b"1"), (Note::SerializationId, id)]
        {
            assert_eq!(read(note, bytes), Ok(Fact::Idle));
            for bytes in [&b""[..], b"mine", b"-1"] {
                assert_eq!(read(note, bytes), Ok(Fact::Odd), "{note:?} {bytes:?}");
            }
        }
        assert_eq!(read(Note::SerializationId, &id[1..]), Ok(Fact::Odd));
    }

    #[test]
    fn nonsense_is_malformed() {
        for bytes in [&b""[..], b"\n", b"+3", b"-1", b"3a", b"\xff", b"99999999999", b" 3"] {
            assert!(matches!(read(Note::Version, bytes), Err(Error::Malformed(_))), "{bytes:?}");
            assert!(matches!(read(Note::Alignment, bytes), Err(Error::Malformed(_))), "{bytes:?}");
            assert!(matches!(read(Note::ByteOrder, bytes), Err(Error::Malformed(_))), "{bytes:?}");
        }
        assert!(matches!(read(Note::Alignment, b"0"), Err(Error::Malformed(_))));
        let message = read(Note::ByteOrder, b"middle").unwrap_err().to_string();
        let expected = "malformed: a/note, offset 100: expected `little` or `big`, found 6d 69 64 64 6c 65";
        assert_eq!(message, expected);
    }
}
