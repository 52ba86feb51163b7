//! Values brought from one state dict into another.

use std::collections::HashMap;

use super::{Node, StateDict};
use crate::bindings::types as wit;

/// What was brought so far from one state dict: its ids, and where they went.
pub(crate) type Brought = HashMap<u32, u32>;

impl<'a> StateDict<'a> {
    /// A state dict of nothing yet, to graft values into.
    pub(crate) fn bare() -> Self {
        Self::from_parts(Vec::new(), Vec::new(), 0, Vec::new())
    }

    /// Adds the value `id` of `from` and all that it names, each once, and answers
    /// its id here. `brought` is kept for more values of the same state dict, so
    /// that what is one object there is one object here.
    pub(crate) fn graft(&mut self, from: &StateDict<'a>, id: u32, brought: &mut Brought) -> u32 {
        let mut open = Vec::new();
        let root = self.place(id, brought, &mut open);
        while let Some((old, new)) = open.pop() {
            let mut node = from.node(old).clone();
            ids_mut(&mut node, &mut |id| *id = self.place(*id, brought, &mut open));
            if let Some(storage) = storage_mut(&mut node)
                && let Some(theirs) = from.storages().get(*storage as usize)
            {
                *storage = self.storage_id(theirs);
            }
            if let Some(place) = self.nodes_mut().get_mut(new as usize) {
                *place = node;
            }
        }
        root
    }

    /// Where the value `old` goes: a new place, unless it has one.
    fn place(&mut self, old: u32, brought: &mut Brought, open: &mut Vec<(u32, u32)>) -> u32 {
        *brought.entry(old).or_insert_with(|| {
            let new = self.push(Node::None);
            open.push((old, new));
            new
        })
    }
}

/// Goes over the ids of all nodes that a node names, as
/// [`references`](super::references) does.
fn ids_mut(node: &mut Node, visit: &mut dyn FnMut(&mut u32)) {
    let pairs = |pairs: &mut [wit::Pair], visit: &mut dyn FnMut(&mut u32)| {
        for pair in pairs {
            visit(&mut pair.key);
            visit(&mut pair.value);
        }
    };
    match node {
        Node::Tuple(ids) | Node::List(ids) | Node::Set(ids) | Node::FrozenSet(ids) => {
            ids.iter_mut().for_each(visit);
        }
        Node::Dict(items) | Node::Counter(items) => pairs(items, visit),
        Node::OrderedDict(dict) => {
            pairs(&mut dict.items, visit);
            dict.attributes.iter_mut().for_each(visit);
        }
        Node::Parameter(parameter) => {
            visit(&mut parameter.tensor);
            parameter.state.iter_mut().for_each(visit);
        }
        Node::Quantized(wit::Quantized { quantizer: wit::Quantizer::PerChannel(channel), .. }) => {
            visit(&mut channel.scales);
            visit(&mut channel.zero_points);
        }
        Node::SparseCoo(sparse) => {
            visit(&mut sparse.indices);
            visit(&mut sparse.values);
        }
        Node::SparseCompressed(sparse) => {
            visit(&mut sparse.compressed);
            visit(&mut sparse.plain);
            visit(&mut sparse.values);
        }
        Node::Subclass(subclass) => {
            visit(&mut subclass.tensor);
            visit(&mut subclass.class);
            visit(&mut subclass.state);
        }
        Node::NumpyScalar(scalar) => visit(&mut scalar.source),
        Node::Object(object) => {
            visit(&mut object.callable);
            object.args.iter_mut().for_each(&mut *visit);
            object.kwargs.iter_mut().for_each(&mut *visit);
            object.items.iter_mut().for_each(&mut *visit);
            pairs(&mut object.pairs, visit);
            object.state.iter_mut().for_each(visit);
        }
        _ => {}
    }
}

/// The storage that a node looks into by itself.
fn storage_mut(node: &mut Node) -> Option<&mut u32> {
    match node {
        Node::Tensor(tensor) | Node::Quantized(wit::Quantized { tensor, .. }) => tensor.storage.as_mut(),
        Node::Storage(view) => Some(&mut view.storage),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Tensor, Value, references};

    #[test]
    fn only_what_a_value_names_is_brought_and_each_once() {
        let tensor = Tensor::from_vec(vec![1.0f32, 2.0], &[2]).unwrap();
        let mut from = StateDict::new();
        from.insert("other", Tensor::from_vec(vec![0u8], &[1]).unwrap());
        from.insert("pair", Value::list([Value::from(tensor.clone()), Value::from(tensor)]));
        let id = from.get("pair").unwrap().id();

        let (mut to, mut brought) = (StateDict::bare(), Brought::new());
        let root = to.graft(&from, id, &mut brought);
        assert_eq!(to.graft(&from, id, &mut brought), root);
        let to = to.with_root(root);
        assert_eq!((to.nodes().len(), to.storages().len()), (3, 1));
        assert_eq!(to.tensor("[1]").unwrap().as_slice::<f32>().unwrap(), [1.0, 2.0]);
    }

    #[test]
    fn a_list_that_contains_itself_does_so_in_its_new_place() {
        let from = StateDict::from_parts(vec![Node::None, Node::List(vec![1, 0])], Vec::new(), 1, Vec::new());
        let mut to = StateDict::bare();
        let root = to.graft(&from, 1, &mut Brought::new());
        assert_eq!(to.node(root), &Node::List(vec![root, root + 1]));
    }

    #[test]
    fn all_ids_that_nodes_of_every_kind_name_are_visited() {
        let object = wit::Object {
            construct: wit::Construct::Call,
            callable: 1,
            args: Some(2),
            kwargs: Some(3),
            items: vec![4],
            pairs: vec![wit::Pair { key: 5, value: 6 }],
            state: Some(7),
        };
        let tensor = Tensor::meta(crate::DType::Qint8, &[1]).raw().clone();
        let channel =
            wit::PerChannel { scheme: wit::Qscheme::PerChannelAffine, scales: 1, zero_points: 2, axis: 0 };
        let nodes = [
            Node::Tuple(vec![1, 2]),
            Node::FrozenSet(vec![3]),
            Node::Counter(vec![wit::Pair { key: 1, value: 2 }]),
            Node::OrderedDict(wit::OrderedDict {
                items: vec![wit::Pair { key: 1, value: 2 }],
                attributes: Some(3),
            }),
            Node::Parameter(wit::Parameter { tensor: 1, requires_grad: true, state: Some(2) }),
            Node::Quantized(wit::Quantized { tensor, quantizer: wit::Quantizer::PerChannel(channel) }),
            Node::SparseCoo(wit::SparseCoo { indices: 1, values: 2, shape: vec![], coalesced: None }),
            Node::SparseCompressed(wit::SparseCompressed {
                layout: wit::Layout::SparseCsr,
                compressed: 1,
                plain: 2,
                values: 3,
                shape: vec![],
            }),
            Node::Subclass(wit::Subclass { tensor: 1, class: 2, state: 3 }),
            Node::NumpyScalar(wit::NumpyScalar { dtype: String::new(), data: vec![], source: 1 }),
            Node::Object(object),
        ];
        for mut node in nodes {
            let mut named = references(&node);
            let mut visited = Vec::new();
            ids_mut(&mut node, &mut |id| visited.push(*id));
            named.sort_unstable();
            named.dedup();
            visited.sort_unstable();
            assert_eq!(visited, named, "{node:?}");
        }
    }
}
