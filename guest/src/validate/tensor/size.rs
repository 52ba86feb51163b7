use alloc::format;

use super::view::tensors;
use crate::torch::Surveyed;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// Numbers that describe no tensor.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-TENSOR-SIZE",
    "a shape, stride or offset that cannot be",
    "Negative or overflowing numbers make readers compute a wrong extent and pass their own \
     checks. PyTorch refuses them.",
);

/// Reports tensors whose last byte has no address: those of storages were
/// compared with their storage, others with nothing.
pub(super) fn check(found: &Surveyed, part: &Part, scope: &mut Scope<'_>) {
    for (offset, tensor) in tensors(found) {
        if tensor.extent().is_none_or(|extent| i64::try_from(extent).is_err()) {
            let message = format!(
                "shape {:?}, stride {:?} of {}: its last byte is beyond 2^63",
                tensor.shape,
                tensor.stride,
                tensor.dtype.name()
            );
            scope.find(&RULE, part, offset, crate::show::cut(&message));
        }
    }
}
