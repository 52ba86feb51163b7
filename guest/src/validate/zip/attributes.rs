use super::member::{DEFLATED, Member, STORED};
use crate::validate::examine::Scope;
use crate::validate::finding::Rule;
use crate::zip::records::CentralEntry;

/// A record is a file or a folder.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-ZIP-ATTRIBUTES",
    "a record that is no file",
    "A link that is unpacked leads elsewhere, and what is unpacked through it lands there. Of what \
     a folder's attributes have PyTorch reads nothing, and goes on with what was in its memory.",
);

/// A folder is nothing but a name.
pub(super) static BYTES: Rule = Rule::malformed(
    "SR-ZIP-FOLDER-BYTES",
    "a folder that has bytes",
    "Nobody who unpacks the archive looks at them, so nothing says what they are.",
);

/// Checks that a folder holds nothing itself.
pub(super) fn check_folder(member: &Member, scope: &mut Scope<'_>) {
    // Who packs as it goes compresses nothing, too: to a block of ten bits.
    let is_nothing = match member.method {
        STORED => member.compressed == 0,
        DEFLATED => member.compressed == NOTHING,
        _ => false,
    };
    if member.name.ends_with('/') && (member.size > 0 || !is_nothing) {
        let message = alloc::format!("{} bytes, which are {} decompressed", member.compressed, member.size);
        scope.find(&BYTES, &member.in_directory(), 0, message);
    }
}

/// Checks what kind of file a directory entry says it is.
pub(super) fn check(fixed: CentralEntry, member: &Member, scope: &mut Scope<'_>) {
    if fixed.attributes & DOS_FOLDER != 0 && !member.name.ends_with('/') {
        let message = "its attributes say that it is a folder, and its name does not: PyTorch reads memory that nobody wrote";
        scope.find(&RULE, &member.in_directory(), 0, message);
    }
    let [.., system] = fixed.made_by.to_le_bytes();
    let kind = (fixed.attributes >> 16) & KIND;
    if matches!(system, UNIX | MACOS) && !matches!(kind, 0 | FILE | FOLDER) {
        let name = if kind == LINK { "a symbolic link" } else { "neither a file nor a folder" };
        scope.find(&RULE, &member.in_directory(), 0, alloc::format!("it is {name}"));
    }
}

/// Bytes of an empty block that ends a stream.
const NOTHING: u64 = 2;
/// Systems whose modes are in the upper half of the attributes.
const UNIX: u8 = 3;
const MACOS: u8 = 19;
/// The bit of a folder in the lower half, whatever the system.
const DOS_FOLDER: u32 = 0x10;
const KIND: u32 = 0o170_000;
const FILE: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;
const LINK: u32 = 0o120_000;
