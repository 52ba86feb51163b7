//! Classes of torch that hold the state of a training. Source: `torch/amp/grad_scaler.py` of
//! torch 2.15, and `torch/cuda/amp/grad_scaler.py` before 2.3.

use alloc::collections::BTreeSet;

use super::row::{Finished, Flaw, Row, expect};
use super::{Entry, Means, entry};
use crate::pickle::Value;
use crate::validate::pickle::Objects;
use crate::validate::pickle::cost::{Keyed, Work};

pub(super) static TABLE: &[Entry] = &[
    entry(SCALERS, &["GradScaler"], Means::Object(Row::new(Work::Python, Keyed::Place, grad_scaler))),
    // What a scaler's table makes of an optimizer that is new: a dict, from nothing.
    entry(SCALERS, &[FRESH], Means::Class),
    // Constants, which torch pickles by their names.
    entry(&["torch"], MEMORY_FORMATS, Means::Class),
];

const MEMORY_FORMATS: &[&str] =
    &["contiguous_format", "preserve_format", "channels_last", "channels_last_3d"];

const SCALERS: &[&str] = &["torch.amp.grad_scaler", "torch.cuda.amp.grad_scaler"];
const FRESH: &str = "_refresh_per_optimizer_state";

/// A scaler whose attributes are its own and no others: one of another name could hide a method,
/// and its tensors are made anew from numbers.
fn grad_scaler(it: Finished<'_>) -> Result<(), Flaw> {
    expect(it.args.is_empty(), "it is made of nothing")?;
    it.has_no_items()?;
    let mut seen = BTreeSet::new();
    for &(key, value) in it.state_dict()? {
        let name = it.objects.text(key).unwrap_or_default();
        let fits = match name {
            "_device" => it.objects.text(value).is_some(),
            "_enabled" => matches!(value, Value::Bool(_)),
            "_init_scale" | "_growth_factor" | "_backoff_factor" => {
                matches!(value, Value::Float(_) | Value::Int(_))
            }
            "_growth_interval" | "_init_growth_tracker" => matches!(value, Value::Int(_)),
            "_scale" | "_growth_tracker" => value == Value::None,
            "_per_optimizer_states" => is_table(it.objects, value),
            _ => return Err(Flaw::active("it has an attribute that is not its own")),
        };
        expect(fits && seen.insert(name), "its state is what it tells of itself")?;
    }
    expect(seen.contains("_enabled"), "its state says whether it is enabled")
}

/// A table that makes entries for optimizers, and has none yet.
fn is_table(objects: Objects<'_>, value: Value) -> bool {
    let Some((global, instance)) = objects.called(value) else { return false };
    let factory = match instance.args.and_then(|args| objects.tuple(args)) {
        Some(&[factory]) => objects.global(factory),
        _ => None,
    };
    global.module == "collections"
        && global.name == "defaultdict"
        && instance.is_bare()
        && factory.is_some_and(is_fresh)
}

/// Whether a function is what a scaler's table makes entries with.
pub(super) fn is_fresh(global: &crate::model::Global) -> bool {
    SCALERS.contains(&global.module.as_str()) && global.name == FRESH
}
