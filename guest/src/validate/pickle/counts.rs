use alloc::format;

use super::Objects;
use super::rows;
use crate::pickle::{Instance, Object, Value};
use crate::validate::examine::{Part, Scope};

/// Reports a `Counter` that counts with a signaling NaN: showing it, or asking for the most common,
/// compares them, and that raises what nobody there catches.
pub(super) fn check(objects: Objects<'_>, instance: &Instance, part: &Part, scope: &mut Scope<'_>) {
    let Some(global) = objects.global(instance.callable) else { return };
    if global.module != "collections" || global.name != "Counter" {
        return;
    }
    let args = instance.args.and_then(|args| objects.tuple(args)).unwrap_or_default();
    let given = args.first().and_then(|&dict| match objects.get(dict) {
        Some(Object::Dict(pairs)) => Some(pairs.as_slice()),
        _ => None,
    });
    let counts = given.unwrap_or_default().iter().chain(&instance.pairs).map(|&(_, count)| count);
    let found = counts.into_iter().find(|&count| match objects.get(count) {
        // Tuples are compared item by item.
        Some(Object::Tuple(items)) => items.iter().any(|&item| is_signaling(objects, item)),
        _ => is_signaling(objects, count),
    });
    if found.is_some() {
        let what = "an object of collections.Counter that is not as it should be: it counts with a \
                    signaling NaN";
        scope.find(&rows::RULE, part, instance.offset, format!("{what}, which cannot be compared"));
    }
}

fn is_signaling(objects: Objects<'_>, value: Value) -> bool {
    let Some((global, instance)) = objects.called(value) else { return false };
    let args = instance.args.and_then(|args| objects.tuple(args)).unwrap_or_default();
    let text = args.first().and_then(|&text| objects.text(text)).unwrap_or_default();
    global.module == "decimal" && global.name == "Decimal" && text.trim_start_matches('-').starts_with("sNaN")
}
