use super::member::Member;
use crate::show;
use crate::validate::examine::Scope;
use crate::validate::finding::Rule;
use crate::zip::records::FLAG_UTF8;

/// A name must be the same text to every reader.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-ZIP-NAME",
    "a name that readers read differently",
    "Some readers end a name at a NUL, others take `\\` for `/`, and bytes that are not UTF-8 or \
     not said to be are decoded in several ways. So one archive holds different files.",
);

/// A name must stay inside the folder it is unpacked to.
pub(super) static PATH: Rule = Rule::malformed(
    "SR-ZIP-PATH",
    "a name that leaves its folder",
    "Whoever unpacks the archive may overwrite files elsewhere.",
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
        (name.chars().any(|c| c.is_control() && c != '\0'), "has a control character in it"),
        (name.contains('\\'), "has a backslash in it"),
        (name.chars().any(is_invisible), "has invisible characters in it"),
    ];
    for (_, fault) in faults.into_iter().filter(|(is, _)| *is) {
        let message = alloc::format!("the name {} {fault}", show::name(name));
        scope.find(&RULE, &member.in_directory(), 0, message);
    }
    let mut steps = name.split(['/', '\\']);
    let drive = matches!(bytes, [letter, b':', ..] if letter.is_ascii_alphabetic());
    if name.starts_with(['/', '\\']) || drive || steps.any(|step| step == "..") {
        let message =
            alloc::format!("the name {} leads out of the folder it is unpacked to", show::name(name));
        scope.find(&PATH, &member.in_directory(), 0, message);
    }
}

/// The longest name that torch.load does not cut.
const LONGEST: usize = 511;

/// Characters that change how a name is shown, and are not seen themselves.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}
