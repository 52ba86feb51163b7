use crate::model::Construct;
use crate::pickle::{Graph, Object};
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// A storage without an element type.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-LEGACY-UNTYPED",
    "a storage without an element type in a legacy stream",
    "PyTorch writes such storages for its newer element types, and cannot load what it wrote: \
     the stream has no place for the type. Saving again as a zip archive mends that.",
);

/// Reports the first storage of `torch.storage.UntypedStorage`.
pub(super) fn check(graph: &Graph, part: &Part, scope: &mut Scope<'_>) {
    let untyped = graph.objects.iter().find_map(|object| {
        let Object::Instance(instance) = object else { return None };
        let Some(Object::Tuple(id)) = graph.object(instance.callable) else { return None };
        let class = id.get(1).and_then(|&class| graph.object(class));
        let untyped = matches!(class, Some(Object::Global(class)) if class.name == "UntypedStorage");
        (untyped && instance.construct == Construct::Persistent).then_some(instance.offset)
    });
    if let Some(offset) = untyped {
        scope.find(&RULE, part, offset, "an UntypedStorage, which torch.load does not take here");
    }
}
