use alloc::format;
use alloc::string::String;

use super::DISTRIBUTED;
use crate::Limits;
use crate::pickle::{Graph, Machine, Object, Progress};

/// Whether the first bytes of a file of `length` run as a pickle does that names no protocol,
/// as protocols 0 and 1 are.
pub(crate) fn may_be(head: &[u8], length: u64, limits: &Limits) -> bool {
    match Machine::new(0, "", limits).feed(head) {
        Ok(Progress::Done(used)) => used == length,
        Ok(Progress::More(_)) => length > head.len() as u64,
        Err(_) => false,
    }
}

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
