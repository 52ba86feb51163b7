use alloc::format;

use super::literal::Flaw;
use crate::show;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// A header that numpy did not write.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-NUMPY-HEADER",
    "a header that numpy did not write",
    "The header is a Python dict of `descr`, `fortran_order` and `shape`, each once, in no more \
     than 10,000 characters. numpy refuses others, or its parser sees more in them than meets the \
     eye.",
);

/// Reports what is wrong at an offset of the header.
pub(super) fn report(what: &str, at: u64, header: &Part, scope: &mut Scope<'_>) {
    scope.find(&RULE, header, at, what);
}

/// Reports a header of so many bytes, which are not there.
pub(super) fn cut(length: u64, what: &str, at: u64, scope: &mut Scope<'_>) {
    match usize::try_from(length) {
        Ok(..=LONGEST) => scope.find_cut(length, &RULE, &Part::whole(), at, what),
        _ => scope.find(&RULE, &Part::whole(), at, what),
    }
}

/// Reports text that is not the literal expected there.
pub(super) fn flaw(flaw: Flaw, text: &str, header: &Part, scope: &mut Scope<'_>) {
    let found = text.get(flaw.at..).filter(|rest| !rest.is_empty()).map_or("nothing".into(), show::name);
    scope.find(&RULE, header, flaw.at as u64, format!("expected {}, found {found}", flaw.expected));
}

/// Checks how long a header is.
pub(super) fn check_length(text: &str, header: &Part, scope: &mut Scope<'_>) {
    if text.chars().nth(LONGEST).is_some() {
        let message =
            format!("{} characters, where numpy reads no more than {LONGEST}", text.chars().count());
        scope.find(&RULE, header, 0, message);
    }
}

/// Characters that numpy gives to Python's parser, unless pickles are allowed.
const LONGEST: usize = 10_000;
