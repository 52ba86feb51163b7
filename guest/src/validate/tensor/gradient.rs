use alloc::format;

use super::view::{strided, tensors};
use crate::dtype::DType;
use crate::model::Node;
use crate::torch::Surveyed;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// Gradients of what has none.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-TENSOR-GRADIENT",
    "a tensor of integers that requires a gradient",
    "Only floating-point and complex tensors have gradients: PyTorch refuses the file.",
);

/// Reports tensors and parameters that require a gradient and cannot have one.
pub(super) fn check(found: &Surveyed, part: &Part, scope: &mut Scope<'_>) {
    for (offset, tensor) in tensors(found) {
        if tensor.requires_grad && !differentiable(tensor.dtype) {
            let message = format!("a tensor of {} that requires a gradient", tensor.dtype.name());
            scope.find(&RULE, part, offset, message);
        }
    }
    for (id, node) in (0u32..).zip(&found.nodes) {
        if let Node::Parameter { tensor, requires_grad: true, .. } = node
            && let Some(tensor) = strided(found, *tensor)
            && !differentiable(tensor.dtype)
        {
            let message = format!("a parameter of {} that requires a gradient", tensor.dtype.name());
            scope.find(&RULE, part, found.offsets.near(id), message);
        }
    }
}

pub(super) fn differentiable(dtype: DType) -> bool {
    dtype.is_complex() || dtype.name().starts_with("float") || dtype == DType::BFloat16
}
