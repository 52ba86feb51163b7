use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::zip::eocd::End;
use crate::zip::extra;
use crate::zip::records::{CLAMPED, CentralEntry, FLAG_DESCRIPTOR, FLAG_UTF8, Fields};
use crate::{Error, show};

/// A record as the directory describes it.
#[derive(Clone, Debug)]
pub(super) struct Central {
    pub(super) name: String,
    /// Where its local header starts.
    pub(super) header: u64,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) crc32: u32,
    /// Bytes as stored.
    pub(super) compressed: u64,
    /// Bytes when decompressed.
    pub(super) size: u64,
    /// Bytes of its comment, and of extra fields that are none of an archiver's.
    pub(super) beside: u64,
}

/// Reads a whole directory.
pub(super) fn parse(bytes: &[u8], end: End) -> Result<Vec<Central>, Error> {
    let mut records = Vec::new();
    let mut rest = bytes;
    let mut offset = end.directory.offset;
    for _ in 0..end.entries {
        let (record, length) = entry(rest, offset)?;
        records.push(record);
        rest = rest.get(length..).unwrap_or_default();
        offset = offset.saturating_add(length as u64);
    }
    if !rest.is_empty() {
        let expected = format!("{} entries and then the end of the directory", end.entries);
        return Err(Error::malformed(offset, PART, expected, show::bytes(rest)));
    }
    distinct(&records)?;
    Ok(records)
}

/// The entry at the start of `bytes`, and how long it is.
fn entry(bytes: &[u8], offset: u64) -> Result<(Central, usize), Error> {
    let Some((fixed, mut rest)) = CentralEntry::parse(bytes) else {
        return Err(Error::malformed(offset, PART, "an entry (`PK 01 02`)", show::bytes(bytes)));
    };
    let mut take = |length: u16| {
        let (field, after) = rest.split_at_checked(usize::from(length))?;
        rest = after;
        Some(field)
    };
    let (Some(name), Some(fields), Some(_)) = (take(fixed.name), take(fixed.extra), take(fixed.comment))
    else {
        let expected = "an entry inside the directory";
        return Err(Error::malformed(offset, PART, expected, "one that runs beyond its end"));
    };
    let length = bytes.len().saturating_sub(rest.len());
    let name = name_of(name, offset)?;
    let (size, compressed, header) = numbers(fixed, fields)
        .map_err(|(expected, found)| Error::malformed(offset, &*name, expected, found))?;
    let CentralEntry { flags, method, crc32, .. } = fixed;
    let beside = u64::from(fixed.comment).saturating_add(extra::foreign(fields, &[size, compressed, header]));
    let record = Central { name, header, flags, method, crc32, compressed, size, beside };
    handled(&record, fixed.disk, offset)?;
    Ok((record, length))
}

fn name_of(bytes: &[u8], offset: u64) -> Result<String, Error> {
    match core::str::from_utf8(bytes) {
        // Some readers end a name at a NUL: they would see another record.
        Ok(name) if !name.is_empty() && !name.contains('\0') => Ok(name.into()),
        _ => Err(Error::malformed(offset, PART, "a name in UTF-8 without NUL", show::bytes(bytes))),
    }
}

/// Size, compressed size and header offset, from the zip64 field where the entry
/// says so. The field holds those of the three that are clamped or, as Go's
/// writer has it, all three.
fn numbers(fixed: CentralEntry, extra: &[u8]) -> Result<(u64, u64, u64), (&'static str, &'static str)> {
    let short = [fixed.size, fixed.compressed, fixed.header];
    let clamped = short.iter().filter(|&&value| value == CLAMPED).count();
    let field = extra::zip64(extra).map_err(|found| ("extra fields one after another", found))?;
    let Some(field) = field else {
        let [size, compressed, header] = short.map(u64::from);
        let missing = ("a zip64 field", "none");
        return if clamped == 0 { Ok((size, compressed, header)) } else { Err(missing) };
    };
    let all = field.len() == 24;
    if !all && field.len() != clamped * 8 {
        return Err(("a zip64 field with the numbers that do not fit 32 bits", "one of another length"));
    }
    let mut fields = Fields(field);
    let mut long = short.map(u64::from);
    for (value, short) in long.iter_mut().zip(short) {
        if short == CLAMPED {
            *value = fields.u64().unwrap_or_default();
        } else if all && fields.u64() != Some(*value) {
            return Err(("a zip64 field that repeats the entry's numbers", "other numbers"));
        }
    }
    let [size, compressed, header] = long;
    Ok((size, compressed, header))
}

/// Whether the record is of a kind this reader understands.
fn handled(record: &Central, disk: u16, offset: u64) -> Result<(), Error> {
    let Central { name, flags, method, compressed, size, .. } = record;
    let unsupported = |expected: &str, found| Err(Error::unsupported(offset, &**name, expected, found));
    if disk != 0 {
        return unsupported("a record on the first disk", format!("disk {disk}"));
    }
    if flags & FLAG_ENCRYPTED != 0 {
        return unsupported("an unencrypted record", format!("flags {flags:#06x}"));
    }
    if !matches!(*method, STORED | DEFLATED) {
        return unsupported("a stored or deflated record", format!("compression method {method}"));
    }
    if flags & !(FLAG_DESCRIPTOR | FLAG_UTF8 | FLAGS_EFFORT) != 0 {
        return unsupported("no flags but `descriptor` and `UTF-8`", format!("flags {flags:#06x}"));
    }
    if *method == STORED && compressed != size {
        let (expected, found) = (format!("{size} bytes stored"), format!("{compressed}"));
        return Err(Error::malformed(offset, &**name, expected, found));
    }
    Ok(())
}

/// Two records of one name: readers differ on which of them counts.
fn distinct(records: &[Central]) -> Result<(), Error> {
    let mut sorted: Vec<_> = records.iter().map(|record| (&*record.name, record.header)).collect();
    sorted.sort_unstable();
    for pair in sorted.windows(2) {
        if let [(name, _), (same, header)] = pair
            && name == same
        {
            let expected = format!("one record named {}", show::name(name));
            return Err(Error::malformed(*header, PART, expected, "a second"));
        }
    }
    Ok(())
}

const PART: &str = "zip directory";

const STORED: u16 = 0;
const DEFLATED: u16 = 8;

const FLAG_ENCRYPTED: u16 = 1;
/// How hard a compressor tried: Info-ZIP says so even where it stored.
const FLAGS_EFFORT: u16 = 0b110;
