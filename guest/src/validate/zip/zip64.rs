use alloc::format;

use super::extra;
use super::member::Member;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;
use crate::zip::records::{CLAMPED, CentralEntry, EndRecord, Fields, LocalHeader, Zip64End};

/// 64-bit numbers stand in for those that do not fit, and repeat the others.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-ZIP-ZIP64",
    "64-bit numbers that do not fit the others",
    "A reader that knows zip64 and one that does not see different archives, or different bytes \
     under one name.",
);

/// Whether the zip64 end record says what the end record does.
pub(super) fn end(record: EndRecord, zip64: Zip64End, offset: u64, scope: &mut Scope<'_>) -> bool {
    let fields = [
        ("entries", u64::from(record.entries), zip64.entries, u64::from(u16::MAX)),
        ("bytes of directory", record.directory_size.into(), zip64.directory_size, u32::MAX.into()),
        (
            "as the directory's offset",
            record.directory_offset.into(),
            zip64.directory_offset,
            u32::MAX.into(),
        ),
    ];
    let mut agree = true;
    for (name, short, long, clamp) in fields {
        if short != long && short != clamp {
            let message = format!("{short} {name}, where zip64 says {long}");
            scope.find(&RULE, &Part::whole(), offset, message);
            agree = false;
        }
    }
    agree
}

/// Puts the 64-bit numbers of a directory entry in their place: size,
/// compressed size, header offset.
pub(super) fn entry(fixed: CentralEntry, extra: &[u8], member: &mut Member, scope: &mut Scope<'_>) {
    let short = [fixed.size, fixed.compressed, fixed.header];
    let clamped = short.iter().filter(|&&value| value == CLAMPED).count();
    let mut fields = extra::fields(extra).filter(|(id, _)| *id == extra::ZIP64).map(|(_, field)| field);
    let (first, second) = (fields.next(), fields.next());
    let part = member.in_directory();
    if second.is_some() {
        scope.find(&RULE, &part, 0, "two zip64 fields");
    }
    let Some(field) = first else {
        if clamped > 0 {
            scope.find(&RULE, &part, 0, "numbers said to be in a zip64 field, which is missing");
        }
        return;
    };
    // Go's writer repeats all three numbers if it writes any.
    let all = field.len() == 24;
    if !all && field.len() != clamped.saturating_mul(8) {
        let message = format!("a zip64 field of {} bytes for {clamped} numbers", field.len());
        scope.find(&RULE, &part, 0, message);
    }
    let mut fields = Fields(field);
    let mut long = short.map(u64::from);
    for (value, short) in long.iter_mut().zip(short) {
        if short == CLAMPED {
            *value = fields.u64().unwrap_or(*value);
        } else if all && fields.u64() != Some(*value) {
            scope.find(&RULE, &part, 0, "a zip64 field with other numbers than the entry");
        }
    }
    [member.size, member.compressed, member.header] = long;
}

/// Compressed size and size of a local header.
pub(super) fn local(header: LocalHeader, extra: &[u8], member: &Member, scope: &mut Scope<'_>) -> (u64, u64) {
    let short = (u64::from(header.compressed), u64::from(header.size));
    let field = extra::fields(extra).find(|(id, _)| *id == extra::ZIP64).map(|(_, field)| field);
    if !header.is_clamped() {
        return short;
    }
    let mut fields = Fields(field.unwrap_or_default());
    let (Some(size), Some(compressed)) = (fields.u64(), fields.u64()) else {
        scope.find(
            &RULE,
            &member.in_place(),
            0,
            "sizes said to be in a zip64 field, which does not hold them",
        );
        return short;
    };
    let pick = |short: u32, long| if short == CLAMPED { long } else { u64::from(short) };
    (pick(header.compressed, compressed), pick(header.size, size))
}
