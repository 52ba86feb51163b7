use alloc::format;
use alloc::string::String;

use super::DISTRIBUTED;
use crate::model::Construct;
use crate::pickle::{Graph, Object};

/// What a pickle is that a program wrote beside the data it is about.
pub(crate) fn describe(graph: &Graph) -> Option<String> {
    if let Some(Object::Instance(root)) = graph.object(graph.root)
        && let Some(Object::Global(class)) = graph.object(root.callable)
        && class.module == "torch.distributed.checkpoint.metadata"
    {
        return Some(format!("the index of a checkpoint of torch.distributed.checkpoint: {DISTRIBUTED}"));
    }
    let stored = |object: &Object| match object {
        Object::Instance(instance) if instance.construct == Construct::Persistent => {
            let Some(Object::Tuple(id)) = graph.object(instance.callable) else { return false };
            let kind = id.first().and_then(|kind| graph.object(*kind));
            matches!(kind, Some(Object::Text(kind)) if kind == "storage")
        }
        _ => false,
    };
    graph.objects.iter().any(stored).then(|| {
        "the pickle of an unpacked PyTorch file (data.pkl), whose tensors are in other files: open the file \
         itself, or pack its folder again with `zip -0 -r`"
            .into()
    })
}
