use super::member::Member;
use crate::show;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;
use crate::zip::records::{DESCRIPTOR, Fields};

/// A data descriptor repeats what the directory says.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-ZIP-DESCRIPTOR",
    "no data descriptor with the directory's numbers",
    "A reader that goes through the file from its start takes sizes from behind the bytes. It \
     would see other records than one that reads the directory.",
);

/// Bytes of the longest data descriptor.
pub(super) const LONGEST: u64 = 24;

/// Checks what follows a payload that ends at `start`; answers how many bytes
/// are its descriptor. The best is one that ends at `limit`, where the next
/// part of the archive starts.
pub(super) fn check(bytes: &[u8], start: u64, limit: u64, member: &Member, scope: &mut Scope<'_>) -> u64 {
    let all = forms(bytes, member).map(|length| length as u64);
    let (mut first, mut fitting) = (None, None);
    for length in all {
        first = first.or(Some(length));
        if start.checked_add(length) == Some(limit) {
            fitting = Some(length);
        }
    }
    match fitting.or(first) {
        Some(length) => length,
        // Writers that know a payload to be empty leave its descriptor out.
        None if member.compressed == 0 => 0,
        None => {
            let message = alloc::format!(
                "expected a data descriptor with the directory's CRC-32 and sizes, found {}",
                show::bytes(bytes)
            );
            scope.find(&RULE, &Part::at(&*member.name, start), 0, message);
            0
        }
    }
}

/// The lengths of all descriptors that start here and have the member's
/// numbers: the signature may be absent, and sizes have 64 bits under zip64.
///
/// ```text
/// [PK 07 08] | crc32 | csize | size
/// ```
fn forms<'a>(bytes: &'a [u8], member: &Member) -> impl Iterator<Item = usize> + 'a {
    let known = (member.crc32, member.compressed, member.size);
    let signed = bytes.strip_prefix(&DESCRIPTOR).map(|rest| (4, rest));
    signed.into_iter().chain([(0, bytes)]).flat_map(move |(before, bytes)| {
        let narrow = (narrow(bytes) == Some(known)).then_some(12);
        let wide = (wide(bytes) == Some(known)).then_some(20);
        narrow.into_iter().chain(wide).map(move |length: usize| length.saturating_add(before))
    })
}

fn wide(bytes: &[u8]) -> Option<(u32, u64, u64)> {
    let mut fields = Fields(bytes);
    Some((fields.u32()?, fields.u64()?, fields.u64()?))
}

fn narrow(bytes: &[u8]) -> Option<(u32, u64, u64)> {
    let mut fields = Fields(bytes);
    Some((fields.u32()?, fields.u32()?.into(), fields.u32()?.into()))
}
