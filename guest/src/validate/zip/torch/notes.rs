use alloc::format;

use crate::show;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;
use crate::validate::zip::member::Member;

/// The small records say what torch.save says in them.
pub(in crate::validate::zip) static RULE: Rule = Rule::malformed(
    "SR-ZIP-NOTE",
    "a small record that does not say what torch.save writes, or is missing",
    "It says how to read the others. A reader that does not understand it fails, or guesses.",
);

/// The numbers of a file lie the other way round.
pub(in crate::validate::zip) static BYTE_ORDER: Rule = Rule::malformed(
    "SR-ZIP-BYTEORDER",
    "numbers in the byte order of few machines",
    "PyTorch before 2.1 does not look at this record and reads other numbers, and 2.15 crashes with \
     `map_location=\"meta\"`. `strongroom convert` writes the file with little-endian numbers.",
);

/// A small record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::validate::zip) enum Note {
    /// The version, at its place in two releases.
    Version,
    DataVersion,
    ByteOrder,
    Alignment,
    FormatVersion,
    SerializationId,
}

/// What the small records say.
#[derive(Debug, Default)]
pub(in crate::validate::zip) struct Notes {
    pub(in crate::validate::zip) big_endian: bool,
    /// Whether they promise that storages lie where torch would put them.
    promise: bool,
    alignment: Option<u32>,
    version: bool,
}

impl Note {
    pub(super) const ALL: [Self; 6] = [
        Self::Version,
        Self::DataVersion,
        Self::ByteOrder,
        Self::Alignment,
        Self::FormatVersion,
        Self::SerializationId,
    ];

    /// Its name in the archive.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::DataVersion => ".data/version",
            Self::ByteOrder => "byteorder",
            Self::Alignment => ".storage_alignment",
            Self::FormatVersion => ".format_version",
            Self::SerializationId => ".data/serialization_id",
        }
    }
}

impl Notes {
    /// The record is there; answers whether it is short enough to be read.
    pub(in crate::validate::zip) fn expect(
        &mut self,
        note: Note,
        member: &Member,
        scope: &mut Scope<'_>,
    ) -> bool {
        self.version |= matches!(note, Note::Version | Note::DataVersion);
        let short = member.size <= LONGEST && member.compressed <= LONGEST * 2;
        if !short {
            let message = format!("{} bytes, where a few are enough", member.size);
            scope.find(&RULE, &member.content(), 0, message);
        }
        short
    }

    /// Reads the record; answers whether it is as it should be.
    pub(in crate::validate::zip) fn read(
        &mut self,
        note: Note,
        bytes: &[u8],
        member: &Member,
        scope: &mut Scope<'_>,
    ) -> bool {
        let expected = match note {
            Note::Version | Note::DataVersion => {
                number(bytes).is_none_or(|version| !VERSIONS.contains(&version)).then_some("1 to 10")
            }
            Note::ByteOrder => {
                self.big_endian = bytes == b"big";
                if self.big_endian {
                    scope.find(&BYTE_ORDER, &member.content(), 0, "it is big-endian");
                }
                (!matches!(bytes, b"little" | b"big")).then_some("`little` or `big`")
            }
            Note::Alignment => {
                self.alignment = number(bytes);
                matches!(self.alignment, None | Some(0)).then_some("a positive number")
            }
            Note::FormatVersion => {
                // So compares torch.
                self.promise = bytes >= b"1";
                number(bytes).is_none().then_some("a number")
            }
            Note::SerializationId => {
                (bytes.len() != 40 || !bytes.iter().all(u8::is_ascii_digit)).then_some("40 digits")
            }
        };
        if let Some(expected) = expected {
            let message = format!("expected {expected}, found {}", show::bytes(bytes));
            scope.find(&RULE, &member.content(), 0, message);
        }
        expected.is_none()
    }

    /// The alignment by which storages can be found without looking, if that is promised.
    pub(in crate::validate::zip) fn promised(&self) -> Option<u32> {
        self.promise.then_some(self.alignment.unwrap_or(ALIGNMENT)).filter(|alignment| *alignment > 0)
    }

    /// All records are known: what must be there is.
    pub(in crate::validate::zip) fn conclude(&self, scope: &mut Scope<'_>) {
        if !self.version {
            scope.find(&RULE, &Part::whole(), 0, "no record `version`, without which torch.load fails");
        }
    }
}

/// A decimal number, and perhaps a newline as `version` has it.
fn number(bytes: &[u8]) -> Option<u32> {
    let digits = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    // `parse` would take a sign.
    let plain = digits.iter().all(u8::is_ascii_digit);
    core::str::from_utf8(digits).ok().filter(|_| plain)?.parse().ok()
}

/// What torch aligns to where nothing is said.
const ALIGNMENT: u32 = 64;

/// No note is longer: more is not read.
const LONGEST: u64 = 64;

/// The versions torch 2.15 loads.
const VERSIONS: core::ops::RangeInclusive<u32> = 1..=10;
