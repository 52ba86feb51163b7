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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zip64_field_is_found_among_others() {
        assert_eq!(zip64(b""), Ok(None));
        assert_eq!(zip64(b"FB\x02\x00ZZ\x01\x00\x03\x00abcFB\x00\x00"), Ok(Some(&b"abc"[..])));
    }

    #[test]
    fn fields_that_do_not_add_up_are_refused() {
        assert_eq!(zip64(b"FB\x02"), Err("a piece of one"));
        assert_eq!(zip64(b"FB\x02\x00Z"), Err("one that is longer than all of them"));
        assert_eq!(zip64(b"\x01\x00\x00\x00\x01\x00\x00\x00"), Err("two zip64 fields"));
    }
}
