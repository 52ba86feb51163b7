use super::member::{DEFLATED, Member};
use crate::validate::examine::Scope;
use crate::validate::finding::Rule;

/// Decompressed bytes that no compressed bytes can make.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-ZIP-BOMB",
    "more bytes than can be decompressed",
    "Deflate makes at most 1032 bytes of one. A reader that believes the size reserves memory for \
     what never comes.",
);

/// Checks the sizes of a directory entry.
pub(super) fn check(member: &Member, scope: &mut Scope<'_>) {
    let Member { method, compressed, size, .. } = member;
    if *method == DEFLATED && *size > compressed.saturating_mul(HIGHEST_RATIO) {
        let message = alloc::format!("{size} bytes said to come of {compressed}");
        scope.find(&RULE, &member.in_directory(), 0, message);
    }
}

const HIGHEST_RATIO: u64 = 1032;
