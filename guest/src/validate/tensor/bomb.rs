use alloc::format;

use super::view::{node, strided, tensors};
use crate::model::{Node, Object, Tensor};
use crate::torch::Surveyed;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

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
    for (offset, tensor) in copied(found) {
        if let Some(excess) = excess(tensor).filter(|excess| *excess > LOADED) {
            let message = format!("{excess} bytes more, as soon as it is loaded, than it has in the file");
            scope.find(&RULE, part, offset, message);
        }
    }
    for (offset, tensor) in tensors(found) {
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

/// Tensors that torch makes in full before it lets them share a storage: quantized
/// ones, and those it moves to another device.
fn copied(found: &Surveyed) -> impl Iterator<Item = (u64, &Tensor)> {
    (0u32..).zip(&found.nodes).filter_map(|(id, node)| {
        let tensor = match node {
            Node::Quantized { tensor, .. } => tensor.as_ref(),
            Node::Object(object) => moved(found, object)?,
            _ => return None,
        };
        Some((found.offsets.near(id), tensor))
    })
}

fn moved<'a>(found: &'a Surveyed, object: &Object) -> Option<&'a Tensor> {
    let Node::Global(global) = node(found, object.callable)? else { return None };
    let Node::Tuple(args) = node(found, object.args?)? else { return None };
    let moves = global.module == "torch._utils" && global.name == "_rebuild_device_tensor_from_cpu_tensor";
    strided(found, *args.first()?).filter(|_| moves)
}

/// Bytes that a copy takes beyond what the tensor spans, where that is many times more.
fn excess(tensor: &Tensor) -> Option<u64> {
    tensor.storage?;
    let spans = tensor.extent()?;
    let takes = tensor.numel().and_then(|numel| tensor.dtype.bytes(numel)).unwrap_or(u64::MAX);
    (takes / RATIO > spans).then(|| takes.saturating_sub(spans))
}

/// How many times larger than in the file a copy is, before it counts.
const RATIO: u64 = 1024;
/// What one tensor may unfold to: causal masks and tables of positions are
/// expanded over batches and heads.
const TENSOR: u64 = 64 << 30;
/// What a tensor may unfold to that is copied while it is loaded.
const LOADED: u64 = 1 << 30;
/// What all of them may unfold to.
const ALL: u64 = 1 << 40;
