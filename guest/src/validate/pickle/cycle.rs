//! Values of numpy that hold themselves. numpy goes through the objects of an array without an eye
//! on how deep it is: adding to one that holds itself overruns the stack.

use alloc::vec;
use alloc::vec::Vec;

use super::Objects;
use crate::pickle::{Instance, Object, Value};

/// The first array, scalar or dtype of numpy that a way leads back to. The objects that lead to
/// each other are found as Tarjan does, with a path of its own: a file says how deep they are.
pub(super) fn through_numpy(objects: Objects<'_>) -> Option<&Instance> {
    let count = objects.0.len();
    let mut search =
        Search { objects, number: vec![0; count], lowest: vec![0; count], open: Vec::new(), next: 0 };
    (0..count).find_map(|start| search.visit(start))
}

struct Search<'a> {
    objects: Objects<'a>,
    /// In which order objects were met, from 1; [`DONE`] for those of groups that are complete.
    number: Vec<u32>,
    /// The first object that each leads back to, as far as is known.
    lowest: Vec<u32>,
    /// Objects of groups that are not complete.
    open: Vec<usize>,
    next: u32,
}

impl<'a> Search<'a> {
    fn visit(&mut self, start: usize) -> Option<&'a Instance> {
        let mut path: Vec<(usize, Vec<usize>)> = Vec::new();
        self.enter(start, &mut path);
        while let Some((id, children)) = path.last_mut() {
            let id = *id;
            if let Some(child) = children.pop() {
                match self.number.get(child).copied().unwrap_or(DONE) {
                    0 => self.enter(child, &mut path),
                    DONE => {}
                    number => self.lower(id, number),
                }
                continue;
            }
            path.pop();
            let lowest = self.lowest.get(id).copied().unwrap_or_default();
            if let Some(&(parent, _)) = path.last() {
                self.lower(parent, lowest);
            }
            if self.number.get(id) == Some(&lowest)
                && let Some(found) = self.complete(id)
            {
                return Some(found);
            }
        }
        None
    }

    fn enter(&mut self, id: usize, path: &mut Vec<(usize, Vec<usize>)>) {
        let (Some(object), Some(0)) = (self.objects.0.get(id), self.number.get(id)) else { return };
        self.next = self.next.saturating_add(1);
        for of in [&mut self.number, &mut self.lowest] {
            if let Some(slot) = of.get_mut(id) {
                *slot = self.next;
            }
        }
        self.open.push(id);
        let mut children = Vec::new();
        object.references(|value| {
            if let Value::Object(child) = value {
                children.extend(usize::try_from(child));
            }
        });
        // What is called for its effect on an object is not in it.
        let effects =
            if let Object::Instance(instance) = object { instance.effects.iter() } else { [].iter() };
        let effects = effects.filter(|effect| matches!(effect, Value::Object(_))).count();
        children.truncate(children.len().saturating_sub(effects));
        path.push((id, children));
    }

    fn lower(&mut self, id: usize, number: u32) {
        if let Some(slot) = self.lowest.get_mut(id) {
            *slot = number.min(*slot);
        }
    }

    /// Takes the group that `first` is the first of.
    fn complete(&mut self, first: usize) -> Option<&'a Instance> {
        let start = self.open.iter().rposition(|&id| id == first)?;
        let group = self.open.split_off(start);
        for &id in &group {
            if let Some(slot) = self.number.get_mut(id) {
                *slot = DONE;
            }
        }
        let objects = self.objects;
        let of_numpy = |&id: &usize| match objects.0.get(id) {
            Some(Object::Instance(instance)) => {
                let global = objects.global(instance.callable)?;
                (global.module == "numpy" || global.module.starts_with("numpy.")).then_some(&**instance)
            }
            _ => None,
        };
        // One by itself holds itself only through others.
        if group.len() > 1 { group.iter().find_map(of_numpy) } else { None }
    }
}

const DONE: u32 = u32::MAX;
