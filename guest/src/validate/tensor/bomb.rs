use alloc::format;

use super::moved::{self, Move, Source};
use super::view::{strided, tensors};
use crate::DType;
use crate::model::{Node, NodeId, Object, Tensor};
use crate::torch::Surveyed;
use crate::validate::budget::Cost;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;
use crate::validate::pickle::spend;

/// Tensors that are tiny in the file and no memory holds.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-TENSOR-BOMB",
    "a few bytes that unfold to no end",
    "By strides of zero, or by rows that overlap, a tensor has more elements than its storage. \
     PyTorch saves such views, but none as vast as this: whatever copies it runs out of memory.",
);

/// Reports what would take more memory than there is, once copied. A tensor on
/// the device `meta` has no memory.
pub(super) fn check(found: &Surveyed, part: &Part, scope: &mut Scope<'_>) {
    let mut unfolded = 0u64;
    let mut first = None;
    for (id, node) in (0u32..).zip(&found.nodes) {
        spend(loaded(found, node), found.offsets.near(id), part, scope);
    }
    for (offset, tensor) in tensors(found) {
        if let Some(rows) = rows(tensor) {
            scope.find(&RULE, part, offset, format!("{rows} rows of nothing"));
        }
        let Some(excess) = excess(tensor) else { continue };
        if excess > TENSOR {
            let message = format!("{excess} bytes more, once copied, than it has in the file");
            scope.find(&RULE, part, offset, message);
        } else {
            unfolded = unfolded.saturating_add(excess);
            if unfolded > ALL && first.is_none() {
                first = Some(offset);
            }
        }
    }
    if let Some(offset) = first {
        let message =
            format!("{unfolded} bytes more in all tensors, once copied, than they have in the file");
        scope.find(&RULE, part, offset, message);
    }
}

/// What loading a tensor costs for each of its elements: torch makes quantized ones in full
/// before it lets them share a storage, as it does those that it moves to another device, and it
/// reads all indices of sparse ones.
fn loaded(found: &Surveyed, node: &Node) -> Cost {
    match node {
        Node::Quantized { tensor, .. } => copied(tensor, tensor.dtype),
        Node::SparseCoo { indices, .. } => read(found, *indices),
        Node::SparseCompressed(sparse) => read(found, sparse.compressed).and(read(found, sparse.plain)),
        Node::Object(object) => moved(found, object),
        _ => Cost::default(),
    }
}

/// A copy as elements of this type, which have twice the size on their way.
fn copied(tensor: &Tensor, to: DType) -> Cost {
    let numel = tensor.numel().unwrap_or(u64::MAX);
    let bytes = to.bytes(numel).unwrap_or(u64::MAX).max(tensor.dtype.bytes(numel).unwrap_or(u64::MAX));
    Cost::new(numel.saturating_mul(2), bytes)
}

fn read(found: &Surveyed, id: NodeId) -> Cost {
    let numel = strided(found, id).and_then(Tensor::numel).unwrap_or_default();
    Cost::new(numel.saturating_mul(4), numel.saturating_mul(8))
}

fn moved(found: &Surveyed, object: &Object) -> Cost {
    match moved::of(found, object) {
        // What is no type is refused; the largest one is as bad as any.
        Some(Move { from: Source::Tensor(tensor), to, .. }) => {
            copied(tensor, to.unwrap_or(DType::Complex128))
        }
        // What an array costs is counted with the calls.
        Some(Move { from: Source::Array, .. }) | None => Cost::default(),
    }
}

/// Bytes that a copy takes beyond what the tensor spans, where that is many times more.
fn excess(tensor: &Tensor) -> Option<u64> {
    tensor.storage?;
    let spans = tensor.extent()?;
    let takes = tensor.numel().and_then(|numel| tensor.dtype.bytes(numel)).unwrap_or(u64::MAX);
    (takes / RATIO > spans).then(|| takes.saturating_sub(spans))
}

/// Rows that have no elements, where they are more than anybody lists: no byte of the file is
/// theirs.
fn rows(tensor: &Tensor) -> Option<u64> {
    let empty = tensor.shape.iter().position(|&size| size == 0)?;
    let rows = tensor.shape.iter().take(empty).fold(1u64, |rows, &size| rows.saturating_mul(size));
    (rows > ROWS).then_some(rows)
}

/// Rows of nothing that a tensor may have.
const ROWS: u64 = 1 << 24;
/// How many times larger than in the file a copy is, before it counts.
const RATIO: u64 = 1024;
/// What one tensor may unfold to: causal masks and tables of positions are
/// expanded over batches and heads.
const TENSOR: u64 = 64 << 30;
/// What all of them may unfold to.
const ALL: u64 = 1 << 40;
