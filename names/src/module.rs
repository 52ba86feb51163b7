//! Whole modules, as `torch.save(model)` writes them: which objects are some, and which
//! of their tensors `state_dict()` gives, by which names. What classes and hooks make of that
//! is their code, and in no file.

use alloc::collections::BTreeSet;

use crate::{Look, Nodes, Role};

/// The modules among some nodes. What an object of unknown class is is told by its
/// attributes: every `torch.nn.Module` has the same three dicts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Modules {
    /// The attributes of modules.
    states: BTreeSet<u32>,
    /// Buffers that `state_dict()` leaves out: the attributes of their module, and their dict
    /// and their place in it.
    transient: BTreeSet<(u32, u32, u32)>,
}

/// How far a way has led into a module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Not into one.
    #[default]
    Outside,
    /// To one.
    Module,
    /// To its attributes.
    State,
    /// To the dict of its parameters, its buffers or its modules.
    Members,
}

impl Modules {
    pub(crate) fn of<N: Nodes + ?Sized>(nodes: &N) -> Self {
        let mut modules = Self::default();
        // Many modules that share a dict and a set would take the product of both: where it is
        // too much, more is given than `state_dict()` does.
        let mut room = nodes.count().saturating_mul(8).saturating_add(ROOM);
        for id in 0..u32::try_from(nodes.count()).unwrap_or(u32::MAX) {
            if let Look::Object { state: Some(state), .. } = nodes.look(id) {
                modules.add(nodes, state, &mut room);
            }
        }
        modules
    }

    fn add<N: Nodes + ?Sized>(&mut self, nodes: &N, state: u32, room: &mut usize) {
        // Objects may share what they have.
        if self.states.contains(&state) || !matches!(nodes.look(state), Look::Container(_)) {
            return;
        }
        let (mut parameters, mut buffers, mut modules, mut transient) = (None, None, None, None);
        nodes.visit(state, &mut |role, value| {
            let Some(name) = key(nodes, role) else { return };
            let is_container = matches!(nodes.look(value), Look::Container(_));
            match name {
                PARAMETERS | BUFFERS | MODULES if !is_container => {}
                PARAMETERS => parameters = Some(value),
                BUFFERS => buffers = Some(value),
                MODULES => modules = Some(value),
                TRANSIENT => transient = Some(value),
                _ => {}
            }
        });
        let (Some(_), Some(buffers), Some(_)) = (parameters, buffers, modules) else { return };
        self.states.insert(state);
        let Some(transient) = transient else { return };
        let sizes = [buffers, transient].map(|id| match nodes.look(id) {
            Look::Container(length) => length,
            _ => 0,
        });
        let [buffered, named] = sizes;
        let Some(left) = room.checked_sub(buffered.saturating_add(named)) else { return };
        *room = left;
        let mut names = BTreeSet::new();
        nodes.visit(transient, &mut |_, name| {
            if let Look::Text(name) = nodes.look(name) {
                names.insert(name);
            }
        });
        nodes.visit(buffers, &mut |role, _| {
            if let Role::Value { at, .. } = role
                && key(nodes, role).is_some_and(|name| names.contains(name))
            {
                self.transient.insert((state, buffers, at));
            }
        });
    }

    /// Where a step leads to `node`, from a node to which the way has led so far.
    pub(crate) fn stage<N: Nodes + ?Sized>(&self, nodes: &N, before: Stage, role: Role, node: u32) -> Stage {
        match (before, role) {
            (Stage::Module, Role::Attributes) => Stage::State,
            (Stage::State, _)
                if is_members(nodes, role) && matches!(nodes.look(node), Look::Container(_)) =>
            {
                Stage::Members
            }
            _ => match nodes.look(node) {
                Look::Object { state: Some(state), .. } if self.states.contains(&state) => Stage::Module,
                _ => Stage::Outside,
            },
        }
    }

    /// Whether `state_dict()` leaves out what a dict of buffers has by this role, in a module
    /// with these attributes.
    pub(crate) fn is_transient(&self, state: u32, buffers: u32, role: Role) -> bool {
        matches!(role, Role::Value { at, .. } if self.transient.contains(&(state, buffers, at)))
    }
}

impl Stage {
    /// Whether a step that leads here, from `before`, is one to what no flat format has a name
    /// for.
    pub(crate) fn is_aside(self, before: Self, role: Role) -> bool {
        match (before, self) {
            (_, Self::State | Self::Members) => false,
            (Self::Module | Self::State, _) => true,
            _ => !matches!(role, Role::Item(_) | Role::Value { .. } | Role::Core),
        }
    }
}

/// Whether it leads from a module's attributes to its parameters, its buffers or its modules.
pub(crate) fn is_members<N: Nodes + ?Sized>(nodes: &N, role: Role) -> bool {
    matches!(key(nodes, role), Some(PARAMETERS | BUFFERS | MODULES))
}

/// The text that is the key of a value.
fn key<N: Nodes + ?Sized>(nodes: &N, role: Role) -> Option<&str> {
    let Role::Value { at: _, key } = role else { return None };
    match nodes.look(key) {
        Look::Text(text) => Some(text),
        _ => None,
    }
}

/// Names that are looked at, in all.
const ROOM: usize = 1 << 20;

const PARAMETERS: &str = "_parameters";
const BUFFERS: &str = "_buffers";
const MODULES: &str = "_modules";

/// The names of the buffers that are not persistent, a set.
const TRANSIENT: &str = "_non_persistent_buffers_set";
