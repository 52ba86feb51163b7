use super::{Owners, holds_data};
use crate::bindings::types as wit;
use crate::state::{DType, Node, StateDict, Storage, references};

/// The part of `state` that `rank` has: its containers, cut down to what is on
/// this rank. Rank 0 has all containers and all that is no tensor. A list keeps
/// its length: `None` stands for what is elsewhere.
pub(crate) fn part<'a>(state: &StateDict<'a>, owners: &Owners, rank: usize) -> StateDict<'a> {
    let kept = kept(state, owners, rank);
    let keep = |id: u32| kept[id as usize];
    let mut nodes = state.nodes().to_vec();
    let none = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
    nodes.push(Node::None);
    for node in &mut nodes {
        match node {
            Node::Dict(items) => items.retain(|pair| keep(pair.value)),
            Node::OrderedDict(wit::OrderedDict { items, attributes }) => {
                items.retain(|pair| keep(pair.value));
                *attributes = attributes.filter(|_| rank == 0);
            }
            Node::List(ids) | Node::Tuple(ids) => {
                ids.iter_mut().filter(|id| !keep(**id)).for_each(|id| *id = none);
            }
            _ => {}
        }
    }
    state.with_nodes(nodes)
}

/// The whole of `state`, its tensors without data, in a pair with an empty tensor.
///
/// The empty tensor brings the strings in that PyTorch writes for any storage, so
/// that a string of `state` which is one object with them stays so.
pub(crate) fn outline(state: &StateDict<'_>) -> StateDict<'static> {
    let mut nodes = state.nodes().to_vec();
    for node in &mut nodes {
        let bare = match node {
            Node::Tensor(tensor) | Node::Quantized(wit::Quantized { tensor, .. }) => {
                Node::Tensor(wit::Tensor {
                    storage: None,
                    offset: 0,
                    conj: false,
                    neg: false,
                    ..tensor.clone()
                })
            }
            Node::Storage(_) => Node::None,
            _ => continue,
        };
        *node = bare;
    }
    let empty = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
    nodes.push(Node::Tensor(wit::Tensor {
        storage: Some(0),
        dtype: DType::Float32,
        offset: 0,
        shape: vec![0],
        stride: vec![1],
        requires_grad: false,
        conj: false,
        neg: false,
    }));
    nodes.push(Node::Tuple(vec![state.root_id(), empty]));
    StateDict::from_parts(nodes, vec![Storage::new([])], empty + 1, state.metadata().to_vec())
}

/// The state dict of an [`outline`].
pub(crate) fn unwrap<'a>(outline: &StateDict<'a>) -> Option<StateDict<'a>> {
    match outline.node(outline.root_id()) {
        Node::Tuple(pair) => Some(outline.with_root(*pair.first()?)),
        _ => None,
    }
}

/// Which values stay in the containers of `rank`.
fn kept(state: &StateDict<'_>, owners: &Owners, rank: usize) -> Vec<bool> {
    // On rank 0 all stays but the data of others. On the others nothing stays
    // but their data and the way to it.
    let mut kept: Vec<bool> = (0..state.nodes().len())
        .map(|index| {
            let id = u32::try_from(index).unwrap_or(u32::MAX);
            owners.of(state, id).map_or(rank == 0, |owner| owner == rank)
        })
        .collect();
    if rank == 0 {
        return kept;
    }
    // Containers by the containers in them, innermost first; a cycle leads to
    // nothing that the way into it does not.
    let mut entered = vec![false; kept.len()];
    let mut stack = vec![(state.root_id(), false)];
    while let Some((id, done)) = stack.pop() {
        let node = state.node(id);
        let inside: Vec<u32> = match node {
            Node::Dict(pairs) | Node::OrderedDict(wit::OrderedDict { items: pairs, .. }) => {
                pairs.iter().map(|pair| pair.value).collect()
            }
            Node::List(ids) | Node::Tuple(ids) => ids.clone(),
            _ => continue,
        };
        if done {
            kept[id as usize] = inside.iter().any(|&id| kept[id as usize]);
        } else if !std::mem::replace(&mut entered[id as usize], true) {
            stack.push((id, true));
            stack.extend(inside.into_iter().map(|id| (id, false)));
        }
    }
    kept[state.root_id() as usize] = true;
    kept
}

/// The tensors of an outline: places for ranks' data.
pub(super) fn places(outline: &StateDict<'_>) -> Vec<u32> {
    let mut seen = vec![false; outline.nodes().len()];
    let mut stack = vec![outline.root_id()];
    let mut places = Vec::new();
    while let Some(id) = stack.pop() {
        if std::mem::replace(&mut seen[id as usize], true) {
            continue;
        }
        let node = outline.node(id);
        if matches!(node, Node::Tensor(_)) && !holds_data(node) {
            places.push(id);
        }
        stack.extend(references(node));
    }
    places
}
