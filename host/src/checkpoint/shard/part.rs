use super::Owners;
use super::reach::{Part, Reach, parts};
use crate::sandbox::bindings::types as wit;
use crate::state::{Node, StateDict};

/// The part of `state` that `rank` has: its containers, cut down to what is on this
/// rank. Rank 0 has all containers and all that has no data. A list keeps its length:
/// an absent value stands for what is elsewhere. A dict loses what is elsewhere.
pub(crate) fn part<'a>(state: &StateDict<'a>, owners: &Owners, rank: usize) -> StateDict<'a> {
    let reach = Reach::of(state);
    let kept = kept(state, owners, &reach, rank);
    let keep = |id: u32| kept[id as usize];
    // An entry goes where its value goes; but where the key has data it decides, as the
    // value then has none or is on the same rank.
    let entry =
        |pair: &wit::Pair| keep(if reach.has_data[pair.key as usize] { pair.key } else { pair.value });
    let mut nodes = state.nodes().to_vec();
    let absent = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
    for (id, node) in nodes.iter_mut().enumerate() {
        if !reach.is_spine[id] || reach.is_whole[id] {
            continue;
        }
        match node {
            Node::Dict(items) => items.retain(entry),
            Node::OrderedDict(wit::OrderedDict { items, attributes }) => {
                items.retain(entry);
                *attributes = attributes.filter(|_| rank == 0);
            }
            Node::List(ids) | Node::Tuple(ids) => {
                ids.iter_mut().filter(|id| !keep(**id)).for_each(|id| *id = absent);
            }
            _ => {}
        }
    }
    nodes.push(Node::Absent);
    let part = state.with_nodes(nodes);
    let root = state.root_id() as usize;
    let is_cut = reach.is_spine[root] && !reach.is_whole[root];
    if kept[root] || is_cut { part } else { part.with_root(absent) }
}

/// Which values are on `rank`.
fn kept(state: &StateDict<'_>, owners: &Owners, reach: &Reach, rank: usize) -> Vec<bool> {
    let is_cut = |id: usize| reach.is_spine[id] && !reach.is_whole[id];
    let mut kept: Vec<bool> = (0..state.nodes().len())
        .map(|id| match owners.of(u32::try_from(id).unwrap_or(u32::MAX)) {
            Some(owner) => owner == rank,
            // On rank 0 all stays but the data of others.
            None => rank == 0,
        })
        .collect();
    if rank == 0 {
        return kept;
    }
    // On the others nothing but their data and the way to it: containers by what is in
    // them, from the innermost outwards.
    let mut above: Vec<Vec<u32>> = vec![Vec::new(); state.nodes().len()];
    let mut stack = Vec::new();
    for (id, node) in (0u32..).zip(state.nodes()) {
        if !is_cut(id as usize) {
            continue;
        }
        for part in parts(node, &reach.has_data) {
            let inside = match part {
                Part::Item(inside)
                | Part::Entry { value: inside, .. }
                | Part::Inseparable { key: inside, .. } => inside,
                Part::Attributes(_) => continue,
            };
            if kept[inside as usize] && !is_cut(inside as usize) {
                stack.push(id);
            } else if is_cut(inside as usize) {
                above[inside as usize].push(id);
            }
        }
    }
    while let Some(id) = stack.pop() {
        if !std::mem::replace(&mut kept[id as usize], true) {
            stack.append(&mut above[id as usize]);
        }
    }
    kept
}
