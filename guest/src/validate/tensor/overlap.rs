use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::view::tensors;
use crate::model::{StorageId, Tensor};
use crate::torch::Surveyed;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// Memory that belongs to more than one element.
pub(super) static RULE: Rule = Rule::note(
    "SR-TENSOR-OVERLAP",
    "tensors that overlap in part",
    "Tied weights share all their elements and views lie inside each other; this is neither. \
     Writing to one element changes another.",
);

/// Notes tensors whose rows overlap, and pairs that overlap in part.
pub(super) fn check(found: &Surveyed, part: &Part, scope: &mut Scope<'_>) {
    let mut spans: BTreeMap<StorageId, Vec<Span>> = BTreeMap::new();
    for (offset, tensor) in tensors(found) {
        if overlaps_itself(tensor) {
            scope.find(&RULE, part, offset, "a tensor whose own rows overlap");
        }
        if let Some((storage, span)) = span(tensor, offset) {
            spans.entry(storage).or_default().push(span);
        }
    }
    for spans in spans.values_mut() {
        if let Some(offset) = partial(spans) {
            scope.find(&RULE, part, offset, "a tensor that shares some of its elements with another");
        }
    }
}

/// The bytes of a tensor without gaps.
#[derive(Clone, Copy)]
struct Span {
    start: u64,
    end: u64,
    /// Of the call that makes it.
    offset: u64,
}

fn span(tensor: &Tensor, offset: u64) -> Option<(StorageId, Span)> {
    let storage = tensor.storage?;
    let gapless = tensor.is_contiguous() && !tensor.shape.contains(&0);
    let (start, end) = (tensor.dtype.bytes(tensor.offset)?, tensor.extent()?);
    gapless.then_some((storage, Span { start, end, offset }))
}

/// The first span that overlaps another without one lying inside the other.
fn partial(spans: &mut [Span]) -> Option<u64> {
    spans.sort_unstable_by_key(|span| (span.start, core::cmp::Reverse(span.end)));
    let mut open: Vec<u64> = Vec::new();
    for span in spans {
        while open.last().is_some_and(|&end| end <= span.start) {
            open.pop();
        }
        if open.last().is_some_and(|&end| end < span.end) {
            return Some(span.offset);
        }
        open.push(span.end);
    }
    None
}

/// Whether two elements may be one, other than by a stride of zero.
fn overlaps_itself(tensor: &Tensor) -> bool {
    if tensor.shape.contains(&0) {
        return false;
    }
    let mut dimensions: Vec<(u64, u64)> =
        tensor.stride.iter().copied().zip(tensor.shape.iter().copied()).collect();
    dimensions.retain(|&(stride, size)| stride > 0 && size > 1);
    dimensions.sort_unstable();
    let mut reach = 0u64;
    dimensions.into_iter().any(|(stride, size)| {
        let inside = stride <= reach;
        reach = reach.saturating_add(stride.saturating_mul(size.saturating_sub(1)));
        inside
    })
}
