use alloc::format;
use alloc::string::String;

use crate::Error;
use crate::step::Range;
use crate::zip::records::{
    CENTRAL_ENTRY_BYTES, END_RECORD, END_RECORD_BYTES, EndRecord, ZIP64_END_BYTES, ZIP64_END_SIZE,
    ZIP64_LOCATOR_BYTES, Zip64End, Zip64Locator,
};

/// What the end of an archive says of its directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// Where the directory lies.
    pub(super) directory: Range,
    /// How many entries it has.
    pub(super) entries: u64,
    /// Bytes of the comment behind it.
    pub(super) comment: u64,
}

/// Bytes from the end of a file that surely hold its end records: they come
/// last, but for a comment of at most 65535 bytes.
pub(super) const TAIL: u64 = ZIP64_END_BYTES + ZIP64_LOCATOR_BYTES + END_RECORD_BYTES + u16::MAX as u64;

/// Finds the end record in the last bytes of a file, which start at `base`.
///
/// ```text
/// … directory | zip64 end | zip64 locator | end record | comment
///               '-------- optional -----'
/// ```
///
/// The bytes of a comment may look like an end record, so of all that reach the
/// end of the file the last one counts whose numbers fit its place.
pub(super) fn locate(tail: &[u8], base: u64) -> Result<End, Error> {
    let mut misfit = None;
    let fixed = usize::try_from(END_RECORD_BYTES).unwrap_or(usize::MAX);
    let windows = tail.windows(fixed).enumerate().rev();
    for (at, bytes) in windows.filter(|(_, bytes)| bytes.starts_with(&END_RECORD)) {
        let Some(record) = EndRecord::parse(bytes) else { continue };
        let place = Place { tail, base, at };
        match place.comment_fits(record).and_then(|()| place.end(record)) {
            Ok(end) => return Ok(end),
            // The last candidate is what a reader would blame.
            Err(error) => misfit = misfit.or(Some(error)),
        }
    }
    Err(misfit.unwrap_or_else(|| {
        let length = base.saturating_add(tail.len() as u64);
        Error::truncated(length, PART, "an end record (`PK 05 06`) before it", "none")
    }))
}

/// A candidate for the end record.
#[derive(Clone, Copy)]
struct Place<'a> {
    tail: &'a [u8],
    base: u64,
    /// Where it starts in `tail`.
    at: usize,
}

impl Place<'_> {
    fn offset(self) -> u64 {
        self.base.saturating_add(self.at as u64)
    }

    fn comment_fits(self, record: EndRecord) -> Result<(), Error> {
        let rest = (self.tail.len() as u64).saturating_sub(self.at as u64).saturating_sub(END_RECORD_BYTES);
        if rest == u64::from(record.comment) {
            return Ok(());
        }
        let expected = format!("a comment of {} bytes and then the end of the file", record.comment);
        Err(Error::malformed(self.offset(), PART, expected, format!("{rest} bytes")))
    }

    fn end(self, record: EndRecord) -> Result<End, Error> {
        let EndRecord { disk, directory_disk, entries_here, entries, .. } = record;
        if (disk, directory_disk) != (0, 0) || entries_here != entries {
            return Err(self.disks());
        }
        let (end, limit) = match self.zip64()? {
            Some((zip64, start)) => (self.agreed(record, zip64)?, start),
            None => (plain(record), self.offset()),
        };
        let Range { offset, length } = end.directory;
        if end.directory.end() != Some(limit) {
            let found = format!("{length} bytes at {offset}");
            return Err(self.malformed(format!("a directory that ends at {limit}"), found));
        }
        if end.entries.checked_mul(CENTRAL_ENTRY_BYTES).is_none_or(|least| least > length) {
            let found = format!("{} of them", end.entries);
            return Err(self.malformed(format!("no more entries than {length} bytes can hold"), found));
        }
        Ok(end)
    }

    /// The zip64 end record and where it starts, if a locator says there is one.
    fn zip64(self) -> Result<Option<(Zip64End, u64)>, Error> {
        let Some(locator) = self.before(ZIP64_LOCATOR_BYTES).and_then(Zip64Locator::parse) else {
            return Ok(None);
        };
        if locator.disk != 0 || locator.disks > 1 {
            return Err(self.disks());
        }
        let start = self.offset().checked_sub(ZIP64_LOCATOR_BYTES + ZIP64_END_BYTES);
        if let Some(first) = self.displaced(locator) {
            let found = format!("several, the last from byte {first} on, as in PyTorch's `.distcp` files");
            return Err(Error::unsupported(self.offset(), PART, "one archive in the file", found));
        }
        let Some(start) = start.filter(|&start| start == locator.offset) else {
            let expected = "a zip64 end record right before its locator";
            return Err(self.malformed(expected, format!("offset {}", locator.offset)));
        };
        let Some(end) = self.before(ZIP64_LOCATOR_BYTES + ZIP64_END_BYTES).and_then(Zip64End::parse) else {
            return Err(Error::malformed(
                start,
                PART,
                "a zip64 end record (`PK 06 06`)",
                "another signature",
            ));
        };
        if end.size != ZIP64_END_SIZE {
            let found = format!("a size of {}", end.size);
            return Err(Error::unsupported(start, PART, "a zip64 end record of size 44", found));
        }
        if (end.disk, end.directory_disk) != (0, 0) || end.entries_here != end.entries {
            return Err(self.disks());
        }
        Ok(Some((end, start)))
    }

    /// Where the archive starts, if that is not at the file's beginning and all its
    /// offsets count from there.
    fn displaced(self, locator: Zip64Locator) -> Option<u64> {
        let end = self.before(ZIP64_LOCATOR_BYTES + ZIP64_END_BYTES).and_then(Zip64End::parse)?;
        let place = self.offset().checked_sub(ZIP64_LOCATOR_BYTES + ZIP64_END_BYTES)?;
        let start = place.checked_sub(end.directory_size)?.checked_sub(end.directory_offset)?;
        (start > 0 && locator.offset.checked_add(start) == Some(place)).then_some(start)
    }

    /// The zip64 numbers, which the end record must repeat where they fit. A
    /// reader that knows no zip64 must not see another archive.
    fn agreed(self, record: EndRecord, zip64: Zip64End) -> Result<End, Error> {
        let fields = [
            ("entries", u64::from(record.entries), zip64.entries, u64::from(u16::MAX)),
            ("directory size", record.directory_size.into(), zip64.directory_size, u32::MAX.into()),
            ("directory offset", record.directory_offset.into(), zip64.directory_offset, u32::MAX.into()),
        ];
        for (name, short, long, clamp) in fields {
            if short != long && short != clamp {
                return Err(self.malformed(format!("{name} {long}, as zip64 says"), format!("{short}")));
            }
        }
        let directory = Range::new(zip64.directory_offset, zip64.directory_size);
        Ok(End { directory, entries: zip64.entries, comment: record.comment.into() })
    }

    /// What lies from `distance` bytes before the end record on.
    fn before(&self, distance: u64) -> Option<&[u8]> {
        self.tail.get(self.at.checked_sub(usize::try_from(distance).ok()?)?..self.at)
    }

    fn disks(self) -> Error {
        Error::unsupported(self.offset(), PART, "an archive on one disk", "one of several")
    }

    fn malformed(self, expected: impl Into<String>, found: impl Into<String>) -> Error {
        Error::malformed(self.offset(), PART, expected, found)
    }
}

/// The numbers of an archive without zip64: all of them are meant as they are.
fn plain(record: EndRecord) -> End {
    End {
        directory: Range::new(record.directory_offset.into(), record.directory_size.into()),
        entries: record.entries.into(),
        comment: record.comment.into(),
    }
}

const PART: &str = "zip end record";
