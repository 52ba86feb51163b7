use alloc::format;
use alloc::string::String;

use super::member::Member;
use super::zip64;
use crate::show;
use crate::validate::examine::Scope;
use crate::validate::finding::Rule;
use crate::zip::records::LocalHeader;

/// A local header repeats what the directory says.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-ZIP-LOCAL",
    "a local header that is not as the directory says",
    "Some readers believe the directory, others the header in front of the bytes. They see \
     different files in one archive.",
);

/// Compares a local header with the directory's entry.
pub(super) fn check(local: LocalHeader, name: &[u8], extra: &[u8], member: &Member, scope: &mut Scope<'_>) {
    let part = member.in_place();
    let mut differ = |message: String| scope.find(&RULE, &part, 0, message);
    let local_name = String::from_utf8_lossy(name);
    if local_name != member.name {
        differ(format!(
            "the name {}, in the directory {}",
            show::name(&local_name),
            show::name(&member.name)
        ));
    }
    if local.flags != member.flags {
        differ(format!("flags {:#06x}, in the directory {:#06x}", local.flags, member.flags));
    }
    if local.method != member.method {
        differ(format!("compression method {}, in the directory {}", local.method, member.method));
    }
    let (compressed, size) = zip64::local(local, extra, member, scope);
    // Info-ZIP leaves only the checksum to the descriptor, torch and Python all three.
    let open = |value: u64| value == 0 && member.is_described();
    if local.crc32 != member.crc32 && !open(local.crc32.into()) {
        let message = format!("the CRC-32 {:08x}, in the directory {:08x}", local.crc32, member.crc32);
        scope.find(&RULE, &part, 0, message);
    }
    if (compressed != member.compressed && !open(compressed)) || (size != member.size && !open(size)) {
        let message = format!(
            "{compressed} of {size} bytes, in the directory {} of {}",
            member.compressed, member.size
        );
        scope.find(&RULE, &part, 0, message);
    }
}
