use alloc::format;

use crate::show;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// A name that may do harm where it is used.
pub(super) static RULE: Rule = Rule::warning(
    "SR-SAFETENSORS-NAME",
    "a tensor's name that is more than a name",
    "A reader takes it for a key and nothing happens. Tools that make a file of each tensor may \
     write outside their folder, and a terminal may show another name than there is.",
);

/// A name that ends early for some.
pub(super) static NUL: Rule = Rule::malformed(
    "SR-SAFETENSORS-NUL",
    "a tensor's name with a NUL in it",
    "To readers in C a name ends there: two names become one, and a tensor that of another.",
);

/// Checks a tensor's name.
pub(super) fn check(name: &str, at: usize, header: &Part, scope: &mut Scope<'_>) {
    if name.contains('\0') {
        scope.find(&NUL, header, at as u64, format!("{} has a NUL in it", show::name(name)));
        return;
    }
    let climbs = name.split(['/', '\\']).any(|step| step == "..");
    let what = if name.chars().any(char::is_control) {
        "has control characters"
    } else if name.chars().any(reorders) {
        "has characters that change the order of others"
    } else if climbs {
        "is a path that leads upwards"
    } else if name.starts_with(['/', '\\']) {
        "is an absolute path"
    } else {
        return;
    };
    scope.find(&RULE, header, at as u64, format!("{} {what}", show::name(name)));
}

/// Whether it makes a terminal write from right to left.
fn reorders(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
