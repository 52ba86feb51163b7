//! Which calls have a meaning, and who knows it.

use super::context::Context;
use super::draft::Draft;
use super::flaw::Flaw;
use super::{containers, scalars, storages, tensors};
use crate::model::Construct;
use crate::pickle::{Instance, ObjectId};

/// What an instance means, unless nobody knows, or unless writing its meaning
/// would not give these instructions again.
pub(super) fn meaning<'g>(
    context: &mut Context<'g>,
    id: ObjectId,
    instance: &'g Instance,
) -> Result<Option<Draft<'g>>, Flaw> {
    // Nothing that is known has any.
    if !instance.effects.is_empty() {
        return Ok(None);
    }
    if instance.construct == Construct::Persistent {
        return storages::leaf(context, instance);
    }
    let (Construct::Call, Some(args), None) = (instance.construct, instance.args, instance.kwargs) else {
        return Ok(None);
    };
    let Some(callable) = context.global(instance.callable) else { return Ok(None) };
    let (module, name) = (callable.module.as_str(), callable.name.as_str());
    if (module, name) == ("collections", "OrderedDict") {
        return containers::ordered_dict(context, instance);
    }
    // Nothing else of what is known gets more than its arguments.
    if !instance.is_bare() {
        return Ok(None);
    }
    let offset = instance.offset;
    match (module, name) {
        ("torch._utils", name) => tensors::rebuild(context, name, args, offset),
        ("torch._tensor", "_rebuild_from_type_v2") => tensors::subclass(context, args, offset),
        ("torch.storage", "_load_from_bytes") => storages::loaded_leaf(context, id, offset),
        ("builtins", "set") => containers::set(context, args, false),
        ("builtins", "frozenset") => containers::set(context, args, true),
        ("collections", "Counter") => containers::counter(context, args),
        ("builtins", "complex") => scalars::complex(context, args),
        ("builtins", "bytes") => scalars::empty_bytes(context, args),
        ("builtins", "bytearray") => scalars::byte_array(context, args, offset),
        ("_codecs", "encode") => scalars::bytes(context, args, offset),
        ("torch", "Size") => scalars::size(context, args, offset),
        ("torch", "device") => scalars::device(context, args, offset),
        ("torch.serialization", "_get_layout") => scalars::layout(context, args),
        ("numpy.core.multiarray" | "numpy._core.multiarray", "scalar") => {
            scalars::numpy(context, id, args, offset)
        }
        _ => Ok(None),
    }
}
