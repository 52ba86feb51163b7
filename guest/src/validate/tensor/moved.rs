//! Tensors that are moved to another device when they are made.

use alloc::format;

use super::gradient::{self, differentiable};
use super::unusable;
use super::view::{node, strided};
use crate::dtype::DType;
use crate::model::{Node, NodeId, Object, Tensor};
use crate::torch::Surveyed;
use crate::validate::examine::{Part, Scope};

/// A call that moves a tensor: what it moves, and to which type, if it is one.
pub(super) struct Move<'a> {
    pub(super) tensor: &'a Tensor,
    pub(super) to: Option<DType>,
    requires_grad: bool,
}

/// `_rebuild_device_tensor_from_cpu_tensor(tensor, dtype, device, requires_grad)`
pub(super) fn of<'a>(found: &'a Surveyed, object: &Object) -> Option<Move<'a>> {
    let Some(Node::Global(global)) = node(found, object.callable) else { return None };
    let is_one = global.module == "torch._utils" && global.name == "_rebuild_device_tensor_from_cpu_tensor";
    let Some(Node::Tuple(args)) = node(found, object.args.filter(|_| is_one)?) else { return None };
    let part = |at: usize| args.get(at).and_then(|&id: &NodeId| node(found, id));
    let to = match part(1) {
        Some(Node::DType(dtype)) => Some(*dtype),
        _ => None,
    };
    let requires_grad = matches!(part(3), Some(Node::Bool(true)));
    Some(Move { tensor: strided(found, *args.first()?)?, to, requires_grad })
}

/// Reports tensors that become others when they are moved, as torch writes none.
pub(super) fn check(found: &Surveyed, part: &Part, scope: &mut Scope<'_>) {
    for (id, node) in (0u32..).zip(&found.nodes) {
        let Node::Object(object) = node else { continue };
        let Some(Move { tensor, to, requires_grad }) = of(found, object) else { continue };
        let offset = found.offsets.near(id);
        let to = to.unwrap_or(tensor.dtype);
        if to != tensor.dtype {
            let message = format!("a tensor of {} that is made one of {}", tensor.dtype.name(), to.name());
            scope.find(&unusable::RULE, part, offset, message);
        }
        if requires_grad && !differentiable(to) {
            let message = format!("a tensor of {} that requires a gradient", to.name());
            scope.find(&gradient::RULE, part, offset, message);
        }
    }
}
