use alloc::borrow::ToOwned;

use super::member::Member;
use super::torch::is_torch;
use crate::show;
use crate::validate::examine::Scope;
use crate::validate::finding::Rule;
use crate::zip::records::FLAG_UTF8;

/// A name must be the same text to every reader.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-ZIP-NAME",
    "a name that readers read differently",
    "Some readers end a name at a NUL, others take `\\` for `/`, and bytes that are not UTF-8 or \
     not said to be are decoded in several ways. So one archive holds different files. Control \
     characters and invisible ones hide in a list what a name is: terminals obey them.",
);

/// A name must stay inside the folder it is unpacked to.
pub(super) static PATH: Rule = Rule::malformed(
    "SR-ZIP-PATH",
    "a name that leaves its folder",
    "Whoever unpacks the archive may overwrite files elsewhere.",
);

/// The folder of a PyTorch file is called after the file.
pub(super) static FOLDER: Rule = Rule::warning(
    "SR-ZIP-FOLDER",
    "a folder with an odd name",
    "PyTorch names the folder in a file after the file, whatever that is called, and reads it. \
     Whoever unpacks it may not: Windows takes a letter and a colon for a drive, and terminals \
     obey control characters. Rename the file and save it anew.",
);

/// Checks the name of a directory entry.
pub(super) fn check(bytes: &[u8], member: &Member, scope: &mut Scope<'_>) {
    let name = &*member.name;
    let utf8 = core::str::from_utf8(bytes).is_ok();
    let said = member.flags & FLAG_UTF8 != 0;
    let faults = [
        (name.is_empty(), "is empty"),
        (!utf8, "is not UTF-8"),
        (utf8 && !said && !name.is_ascii(), "is not ASCII and not said to be UTF-8"),
        (bytes.len() > LONGEST, "is longer than the 511 bytes that torch.load keeps of one"),
        (name.contains('\0'), "has a NUL in it"),
        (name.contains('\\'), "has a backslash in it"),
        (name.chars().any(is_invisible), "has invisible characters in it"),
    ];
    for (_, fault) in faults.into_iter().filter(|(is, _)| *is) {
        let message = alloc::format!("the name {} {fault}", show::name(name));
        scope.find(&RULE, &member.in_directory(), 0, message);
    }
    let mut steps = name.split(['/', '\\']);
    if name.starts_with(['/', '\\']) || steps.any(|step| step == "..") {
        leads_out(member, scope);
    }
}

/// Checks in the names of all entries what torch writes itself in one place: the folder
/// that is called after the file.
pub(super) fn check_folder(first: &str, members: &[Member], scope: &mut Scope<'_>) {
    let folder = first.split_once('/').map(|(folder, _)| folder);
    let within = |member: &Member| Some(member.name.strip_prefix(folder?)?.strip_prefix('/')?.to_owned());
    let own = is_torch(members) && members.iter().all(|member| within(member).is_some());
    for member in members {
        let rest = within(member).filter(|_| own);
        if rest.as_deref().unwrap_or(&member.name).chars().any(is_control) {
            let message =
                alloc::format!("the name {} has a control character in it", show::name(&member.name));
            scope.find(&RULE, &member.in_directory(), 0, message);
        }
        if !own && is_drive(&member.name) {
            leads_out(member, scope);
        }
    }
    if let (true, Some(folder), Some(member)) = (own, folder, members.first())
        && (is_drive(folder) || folder.chars().any(is_control))
    {
        scope.find(&FOLDER, &member.in_directory(), 0, alloc::format!("the folder {}", show::name(folder)));
    }
}

fn leads_out(member: &Member, scope: &mut Scope<'_>) {
    let name = show::name(&member.name);
    let message = alloc::format!("the name {name} leads out of the folder it is unpacked to");
    scope.find(&PATH, &member.in_directory(), 0, message);
}

fn is_drive(name: &str) -> bool {
    matches!(name.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic())
}

/// A NUL is worse: to some readers it ends the name.
fn is_control(c: char) -> bool {
    c.is_control() && c != '\0'
}

/// The longest name that torch.load does not cut.
const LONGEST: usize = 511;

/// Characters that change how a name is shown, and are not seen themselves.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}
