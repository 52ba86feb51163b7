//! What a module's `state_dict()` has beside its items, and nobody misses: the versions
//! of its modules. Whatever is more than that is listed like any other value.

use crate::{Look, Nodes, Role};

/// What a node may be of the attributes that `torch.nn.Module.state_dict` sets.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Routine {
    /// What is known of one module: `{"version": 2}`.
    module: bool,
    /// That of all modules, by their names.
    pub(crate) metadata: bool,
    /// The attributes: `{"_metadata": …}`, or none.
    pub(crate) attributes: bool,
}

impl Routine {
    /// What a node is, where `below` says it of those that it refers to.
    pub(crate) fn of<N: Nodes + ?Sized>(nodes: &N, node: u32, below: &dyn Fn(u32) -> Self) -> Self {
        match nodes.look(node) {
            Look::None => return Self { attributes: true, ..Self::default() },
            Look::Container(_) => {}
            _ => return Self::default(),
        }
        let mut all = Self { module: true, metadata: true, attributes: true };
        nodes.visit(node, &mut |role, child| match role {
            Role::Key(_) => {}
            Role::Value { at: _, key } => {
                let below = below(child);
                let Look::Text(key) = nodes.look(key) else { return all = Self::default() };
                all.module &= match key {
                    "version" => matches!(nodes.look(child), Look::Int(_) | Look::None),
                    // Set by `load_state_dict(assign=…)`.
                    "assign_to_params_buffers" => matches!(nodes.look(child), Look::Bool(_)),
                    _ => false,
                };
                all.metadata &= below.module;
                all.attributes &= key == METADATA && below.metadata;
            }
            Role::Item(_)
            | Role::Attributes
            | Role::Bookkeeping
            | Role::Core
            | Role::Part(_)
            | Role::Field(_)
            | Role::Effect(_) => all = Self::default(),
        });
        all
    }
}

/// The attribute that modules set.
pub(crate) const METADATA: &str = "_metadata";
