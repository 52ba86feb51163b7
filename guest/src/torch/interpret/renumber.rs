use alloc::vec;
use alloc::vec::Vec;

use super::{NamedStorage, Offsets};
use crate::model::{Node, NodeId, StorageId, children, children_mut, visit_mut};

/// Numbers nodes and storages anew after some have lost their place, and drops
/// what node 0 no longer reaches.
pub(super) fn renumber(nodes: &mut Vec<Node>, storages: &mut Vec<NamedStorage>, offsets: &mut Offsets) {
    let order = preorder(nodes);
    let mut numbers = vec![None; nodes.len()];
    for (new, &old) in (0u32..).zip(&order) {
        set(&mut numbers, old, new);
    }
    let mut kept: Vec<Node> = order.iter().map(|&old| take(nodes, old)).collect();
    for node in &mut kept {
        children_mut(node, |id| *id = get(&numbers, *id).unwrap_or_default());
    }
    offsets.0 = offsets.0.iter().filter_map(|&(id, at)| Some((get(&numbers, id)?, at))).collect();
    offsets.0.sort_unstable();
    renumber_storages(&mut kept, storages);
    *nodes = kept;
}

fn renumber_storages(nodes: &mut [Node], storages: &mut Vec<NamedStorage>) {
    let mut numbers: Vec<Option<StorageId>> = vec![None; storages.len()];
    let mut kept = Vec::new();
    let mut renumber = |id: &mut StorageId| {
        let number = get(&numbers, *id).unwrap_or_else(|| {
            let number = u32::try_from(kept.len()).unwrap_or(u32::MAX);
            set(&mut numbers, *id, number);
            kept.extend(usize::try_from(*id).ok().and_then(|id| storages.get(id)).cloned());
            number
        });
        *id = number;
    };
    nodes.iter_mut().for_each(|node| visit_mut(node, |_| {}, &mut renumber));
    *storages = kept;
}

/// Everything node 0 reaches, each before its children.
fn preorder(nodes: &[Node]) -> Vec<NodeId> {
    let mut order = Vec::new();
    let mut met = vec![None; nodes.len()];
    let mut stack = vec![0];
    while let Some(id) = stack.pop() {
        if get(&met, id).is_some() {
            continue;
        }
        let Some(node) = usize::try_from(id).ok().and_then(|id| nodes.get(id)) else { continue };
        set(&mut met, id, 0);
        order.push(id);
        let first = stack.len();
        children(node, |child| stack.push(child));
        if let Some(new) = stack.get_mut(first..) {
            new.reverse();
        }
    }
    order
}

fn take(nodes: &mut [Node], id: NodeId) -> Node {
    let node = usize::try_from(id).ok().and_then(|id| nodes.get_mut(id));
    node.map_or(Node::None, |node| core::mem::replace(node, Node::None))
}

fn get(numbers: &[Option<u32>], index: u32) -> Option<u32> {
    *usize::try_from(index).ok().and_then(|index| numbers.get(index))?
}

fn set(numbers: &mut [Option<u32>], index: u32, number: u32) {
    if let Some(slot) = usize::try_from(index).ok().and_then(|index| numbers.get_mut(index)) {
        *slot = Some(number);
    }
}
