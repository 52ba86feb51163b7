use alloc::format;

use crate::show;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;
use crate::zip::is_known_extra as is_known;
use crate::zip::records::{Fields, ZIP64_FIELD};

/// Extra bytes of a record must be of a kind that is known.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-ZIP-EXTRA",
    "extra bytes that nothing accounts for",
    "Headers may hold fields for other programs. What is in one that is not known can change a \
     record's name or sizes for some readers, or carry data unseen.",
);

/// The field of 64-bit numbers.
pub(super) const ZIP64: u16 = ZIP64_FIELD;

/// The fields of a record's extra bytes, as far as they are whole.
pub(super) fn fields(extra: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = extra;
    core::iter::from_fn(move || {
        let mut fields = Fields(rest);
        let (id, length) = (fields.u16()?, fields.u16()?);
        let (field, after) = fields.0.split_at_checked(usize::from(length))?;
        rest = after;
        Some((id, field))
    })
}

/// Checks the extra bytes of a header or of a directory entry, of a record with these numbers.
pub(super) fn check(extra: &[u8], numbers: &[u64], part: &Part, scope: &mut Scope<'_>) {
    let mut whole = 0usize;
    for (id, field) in fields(extra) {
        whole = whole.saturating_add(4).saturating_add(field.len());
        if !is_known(id, field, numbers) {
            let found = show::bytes(field);
            scope.find(&RULE, part, 0, format!("an extra field {id:#06x} of {} bytes: {found}", field.len()));
        }
    }
    if whole != extra.len() {
        let left = extra.len().saturating_sub(whole);
        scope.find(&RULE, part, 0, format!("{left} bytes after the extra fields that are no field"));
    }
}
