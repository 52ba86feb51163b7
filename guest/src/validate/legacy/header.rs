use crate::pickle::{Graph, Object, Value};
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// What stands before the state dict.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-LEGACY-HEADER",
    "a legacy stream with something else in its header",
    "The first three pickles are a number, a version and a few facts on the machine that wrote \
     the file. They make no objects. PyTorch refuses other numbers and versions.",
);

/// Whether a pickle is the first one of a legacy stream.
pub(in crate::validate) fn is_magic(graph: &Graph) -> bool {
    matches!(graph.object(graph.root), Some(Object::BigInt(bytes)) if bytes == &MAGIC)
}

/// Reports a first pickle that is not torch's magic number.
pub(super) fn magic(graph: &Graph, part: &Part, scope: &mut Scope<'_>) {
    if !is_magic(graph) {
        scope.find(&RULE, part, 0, "not torch's magic number");
    }
    plain(graph, part, scope);
}

/// Reports a second pickle that is not the version torch knows.
pub(super) fn version(graph: &Graph, part: &Part, scope: &mut Scope<'_>) {
    if graph.root != Value::Int(1001) {
        scope.find(&RULE, part, 0, "not version 1001");
    }
    plain(graph, part, scope);
}

/// Reports a third pickle that does not describe a machine.
pub(super) fn system(graph: &Graph, part: &Part, scope: &mut Scope<'_>) {
    let pairs = match graph.object(graph.root) {
        Some(Object::Dict(pairs)) => pairs.as_slice(),
        _ => &[],
    };
    let order = pairs.iter().any(|&(key, value)| {
        let named = matches!(graph.object(key), Some(Object::Text(key)) if key == "little_endian");
        named && matches!(value, Value::Bool(_))
    });
    if !order {
        scope.find(&RULE, part, 0, "not a dict with `little_endian`, a bool");
    }
    plain(graph, part, scope);
}

/// Reports objects in a pickle that has none.
pub(super) fn plain(graph: &Graph, part: &Part, scope: &mut Scope<'_>) {
    let instance = graph.objects.iter().find_map(|object| match object {
        Object::Instance(instance) => Some(instance.offset),
        _ => None,
    });
    if let Some(offset) = instance {
        scope.find(&RULE, part, offset, "an object, where there are only numbers and texts");
    }
}

/// The first pickle's number, 0x1950a86a20f9469cfc6c, least byte first.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
