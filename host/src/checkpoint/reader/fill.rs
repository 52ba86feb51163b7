//! The bytes that a plan asks for, brought to their places.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::plan::Plan;
use super::template::{Subtree, Template};
use super::transfer::{Loaded, Transfer, run};
use crate::Result;
use crate::payload::buffer::{Buffer, Pages};
use crate::sandbox::bindings::types as wit;
use crate::state::{Brought, Item, StateDict, Storage, Tensor};

/// Reads what `plan` asks for of `state`, whose payloads are in their files, into
/// `template`. Fails before anything but the caller's buffers is changed.
pub(super) fn fill(
    path: &Path,
    state: &StateDict<'static>,
    template: &mut Template<'_>,
    plan: Plan,
    verify: bool,
) -> Result<()> {
    let pages = Pages::default();
    let naming = |error| state.naming_tensors(error);
    let values = Values::load(state, &plan, verify).map_err(naming)?;
    let mut fresh = Fresh::allocate(path, &pages, state, template, &plan)?;
    let mut transfers = fresh.transfers();
    buffers(state, template, &plan, verify, &mut transfers);
    run(&pages, transfers, &values.storages, verify).map_err(naming)?;
    let tensors = fresh.tensors(verify)?;
    state.unchanged()?;
    assign(template, plan, &values, &tensors);
    Ok(())
}

/// The values that replace others whole, in a state dict of nothing else.
struct Values {
    state: Arc<StateDict<'static>>,
    /// Where they are in it.
    ids: Brought,
    /// Their storages in memory, by the ones in the files.
    storages: Loaded,
}

impl Values {
    fn load(from: &StateDict<'static>, plan: &Plan, verify: bool) -> Result<Self> {
        let (mut state, mut ids) = (StateDict::bare(), Brought::new());
        let mut stack = vec![plan];
        while let Some(plan) = stack.pop() {
            match plan {
                Plan::Each(plans) => stack.extend(plans.iter().rev()),
                Plan::Replace(id) => {
                    state.graft(from, *id, &mut ids);
                }
                Plan::Keep | Plan::Elements(_) => {}
            }
        }
        let loaded = state.loaded(verify)?;
        let stored = state.storages().iter().map(Storage::id);
        let storages = stored.zip(loaded.storages().iter().cloned()).collect();
        Ok(Self { state: Arc::new(loaded), ids, storages })
    }

    fn get(&self, id: u32) -> Template<'static> {
        let id = self.ids.get(&id).copied().unwrap_or(u32::MAX);
        let whole = || Template::Value(Subtree::new(self.state.clone(), id));
        Template::simple(Item::new(&self.state, id)).unwrap_or_else(whole)
    }
}

/// New memory for the tensors that have none of the caller's: one for each view of
/// a storage, however many ask for it, so that tied tensors stay tied.
#[derive(Default)]
struct Fresh {
    views: HashMap<View, usize>,
    /// Which memory is for which value.
    places: HashMap<u32, usize>,
    memory: Vec<(Tensor<'static>, Buffer)>,
}

/// What makes two tensors one.
type View = (Option<u32>, &'static str, u64, Vec<u64>, Vec<u64>, bool, bool);

impl Fresh {
    fn allocate(
        path: &Path,
        pages: &Pages,
        state: &StateDict<'static>,
        template: &Template<'_>,
        plan: &Plan,
    ) -> Result<Self> {
        let mut fresh = Self::default();
        let mut stack = vec![(template, plan)];
        while let Some((template, plan)) = stack.pop() {
            match (template, plan) {
                (Template::Dict(dict), Plan::Each(plans)) => {
                    stack.extend(dict.iter().map(|(_, value)| value).zip(plans));
                }
                (Template::List(items), Plan::Each(plans)) => stack.extend(items.iter().zip(plans)),
                (Template::Tensor(target), Plan::Elements(id)) if !target.is_buffer() => {
                    if let Some(tensor) = Item::new(state, *id).as_tensor() {
                        fresh.add(path, pages, *id, tensor)?;
                    }
                }
                _ => {}
            }
        }
        Ok(fresh)
    }

    fn add(&mut self, path: &Path, pages: &Pages, id: u32, tensor: Tensor<'static>) -> Result<()> {
        let wit::Tensor { storage, dtype, offset, shape, stride, conj, neg, .. } = tensor.raw().clone();
        let view = (storage, dtype.name(), offset, shape, stride, conj, neg);
        let next = self.memory.len();
        let index = *self.views.entry(view).or_insert(next);
        if index == next {
            let buffer = Buffer::new(pages, path, tensor.length())?;
            self.memory.push((tensor, buffer));
        }
        self.places.insert(id, index);
        Ok(())
    }

    fn transfers(&mut self) -> Vec<Transfer<'_>> {
        let memory = self.memory.iter_mut();
        memory.map(|(tensor, buffer)| Transfer { tensor: tensor.clone(), out: buffer.as_mut() }).collect()
    }

    /// The tensors by their values, now that they have their elements.
    fn tensors(self, verify: bool) -> Result<HashMap<u32, Tensor<'static>>> {
        let tensor = |(tensor, buffer): (Tensor<'static>, Buffer)| {
            let location = tensor.storage().map_or("cpu", Storage::location);
            let length = buffer.as_ref().len();
            let storage =
                Storage::part(Arc::new(buffer), 0..length, location, becomes_verified(&tensor, verify));
            Tensor::new(storage.unwrap_or_else(|| Storage::new([])), tensor.dtype(), tensor.shape())
        };
        let tensors: Vec<Tensor<'static>> = self.memory.into_iter().map(tensor).collect::<Result<_>>()?;
        let place = |(id, index): (u32, usize)| Some((id, tensors.get(index)?.clone()));
        Ok(self.places.into_iter().filter_map(place).collect())
    }
}

/// Whether the tensor's elements are verified once they are read.
fn becomes_verified(tensor: &Tensor<'_>, verify: bool) -> bool {
    tensor.storage().is_none_or(|storage| storage.becomes_verified(verify))
}

/// The tensors that go to the caller's own buffers.
fn buffers<'t>(
    state: &StateDict<'static>,
    template: &'t mut Template<'_>,
    plan: &Plan,
    verify: bool,
    transfers: &mut Vec<Transfer<'t>>,
) {
    let mut stack = vec![(template, plan)];
    while let Some((template, plan)) = stack.pop() {
        match (template, plan) {
            (Template::Dict(dict), Plan::Each(plans)) => stack.extend(dict.values_mut().zip(plans)),
            (Template::List(items), Plan::Each(plans)) => stack.extend(items.iter_mut().zip(plans)),
            (Template::Tensor(target), Plan::Elements(id)) => {
                let Some(tensor) = Item::new(state, *id).as_tensor() else { continue };
                if let Some(out) = target.buffer_to_fill(becomes_verified(&tensor, verify)) {
                    transfers.push(Transfer { tensor, out });
                }
            }
            _ => {}
        }
    }
}

/// Puts what was read in its places. Nothing can fail any more.
fn assign(template: &mut Template<'_>, plan: Plan, values: &Values, tensors: &HashMap<u32, Tensor<'static>>) {
    let mut stack = vec![(template, plan)];
    while let Some((template, plan)) = stack.pop() {
        match (template, plan) {
            (template, Plan::Replace(id)) => *template = values.get(id),
            (Template::Dict(dict), Plan::Each(plans)) => stack.extend(dict.values_mut().zip(plans)),
            (Template::List(items), Plan::Each(plans)) => {
                items.resize_with(plans.len(), || Template::Any);
                stack.extend(items.iter_mut().zip(plans));
            }
            (Template::Tensor(target), Plan::Elements(id)) => {
                if let Some(tensor) = tensors.get(&id).filter(|_| !target.is_buffer()) {
                    target.replace(tensor.clone());
                }
            }
            _ => {}
        }
    }
}
