use alloc::format;

use super::lexer::{Lexer, Span};
use crate::safetensors::LENGTH;
use crate::show;
use crate::step::Range;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// Bytes between tensors.
pub(super) static GAP: Rule = Rule::malformed(
    "SR-SAFETENSORS-GAP",
    "bytes between tensors that belong to none",
    "Nothing says what they are: data to be carried unseen. The reference refuses the file.",
);

/// Tensors that share bytes.
pub(super) static OVERLAP: Rule = Rule::malformed(
    "SR-SAFETENSORS-OVERLAP",
    "tensors that share bytes",
    "The format has no shared tensors. A small file can claim to be huge in this way, and who \
     writes to one tensor changes another. The reference refuses the file.",
);

/// A tensor that ends after the file.
pub(super) static BEYOND: Rule = Rule::malformed(
    "SR-SAFETENSORS-BEYOND",
    "a tensor that ends after the file",
    "The file was cut, or lies. The reference refuses it; a careless reader reads beyond its memory.",
);

/// Bytes after the last tensor.
pub(super) static TRAILING: Rule = Rule::malformed(
    "SR-SAFETENSORS-TRAILING",
    "bytes after the last tensor",
    "Nothing says what they are: another file for another reader, or data to be carried unseen. \
     The reference refuses the file.",
);

/// Where the header says a tensor lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    /// Its name.
    pub(super) key: Span,
    /// First byte, and first byte after, from the end of the header.
    pub(super) data: (u64, u64),
}

/// Checks that tensors cover the bytes after the header, each once, and lists them.
pub(super) fn check(
    extents: &mut [Extent],
    lexer: &Lexer<'_>,
    bytes: u64,
    header: &Part,
    scope: &mut Scope<'_>,
) {
    let payload = scope.length.saturating_sub(LENGTH).saturating_sub(bytes);
    let start = LENGTH.saturating_add(bytes);
    extents.sort_unstable_by_key(|extent| (extent.data, extent.key.start));
    let mut covered = 0;
    for Extent { key, data: (first, end) } in extents.iter().copied() {
        let name = lexer.text(key);
        let say = |what| format!("tensor {} is at [{first}, {end}], {what}", show::name(&name));
        let mut find = |rule, what| scope.find(rule, header, key.start as u64, say(what));
        if first > covered {
            find(&GAP, format!("and nothing at [{covered}, {first}]"));
        } else if first < covered {
            find(&OVERLAP, format!("which others cover up to {covered}"));
        }
        if end > payload {
            let message = say(format!("and the file has {payload} bytes of tensors"));
            scope.find_cut(end, &BEYOND, header, key.start as u64, message);
        } else if let Some(length) = end.checked_sub(first) {
            scope.payload(&name, Range::new(start.saturating_add(first), length), None);
        }
        covered = covered.max(end);
    }
    if covered < payload {
        let message = format!("{} bytes after the last tensor", payload - covered);
        scope.find(&TRAILING, &Part::whole(), start.saturating_add(covered), message);
    }
}
