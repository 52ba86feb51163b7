use super::member::Member;
use crate::validate::examine::Scope;
use crate::validate::finding::Rule;

/// Bytes have the checksum they were written with.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-ZIP-CRC",
    "bytes that are not those that were written",
    "torch.load does not look at checksums, other readers refuse the file. Its bytes were damaged \
     or exchanged after it was written.",
);

/// Compares the checksum of a record that was read to its end.
pub(super) fn check(member: &Member, found: u32, scope: &mut Scope<'_>) {
    if found != member.crc32 {
        let message =
            alloc::format!("expected bytes with the CRC-32 {:08x}, found {found:08x}", member.crc32);
        scope.find(&RULE, &member.content(), 0, message);
    }
}

/// Whether the archive has checksums: torch can leave them out, all are zero then.
pub(super) fn present(members: &[Member]) -> bool {
    members.iter().any(|member| member.size > 0 && member.crc32 != 0)
}
