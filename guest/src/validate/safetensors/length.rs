use alloc::format;

use crate::safetensors::{LENGTH, MAX_HEADER};
use crate::show;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// A header that cannot be where its length says.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-SAFETENSORS-LENGTH",
    "a header length that cannot be",
    "The first eight bytes tell how long the header is. Readers refuse less than 2, more than \
     100,000,000, and more than the file has: it was cut, or is no safetensors file.",
);

/// Tensors that are not aligned.
pub(super) static ALIGNMENT: Rule = Rule::note(
    "SR-SAFETENSORS-ALIGNMENT",
    "a header whose length is no multiple of 8",
    "The format asks for no alignment, but the reference fills the header with spaces so that \
     tensors start at a multiple of 8. Here they do not, which makes some readers copy them.",
);

/// Bytes of the header, if it can be read.
pub(super) fn check(bytes: &[u8], scope: &mut Scope<'_>) -> Option<u64> {
    let Ok(bytes) = bytes.try_into() else {
        let message = format!("expected 8 bytes, found {}", show::bytes(bytes));
        scope.find(&RULE, &Part::whole(), 0, message);
        return None;
    };
    let length = u64::from_le_bytes(bytes);
    let rest = scope.length.saturating_sub(LENGTH);
    if !(2..=MAX_HEADER.min(rest)).contains(&length) {
        let message = match length > MAX_HEADER && length <= rest {
            true => format!("a header of {length} bytes, where readers take {MAX_HEADER} at most"),
            false => format!("a header of {length} bytes, where {rest} follow"),
        };
        match length {
            2..=MAX_HEADER => scope.find_cut(length, &RULE, &Part::whole(), 0, message),
            _ => scope.find(&RULE, &Part::whole(), 0, message),
        }
        return None;
    }
    if !length.is_multiple_of(8) {
        scope.find(&ALIGNMENT, &Part::whole(), 0, format!("a header of {length} bytes"));
    }
    Some(length)
}
