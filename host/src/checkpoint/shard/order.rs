use crate::state::{StateDict, visit};

/// The storages of a state dict in the order in which a pickler first meets them: that of
/// a file's payloads, and of an outline's storages.
pub(crate) fn encountered(state: &StateDict<'_>) -> Vec<u32> {
    let mut order = Vec::new();
    let mut met = vec![false; state.storages().len()];
    let mut seen = vec![false; state.nodes().len()];
    let mut stack = vec![state.root_id()];
    while let Some(id) = stack.pop() {
        if seen.get_mut(id as usize).is_none_or(|seen| std::mem::replace(seen, true)) {
            continue;
        }
        let first = stack.len();
        visit(state.node(id), &mut |&child| stack.push(child), &mut |&storage| {
            if met.get_mut(storage as usize).is_some_and(|met| !std::mem::replace(met, true)) {
                order.push(storage);
            }
        });
        stack[first..].reverse();
    }
    order
}
