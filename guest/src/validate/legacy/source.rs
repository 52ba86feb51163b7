use crate::model::Construct;
use crate::pickle::{Graph, Object};
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// A module with its source code.
pub(super) static RULE: Rule = Rule::refused(
    "SR-LEGACY-SOURCE",
    "a class with its source code",
    "Old files of whole modules carry the source of their classes. Loading one imports the \
     class, and so runs its module. Save a state dict instead.",
);

/// Reports persistent ids of modules: `('module', class, file, source)`.
pub(super) fn check(graph: &Graph, part: &Part, scope: &mut Scope<'_>) {
    for object in &graph.objects {
        let Object::Instance(instance) = object else { continue };
        let Some(Object::Tuple(id)) = graph.object(instance.callable) else { continue };
        let tag = id.first().and_then(|&tag| graph.object(tag));
        let module = matches!(tag, Some(Object::Text(tag)) if tag == "module");
        if module && instance.construct == Construct::Persistent {
            scope.find(&RULE, part, instance.offset, "a persistent id of a module");
        }
    }
}
