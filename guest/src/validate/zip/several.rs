use alloc::format;

use super::ends;
use crate::step::Range;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;
use crate::zip::records::{END_RECORD, END_RECORD_BYTES, EndRecord, LOCAL_HEADER};

/// Several archives in one file.
pub(super) static RULE: Rule = Rule::warning(
    "SR-ZIP-SEVERAL",
    "several archives, one after another",
    "PyTorch's distributed checkpoints have their items like this in `.distcp` files, and the \
     places in `.metadata`. Each archive is judged; of readers that look for one, some find the last, and \
     PyTorch another.",
);

/// Where the last of several archives may start: all its offsets count from there.
pub(super) fn split(tail: &[u8], base: u64) -> Option<u64> {
    let start = ends::displaced(tail, base)?;
    (start > END_RECORD_BYTES + SIGNATURE).then_some(start)
}

/// The bytes that tell whether an archive ends where the last one starts.
pub(super) fn evidence(split: u64) -> [Range; 2] {
    let before = split.saturating_sub(END_RECORD_BYTES);
    [Range::new(0, SIGNATURE), Range::new(before, END_RECORD_BYTES + SIGNATURE)]
}

/// Whether these bytes tell that.
pub(super) fn tells(parts: &[alloc::vec::Vec<u8>]) -> bool {
    let [head, seam] = parts else { return false };
    let end = EndRecord::parse(seam).filter(|_| seam.starts_with(&END_RECORD));
    let next = usize::try_from(END_RECORD_BYTES).ok().and_then(|at| seam.get(at..));
    head.starts_with(&LOCAL_HEADER)
        && end.is_some_and(|end| end.comment == 0)
        && next == Some(&LOCAL_HEADER[..])
}

/// Reports it, at the last one.
pub(super) fn report(items: &[Range], scope: &mut Scope<'_>) {
    let last = items.last().map_or(0, |item| item.offset);
    let message = format!("{} archives, as in PyTorch's `.distcp` files", items.len());
    scope.find(&RULE, &Part::whole(), last, message);
}

const SIGNATURE: u64 = LOCAL_HEADER.len() as u64;
