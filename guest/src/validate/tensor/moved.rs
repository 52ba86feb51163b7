//! Tensors that are moved to another device when they are made.

use alloc::format;

use super::gradient::{self, differentiable};
use super::unusable;
use super::view::{called, node, strided};
use crate::dtype::DType;
use crate::model::{Node, NodeId, Object, Tensor};
use crate::torch::Surveyed;
use crate::validate::examine::{Part, Scope};

/// A call that moves a tensor, or an array of numpy, and the type to which, if it is one.
pub(super) struct Move<'a> {
    pub(super) from: Source<'a>,
    pub(super) to: Option<DType>,
    requires_grad: bool,
}

/// What is moved.
pub(super) enum Source<'a> {
    /// `_rebuild_device_tensor_from_cpu_tensor(tensor, dtype, device, requires_grad)`
    Tensor(&'a Tensor),
    /// `_rebuild_device_tensor_from_numpy(array, dtype, device, requires_grad)`
    Array,
}

/// The move that a call is.
pub(super) fn of<'a>(found: &'a Surveyed, object: &Object) -> Option<Move<'a>> {
    let (global, args) = called(found, object)?;
    let from = match (global.module.as_str(), global.name.as_str()) {
        ("torch._utils", "_rebuild_device_tensor_from_cpu_tensor") => {
            Source::Tensor(strided(found, *args.first()?)?)
        }
        ("torch._utils", "_rebuild_device_tensor_from_numpy") => Source::Array,
        _ => return None,
    };
    let part = |at: usize| args.get(at).and_then(|&id: &NodeId| node(found, id));
    let to = match part(1) {
        Some(Node::DType(dtype)) => Some(*dtype),
        _ => None,
    };
    Some(Move { from, to, requires_grad: matches!(part(3), Some(Node::Bool(true))) })
}

/// Reports tensors that become others when they are moved, as torch writes none, and arrays that
/// become tensors of a type that nothing can be made.
pub(super) fn check(found: &Surveyed, part: &Part, scope: &mut Scope<'_>) {
    for (id, node) in (0u32..).zip(&found.nodes) {
        let Node::Object(object) = node else { continue };
        let Some(Move { from, to, requires_grad }) = of(found, object) else { continue };
        let offset = found.offsets.near(id);
        let (to, wrong) = match (from, to) {
            (Source::Tensor(tensor), to) => {
                let to = to.unwrap_or(tensor.dtype);
                let what = || format!("a tensor of {}", tensor.dtype.name());
                (to, (to != tensor.dtype).then(what))
            }
            (Source::Array, Some(to)) => (to, (!is_made(to)).then(|| "an array".into())),
            // Its arguments are reported as none.
            (Source::Array, None) => continue,
        };
        if let Some(what) = wrong {
            let message = format!("{what} that is made a tensor of {}", to.name());
            scope.find(&unusable::RULE, part, offset, message);
        }
        if requires_grad && !differentiable(to) {
            let message = format!("a tensor of {} that requires a gradient", to.name());
            scope.find(&gradient::RULE, part, offset, message);
        }
    }
}

/// Whether torch makes numbers of other types to those of this one.
fn is_made(to: DType) -> bool {
    let is_number = to == DType::Bool || to.is_complex() || to.safetensors().is_some();
    is_number && !matches!(to, DType::BComplex32 | DType::Float4E2M1FNx2)
}
