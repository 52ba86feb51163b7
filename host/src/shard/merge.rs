use std::collections::{BTreeMap, BTreeSet};

use super::part::places;
use crate::bindings::types as wit;
use crate::state::{Item, Node, StateDict, references};

/// Puts the ranks' tensors back into the outline. Answers the merged state dict
/// and how many tensors of the outline no rank has.
pub(crate) fn merge<'a>(outline: &StateDict<'a>, parts: &[StateDict<'a>]) -> (StateDict<'a>, usize) {
    let mut merged = outline.clone();
    let mut missing: BTreeSet<u32> = places(outline).into_iter().collect();
    for part in parts {
        let mut seen = BTreeSet::new();
        let mut stack = vec![(outline.root_id(), part.root_id())];
        while let Some((ours, theirs)) = stack.pop() {
            if !seen.insert((ours, theirs)) {
                continue;
            }
            if matches!(part.node(theirs), Node::Tensor(_) | Node::Quantized(_) | Node::Storage(_)) {
                let node = adopt(&mut merged, part, theirs);
                if let Some(place) = merged.nodes_mut().get_mut(ours as usize) {
                    *place = node;
                    missing.remove(&ours);
                }
            } else {
                stack.extend(counterparts(outline, ours, part, theirs));
            }
        }
    }
    (merged, missing.len())
}

/// The values inside two values that stand at the same place.
fn counterparts(outline: &StateDict<'_>, ours: u32, part: &StateDict<'_>, theirs: u32) -> Vec<(u32, u32)> {
    match (outline.node(ours), part.node(theirs)) {
        (Node::Dict(ours), Node::Dict(theirs)) => common(outline, ours, part, theirs),
        (Node::OrderedDict(ours), Node::OrderedDict(theirs)) => {
            let mut pairs = common(outline, &ours.items, part, &theirs.items);
            pairs.extend(ours.attributes.zip(theirs.attributes));
            pairs
        }
        (ours, theirs) if std::mem::discriminant(ours) == std::mem::discriminant(theirs) => {
            references(ours).into_iter().zip(references(theirs)).collect()
        }
        _ => Vec::new(),
    }
}

/// The values that two dicts have under the same key.
fn common(
    outline: &StateDict<'_>,
    ours: &[wit::Pair],
    part: &StateDict<'_>,
    theirs: &[wit::Pair],
) -> Vec<(u32, u32)> {
    let keyed: BTreeMap<(String, String), u32> =
        ours.iter().map(|pair| (name(outline, pair.key, DEEP), pair.value)).collect();
    let find = |pair: &wit::Pair| Some((*keyed.get(&name(part, pair.key, DEEP))?, pair.value));
    theirs.iter().filter_map(find).collect()
}

/// What tells a key from all others that a dict can have beside it.
fn name(state: &StateDict<'_>, key: u32, depth: usize) -> (String, String) {
    let item = Item::new(state, key);
    let value = match state.node(key) {
        Node::Text(text) => text.value.clone(),
        Node::Bytes(bytes) | Node::BigInt(bytes) | Node::SurrogateText(bytes) => format!("{bytes:?}"),
        Node::Tuple(ids) if depth > 0 => {
            format!("{:?}", ids.iter().map(|&id| name(state, id, depth - 1)).collect::<Vec<_>>())
        }
        _ => item.repr(),
    };
    (item.kind(), value)
}

/// Tuples in a key that are looked into: shared tuples in tuples are a bomb.
const DEEP: usize = 1;

/// A rank's tensor as a node of the merged state dict, its storages brought along.
fn adopt<'a>(merged: &mut StateDict<'a>, part: &StateDict<'a>, id: u32) -> Node {
    let mut node = part.node(id).clone();
    let mut bring = |storage: &mut u32| {
        if let Some(theirs) = part.storages().get(*storage as usize) {
            *storage = merged.storage_id(theirs);
        }
    };
    match &mut node {
        Node::Tensor(tensor) | Node::Quantized(wit::Quantized { tensor, .. }) => {
            tensor.storage.iter_mut().for_each(&mut bring);
        }
        Node::Storage(view) => bring(&mut view.storage),
        _ => {}
    }
    if let Node::Quantized(wit::Quantized { quantizer: wit::Quantizer::PerChannel(channel), .. }) = &mut node
    {
        for place in [&mut channel.scales, &mut channel.zero_points] {
            let tensor = adopt(merged, part, *place);
            let nodes = merged.nodes_mut();
            *place = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
            nodes.push(tensor);
        }
    }
    node
}
