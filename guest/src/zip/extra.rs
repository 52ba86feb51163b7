use crate::zip::records::{Fields, ZIP64_FIELD};

/// The zip64 field of a record's extra bytes, if there is one. An error says
/// what is wrong: two readers that disagree on where a field ends, or on which
/// of two counts, would see different files.
pub(super) fn zip64(mut extra: &[u8]) -> Result<Option<&[u8]>, &'static str> {
    let mut found = None;
    while !extra.is_empty() {
        let mut fields = Fields(extra);
        let (Some(id), Some(length)) = (fields.u16(), fields.u16()) else {
            return Err("a piece of one");
        };
        let Some((field, rest)) = fields.0.split_at_checked(usize::from(length)) else {
            return Err("one that is longer than all of them");
        };
        if id == ZIP64_FIELD && found.replace(field).is_some() {
            return Err("two zip64 fields");
        }
        extra = rest;
    }
    Ok(found)
}

/// Bytes of extra fields that are no archiver's, in a record's extra bytes: somebody's own.
/// What is no field counts whole, unless it is zero, as some tools align records. A field of
/// 64-bit numbers repeats some of `numbers`.
pub(super) fn foreign(mut extra: &[u8], numbers: &[u64]) -> u64 {
    let mut found = 0u64;
    while !extra.is_empty() {
        let mut fields = Fields(extra);
        let field = fields.u16().zip(fields.u16());
        let field = field.and_then(|(id, length)| Some((id, fields.0.split_at_checked(length.into())?)));
        let (bytes, rest) = match field {
            Some((id, (field, rest))) if is_known(id, field, numbers) => (0, rest),
            Some((_, (field, rest))) => (field.len(), rest),
            None if extra.iter().all(|&byte| byte == 0) => (0, &[][..]),
            None => (extra.len(), &[][..]),
        };
        found = found.saturating_add(bytes as u64);
        extra = rest;
    }
    found
}

/// Whether a field is what writers of archives are known to write, and no larger. One of 64-bit
/// numbers is, where they are some of `numbers`.
pub(crate) fn is_known(id: u16, field: &[u8], numbers: &[u64]) -> bool {
    match id {
        ZIP64_FIELD => {
            let (found, disk) = field.as_chunks::<8>();
            let known = found.iter().all(|found| numbers.contains(&u64::from_le_bytes(*found)));
            known && found.len() <= 3 && matches!(disk, [] | [0, 0, 0, 0])
        }
        // The padding that aligns torch's records.
        PADDING => field.iter().all(|&byte| byte == b'Z') || field.iter().all(|&byte| byte == 0),
        // Times and owners, by Info-ZIP and others.
        UNIX_TIMES => field.len() <= 13,
        UNIX_OWNER => field.len() <= 11,
        OLD_UNIX => field.len() <= 12,
        NTFS_TIMES => field.len() <= 32,
        JAR => field.is_empty(),
        _ => false,
    }
}

const PADDING: u16 = u16::from_le_bytes(*b"FB");
const UNIX_TIMES: u16 = u16::from_le_bytes(*b"UT");
const UNIX_OWNER: u16 = u16::from_le_bytes(*b"ux");
const OLD_UNIX: u16 = u16::from_le_bytes(*b"UX");
const NTFS_TIMES: u16 = 0x000a;
/// What Java marks its archives with, and nothing in it.
const JAR: u16 = 0xcafe;

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn the_zip64_field_is_found_among_others() {
        assert_eq!(zip64(b""), Ok(None));
        assert_eq!(zip64(b"FB\x02\x00ZZ\x01\x00\x03\x00abcFB\x00\x00"), Ok(Some(&b"abc"[..])));
    }

    #[test]
    fn fields_of_no_archiver_are_counted() {
        let count = |extra: &[u8]| foreign(extra, &[7, 9]);
        assert_eq!(count(b""), 0);
        assert_eq!(count(b"FB\x02\x00ZZUT\x01\x00a"), 0);
        assert_eq!(count(b"FB\x02\x00noXY\x03\x00abcUT\x01\x00a"), 5);
        assert_eq!(count(b"UT\x0e\x00abcdefghijklmn"), 14);
        assert_eq!(count(b"\x00\x00\x00"), 0);
        assert_eq!(count(b"UT\x01\x00a\x00\x00\x00\x00\x00\x00"), 0);
        assert_eq!(count(b"UT\x01\x00aXY\x09\x00abc"), 7);
        let numbers = |numbers: &[u64], rest: &[u8]| {
            let field: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            let field = [&field, rest].concat();
            count(&[&[1, 0, u8::try_from(field.len()).unwrap(), 0], &*field].concat())
        };
        assert_eq!(numbers(&[9, 7], b""), 0);
        assert_eq!(numbers(&[7, 9, 9], &[0; 4]), 0);
        assert_eq!(numbers(&[7, 8], b""), 16);
        assert_eq!(numbers(&[7], b"mine"), 12);
        assert_eq!(numbers(&[7; 4], b""), 32);
    }

    #[test]
    fn fields_that_do_not_add_up_are_refused() {
        assert_eq!(zip64(b"FB\x02"), Err("a piece of one"));
        assert_eq!(zip64(b"FB\x02\x00Z"), Err("one that is longer than all of them"));
        assert_eq!(zip64(b"\x01\x00\x00\x00\x01\x00\x00\x00"), Err("two zip64 fields"));
    }
}
