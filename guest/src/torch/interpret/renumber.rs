use alloc::vec;
use alloc::vec::Vec;

use super::{NamedStorage, Offsets};
use crate::model::{Node, NodeId, StorageId, children, children_mut, visit_mut};

/// Numbers nodes and storages anew after some have lost their place, and drops
/// what node 0 no longer reaches.
pub(super) fn renumber(
    nodes: &mut Vec<Node>,
    storages: &mut Vec<NamedStorage>,
    offsets: &mut Offsets,
) -> Dropped {
    let order = preorder(nodes);
    let mut numbers = vec![None; nodes.len()];
    for (new, &old) in (0u32..).zip(&order) {
        set(&mut numbers, old, new);
    }
    let mut kept: Vec<Node> = order.iter().map(|&old| take(nodes, old)).collect();
    let opaque = |node: &Node| matches!(node, Node::Object(_) | Node::Global(_) | Node::Subclass { .. });
    let call = (0u32..).zip(nodes.iter()).find(|(_, node)| opaque(node)).map(|(id, _)| offsets.near(id));
    for node in &mut kept {
        children_mut(node, |id| *id = get(&numbers, *id).unwrap_or_default());
    }
    offsets.0 = offsets.0.iter().filter_map(|&(id, at)| Some((get(&numbers, id)?, at))).collect();
    offsets.0.sort_unstable();
    let storages = renumber_storages(&mut kept, storages);
    *nodes = kept;
    Dropped { call, storages, numbers }
}

/// What has lost its place.
pub(super) struct Dropped {
    /// Where the first call or import is that is not torch's own way of writing a
    /// value: a reader makes it all the same.
    pub(super) call: Option<u64>,
    /// Storages.
    pub(super) storages: Vec<NamedStorage>,
    /// The new number of each node that has kept its place.
    pub(super) numbers: Vec<Option<NodeId>>,
}

/// Answers with the storages that are left over.
fn renumber_storages(nodes: &mut [Node], storages: &mut Vec<NamedStorage>) -> Vec<NamedStorage> {
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
    let all = core::mem::replace(storages, kept);
    all.into_iter().zip(numbers).filter(|(_, number)| number.is_none()).map(|(storage, _)| storage).collect()
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
