use alloc::format;

use super::lexer::{Flaw, Lexer};
use crate::show;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// A header that is no JSON object.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-SAFETENSORS-JSON",
    "a header that is not one JSON object in UTF-8",
    "The reference refuses the file, or reads past what others stop at. A lenient reader may see \
     tensors that no check has seen.",
);

/// Reports what is not UTF-8.
pub(super) fn check_utf8(bytes: &[u8], header: &Part, scope: &mut Scope<'_>) {
    if let Err(error) = core::str::from_utf8(bytes) {
        let at = error.valid_up_to();
        report(Flaw { at, expected: "UTF-8" }, bytes, header, scope);
    }
}

/// Reports what comes before the header's brace: readers that tell the format by
/// that byte take the file for another.
pub(super) fn check_start(bytes: &[u8], header: &Part, scope: &mut Scope<'_>) {
    if !bytes.starts_with(b"{") && bytes.trim_ascii_start().starts_with(b"{") {
        report(Flaw { at: 0, expected: "`{`" }, bytes, header, scope);
    }
}

/// Reports what follows the object, if it is more than spaces.
pub(super) fn check_end(lexer: &mut Lexer<'_>, bytes: &[u8], header: &Part, scope: &mut Scope<'_>) {
    if lexer.peek().is_some() {
        report(Flaw { at: lexer.at(), expected: "the header's end" }, bytes, header, scope);
    }
}

/// Reports bytes that are not the JSON expected there.
pub(super) fn report(flaw: Flaw, bytes: &[u8], header: &Part, scope: &mut Scope<'_>) {
    let Flaw { at, expected } = flaw;
    let found = show::bytes(bytes.get(at..).unwrap_or_default());
    scope.find(&RULE, header, at as u64, format!("expected {expected}, found {found}"));
}
