use alloc::format;

use super::view::tensors;
use crate::DType;
use crate::model::Node;
use crate::torch::Surveyed;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// A tensor that loads and that operations refuse.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-TENSOR-UNUSABLE",
    "a tensor that no operation takes",
    "It loads, and whatever uses it fails: readers keep sets of dimensions in 64 bits, and negate \
     only signed numbers. PyTorch writes no such tensor.",
);

/// Reports tensors of more dimensions than operations take, and those to be negated whose type
/// cannot be.
pub(super) fn check(found: &Surveyed, part: &Part, scope: &mut Scope<'_>) {
    for (offset, tensor) in tensors(found) {
        let dimensions = tensor.shape.len();
        if dimensions > DIMENSIONS {
            scope.find(&RULE, part, offset, format!("{dimensions} dimensions, where {DIMENSIONS} are most"));
        }
        if tensor.neg && !is_negated(tensor.dtype) {
            scope.find(&RULE, part, offset, format!("a tensor of {} to be negated", tensor.dtype.name()));
        }
    }
    for (id, node) in (0u32..).zip(&found.nodes) {
        if let Node::Tensor(tensor) = node
            && tensor.dtype.name().starts_with('q')
        {
            let message = format!("a tensor of {} without a quantizer", tensor.dtype.name());
            scope.find(&RULE, part, found.offsets.near(id), message);
        }
    }
}

/// The types that `torch.neg` of torch 2.15 takes.
fn is_negated(dtype: DType) -> bool {
    let names = ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8"];
    dtype.is_complex() || names.contains(&dtype.name())
}

/// What `std::bitset<64>` in torch holds, and numpy's arrays since 2.0.
const DIMENSIONS: usize = 64;
