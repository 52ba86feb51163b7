use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::ends::View;
use super::member::Member;
use super::{attributes, bomb, comment, disks, extra, flags, method, names, zip64};
use crate::Excess;
use crate::show;
use crate::validate::examine::{Part, Scope};
use crate::validate::file::limit;
use crate::validate::finding::Rule;
use crate::validate::pickle::Suspicion;
use crate::zip::records::CentralEntry;

/// The directory is what the end record says.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-ZIP-DIRECTORY",
    "a directory that is not as the end record says",
    "Some readers count entries, others bytes, and some look where the directory should be \
     instead of where it is said to be. They see different records.",
);

/// Reads a directory, as far as it is one, and adds its records. Answers how
/// many there are.
pub(super) fn read(bytes: &[u8], view: View, members: &mut Vec<Member>, scope: &mut Scope<'_>) -> u64 {
    let mut rest = bytes;
    let mut count = 0u64;
    while !rest.is_empty() {
        let used = bytes.len().saturating_sub(rest.len()) as u64;
        let offset = view.directory.offset.saturating_add(used);
        if members.len() >= usize::try_from(scope.options.limits.entries).unwrap_or(usize::MAX) {
            let allowed = scope.options.limits.entries.into();
            limit::reached(&Excess { offset, limit: "entries", allowed }, &Part::whole(), scope);
            return count;
        }
        let Some((member, length)) = entry(rest, offset, view.base, scope) else { break };
        members.push(member);
        count = count.saturating_add(1);
        rest = rest.get(length..).unwrap_or_default();
    }
    self::count(count, &view, scope);
    count
}

/// Compares the number of entries with what an end record says.
pub(super) fn count(found: u64, view: &View, scope: &mut Scope<'_>) {
    if found != view.entries {
        let message = format!("{found} entries, where the end record says {}", view.entries);
        scope.find(&RULE, &Part::whole(), view.directory.offset, message);
    }
}

/// The entry at the start of `bytes`, and how long it is.
fn entry(bytes: &[u8], offset: u64, base: u64, scope: &mut Scope<'_>) -> Option<(Member, usize)> {
    let Some((fixed, mut rest)) = CentralEntry::parse(bytes) else {
        let message = format!("expected an entry (`PK 01 02`), found {}", show::bytes(bytes));
        scope.find(&RULE, &Part::whole(), offset, message);
        return None;
    };
    let mut take = |length: u16| {
        let (field, after) = rest.split_at_checked(usize::from(length))?;
        rest = after;
        Some(field)
    };
    let (Some(name), Some(extra), Some(comment)) = (take(fixed.name), take(fixed.extra), take(fixed.comment))
    else {
        scope.find(&RULE, &Part::whole(), offset, "an entry that runs beyond the end of the directory");
        return None;
    };
    let length = bytes.len().saturating_sub(rest.len());
    let CentralEntry { flags, method, crc32, .. } = fixed;
    let mut member = Member {
        name: String::from_utf8_lossy(name).into_owned(),
        entry: offset,
        header: fixed.header.into(),
        flags,
        method,
        crc32,
        compressed: fixed.compressed.into(),
        size: fixed.size.into(),
        payload: None,
        end: 0,
        suspicion: Suspicion::None,
        numpy: false,
    };
    zip64::entry(fixed, extra, &mut member, scope);
    let header = member.header;
    member.header = header.saturating_add(base);
    member.end = member.header;
    names::check(name, &member, scope);
    flags::check(&member, scope);
    method::check(&member, scope);
    bomb::check(&member, scope);
    disks::entry(fixed.disk, &member, scope);
    attributes::check(fixed, &member, scope);
    attributes::check_folder(&member, scope);
    extra::check(extra, &[member.size, member.compressed, header], &member.in_directory(), scope);
    comment::check(comment, &member.in_directory(), scope);
    Some((member, length))
}
