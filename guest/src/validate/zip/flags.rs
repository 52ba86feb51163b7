use super::member::Member;
use crate::validate::examine::Scope;
use crate::validate::finding::Rule;
use crate::zip::records::{FLAG_DESCRIPTOR, FLAG_UTF8};

/// No flags but those that leave the bytes readable by all.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-ZIP-FLAGS",
    "flags that no checkpoint has",
    "Flags say that a record is encrypted, a patch, or hidden. Readers that ignore one read \
     something else than readers that do not.",
);

/// Checks the flags of a directory entry.
pub(super) fn check(member: &Member, scope: &mut Scope<'_>) {
    let odd = member.flags & !(FLAG_DESCRIPTOR | FLAG_UTF8 | EFFORT);
    if odd == 0 {
        return;
    }
    let known = [
        (ENCRYPTED, "encrypted"),
        (PATCH, "a patch"),
        (STRONG, "strongly encrypted"),
        (MASKED, "hidden by a mask"),
    ];
    let name = known.iter().find(|(flag, _)| odd & flag != 0).map_or("something not known", |(_, name)| name);
    let message = alloc::format!("flags {:#06x}, which say that it is {name}", member.flags);
    scope.find(&RULE, &member.in_directory(), 0, message);
}

const ENCRYPTED: u16 = 1;
/// How hard a compressor tried: Info-ZIP says so even where it stored.
const EFFORT: u16 = 0b110;
const PATCH: u16 = 1 << 5;
const STRONG: u16 = 1 << 6;
const MASKED: u16 = 1 << 13;
