use alloc::format;
use alloc::vec::Vec;

use super::keys::Placed;
use crate::show;
use crate::step::Range;
use crate::torch::NamedStorage;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// A storage with another length than the state dict says.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-LEGACY-COUNT",
    "a storage with another element count than the state dict says",
    "One reader goes by the count, another by the state dict: they would find the next storage \
     in different places. PyTorch refuses the file.",
);

/// Bytes of an element count.
pub(super) const BYTES: u64 = 8;

/// Where the element counts lie, in the stream's order.
pub(super) fn ranges(placed: &Placed) -> Vec<Range> {
    let before = |range: Range| Range::new(range.offset.saturating_sub(BYTES), BYTES);
    placed.order.iter().filter_map(|&id| placed.place(id)).map(before).collect()
}

/// Reports counts that differ from the state dict's.
pub(super) fn check(placed: &Placed, counts: &[Vec<u8>], storages: &[NamedStorage], scope: &mut Scope<'_>) {
    for ((&id, count), range) in placed.order.iter().zip(counts).zip(ranges(placed)) {
        let Some(storage) = storages.get(id) else { continue };
        let found = <[u8; 8]>::try_from(count.as_slice()).map(i64::from_le_bytes).ok();
        if found.and_then(|found| u64::try_from(found).ok()) != Some(storage.elements) {
            let name = show::name(&storage.key);
            let found = found.unwrap_or_default();
            let message = format!("storage {name} of {} elements is said to have {found}", storage.elements);
            scope.find(&RULE, &Part::whole(), range.offset, message);
        }
    }
}
