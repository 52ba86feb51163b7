use alloc::format;

use crate::show;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// A header that is not filled with spaces.
pub(super) static RULE: Rule = Rule::warning(
    "SR-SAFETENSORS-PADDING",
    "a header filled with something else than spaces",
    "The format fills a header with spaces only. Tabs and line ends there are JSON all the same, \
     and a way to carry a few bits unseen.",
);

/// Checks what follows the header's object.
pub(super) fn check(rest: &[u8], at: usize, header: &Part, scope: &mut Scope<'_>) {
    let spaces = rest.iter().take_while(|byte| b" \t\n\r".contains(byte)).count();
    let padding = rest.get(..spaces).unwrap_or_default();
    if let Some(odd) = padding.iter().position(|byte| *byte != b' ') {
        let offset = at.saturating_add(odd) as u64;
        let found = show::bytes(padding.get(odd..).unwrap_or_default());
        scope.find(&RULE, header, offset, format!("expected spaces, found {found}"));
    }
}
