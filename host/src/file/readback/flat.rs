//! Comparing with a file that holds tensors by their names.

use std::collections::{HashMap, HashSet};

use super::{Compared, is_at};
use crate::File;
use crate::file::drive::Layout;
use crate::file::write::Flattened;
use crate::payload::layout::{extent, is_contiguous};
use crate::sandbox::bindings::types::{Pair, Tensor};
use crate::sandbox::bindings::writer::{Slot, Source as Fill};
use crate::state::{Flat, Node, StateDict, flattened};

/// Holds a file against the tensors of `state`: all that were not reported as left out
/// are in it, under their names, and nothing else. Answers which storage each payload is of,
/// and what the tensors are no more.
pub(super) fn compare(
    state: &StateDict<'_>,
    layout: &Layout,
    file: &File,
) -> Compared<(Vec<u32>, Flattened)> {
    if sorted(state.metadata()) != sorted(file.state().metadata()) {
        return Err("expected the metadata of the state dict, found another".into());
    }
    let mut found = tensors(file.state())?;
    let slots: HashMap<u64, &Slot> =
        layout.slots.iter().filter(|slot| slot.length > 0).map(|slot| (slot.offset, slot)).collect();
    let mut left_out: HashSet<&str> = layout.plan.left_out.iter().map(|unfit| unfit.path.as_str()).collect();
    let (expected, modules) = flattened(state);
    // What is left out of a module is not its tensors.
    left_out.retain(|path| !modules.contains(*path));
    let mut storages = vec![None; file.parts().len()];
    let mut flattened = Flattened { partly_shown: state.partly_shown(), ..Flattened::default() };
    let mut spans = Vec::new();
    for Flat { tensor: expected, path, name, parameter } in expected {
        let expected = expected.raw();
        // What is left out of a tensor that is there is what it has beside its elements.
        let Some(tensor) = name.and_then(|name| found.remove(name.as_str())) else {
            if is_in(&left_out, &path) {
                continue;
            }
            return Err(format!("{path}: expected a tensor, found nothing"));
        };
        flattened.parameters += usize::from(parameter);
        flattened.requires_grad += usize::from(expected.requires_grad);
        spans.extend(span(expected));
        if (tensor.dtype, &tensor.shape) != (expected.dtype, &expected.shape) {
            return Err(format!(
                "{path}: expected {} {:?}, found {} {:?}",
                expected.dtype, expected.shape, tensor.dtype, tensor.shape
            ));
        }
        let elsewhere = || format!("{path}: expected its elements, found those of another tensor");
        let index = tensor.storage.filter(|_| tensor.offset == 0 && is_contiguous(tensor));
        let index = index.map(|index| index as usize).ok_or_else(elsewhere)?;
        let (part, storage) = file.parts().get(index).zip(storages.get_mut(index)).ok_or_else(elsewhere)?;
        if part.length > 0 {
            let slot = slots.get(&part.offset).filter(|slot| fills(slot, expected)).ok_or_else(elsewhere)?;
            is_at(part, slot)?;
        }
        *storage = expected.storage;
    }
    if let Some(name) = found.keys().min() {
        return Err(format!("{name}: expected nothing, found a tensor"));
    }
    flattened.tied = tied(spans);
    let storages = storages.into_iter().collect::<Option<_>>();
    Ok((storages.ok_or("found a payload that belongs to no tensor")?, flattened))
}

/// The storage that a tensor looks into, and between which bytes. None if it has no elements.
fn span(tensor: &Tensor) -> Option<(u32, u64, u64)> {
    let end = extent(tensor).filter(|end| *end > 0)?;
    Some((tensor.storage?, tensor.dtype.bytes(tensor.offset)?, end))
}

/// How many of these meet one that begins no later, each in one storage.
fn tied(mut spans: Vec<(u32, u64, u64)>) -> usize {
    spans.sort_unstable();
    let mut reached = None;
    let meets = |&(storage, start, end): &(u32, u64, u64)| {
        let meets = reached.is_some_and(|(of, reach)| of == storage && start < reach);
        let before = reached.filter(|_| meets).map_or(0, |(_, reach)| reach);
        reached = Some((storage, end.max(before)));
        meets
    };
    spans.iter().map(meets).filter(|meets| *meets).count()
}

/// The tensors of a flat file, by their names.
fn tensors<'f>(file: &'f StateDict<'_>) -> Compared<HashMap<&'f str, &'f Tensor>> {
    let Node::Dict(pairs) = file.node(file.root_id()) else { return Err("expected a dict".into()) };
    let tensor = |Pair { key, value }: &Pair| match (file.node(*key), file.node(*value)) {
        (Node::Text(name), Node::Tensor(tensor)) => Ok((name.value.as_str(), tensor)),
        _ => Err("expected tensors and their names".into()),
    };
    pairs.iter().map(tensor).collect()
}

/// Whether a slot is filled with the elements of a tensor.
fn fills(slot: &Slot, tensor: &Tensor) -> bool {
    match &slot.source {
        Fill::Storage(id) => (tensor.storage, tensor.offset) == (Some(*id), 0) && is_contiguous(tensor),
        Fill::Tensor(view) => {
            (view.storage, view.dtype, view.offset) == (tensor.storage, tensor.dtype, tensor.offset)
                && (&view.shape, &view.stride) == (&tensor.shape, &tensor.stride)
        }
    }
}

/// Whether a value or one that it is in is among the paths.
fn is_in(paths: &HashSet<&str>, path: &str) -> bool {
    let ends = path.char_indices().filter(|(_, c)| matches!(c, '.' | '[' | '@' | '{')).map(|(end, _)| end);
    [0, path.len()].into_iter().chain(ends).any(|end| paths.contains(&path[..end]))
}

/// Metadata in an order of its own: safetensors files have it in any.
pub(crate) fn sorted(metadata: &[(String, String)]) -> Vec<&(String, String)> {
    let mut metadata: Vec<_> = metadata.iter().collect();
    metadata.sort_unstable();
    metadata
}
