//! Values brought from one state dict into another.

use std::collections::HashMap;

use super::{Node, StateDict, visit_mut};

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
        if self.irreproducible.is_none() {
            self.irreproducible.clone_from(&from.irreproducible);
        }
        let mut open = Vec::new();
        let root = self.place(id, brought, &mut open);
        while let Some((old, new)) = open.pop() {
            let mut node = from.node(old).clone();
            let mut child = |id: &mut u32| *id = self.place(*id, brought, &mut open);
            visit_mut(&mut node, &mut child, &mut |_| {});
            let mut bring = |storage: &mut u32| {
                if let Some(theirs) = from.storages().get(*storage as usize) {
                    *storage = self.storage_id(theirs);
                }
            };
            visit_mut(&mut node, &mut |_| {}, &mut bring);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Tensor, Value};

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
}
