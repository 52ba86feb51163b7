use alloc::format;
use alloc::string::String;

use super::DISTRIBUTED;
use crate::pickle::{Graph, Object};

/// What a pickle is that a program wrote beside the data it is about.
pub(crate) fn describe(graph: &Graph) -> Option<String> {
    if let Some(Object::Instance(root)) = graph.object(graph.root)
        && let Some(Object::Global(class)) = graph.object(root.callable)
        && class.module == "torch.distributed.checkpoint.metadata"
    {
        return Some(format!("the index of a checkpoint of torch.distributed.checkpoint: {DISTRIBUTED}"));
    }
    None
}
