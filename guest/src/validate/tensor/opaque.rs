use alloc::format;
use alloc::string::String;
use alloc::vec;

use super::view::node as node_of;
use crate::model::{Arena, Node, NodeId};
use crate::show;
use crate::torch::Surveyed;
use crate::validate::examine::{Part, Scope};
use crate::validate::level::Level;
use crate::validate::pickle::{SPECIAL, level_of};

/// Reports values that are no plain data.
pub(super) fn check(found: &Surveyed, part: &Part, scope: &mut Scope<'_>) {
    let named = spelled(found);
    for (id, node) in (0u32..).zip(&found.nodes) {
        let what = match node {
            Node::Object(_) | Node::Global(_) if is(&named, id) && name(found, id).is_some() => continue,
            // One with nonsense inside is plain data gone wrong, and reported as that.
            Node::Object(_) if found.has_flaw_at(found.offsets.near(id)) => continue,
            // It was reported where it is named.
            Node::Object(object) if is_beyond(found, object.callable) => continue,
            Node::Global(_) if is_beyond(found, id) => continue,
            Node::Object(object) if name(found, id).is_none() => {
                format!("an object of {}", callable(found, object.callable))
            }
            Node::Object(_) | Node::Global(_) => format!("{} as a value", callable(found, id)),
            Node::Subclass { class, .. } => format!("a tensor of class {}", callable(found, *class)),
            _ => continue,
        };
        scope.find(&SPECIAL, part, found.offsets.near(id), what);
    }
}

/// Which nodes only spell how others are made.
fn spelled(found: &Surveyed) -> vec::Vec<bool> {
    let mut named = vec![false; found.nodes.len()];
    let mut spells = |id: NodeId| {
        if let Some(slot) = usize::try_from(id).ok().and_then(|id| named.get_mut(id)) {
            *slot = true;
        }
    };
    for (id, node) in (0u32..).zip(&found.nodes) {
        match node {
            Node::Object(object) => {
                spells(object.callable);
                // A class inside a class is a call, with the outer one.
                if name(found, id).is_some()
                    && let Some(Node::Tuple(args)) = object.args.and_then(|args| node_of(found, args))
                {
                    args.first().copied().into_iter().for_each(&mut spells);
                }
            }
            Node::Subclass { class, .. } => spells(*class),
            _ => {}
        }
    }
    named
}

fn is(named: &[bool], id: NodeId) -> bool {
    usize::try_from(id).ok().and_then(|id| named.get(id)).copied().unwrap_or(false)
}

/// Whether torch does not allow a class or a function, by its name.
fn is_beyond(found: &Surveyed, id: NodeId) -> bool {
    let nodes = Arena(&found.nodes);
    let named = strongroom_names::global(&nodes, id);
    named.is_none_or(|(module, name)| level_of(module, &name).is_none_or(|level| level == Level::NoCode))
}

/// The name of a class or function.
fn name(found: &Surveyed, id: NodeId) -> Option<String> {
    let nodes = Arena(&found.nodes);
    let (module, name) = strongroom_names::global(&nodes, id)?;
    Some(show::cut(&format!("{module}.{name}")))
}

fn callable(found: &Surveyed, id: NodeId) -> String {
    name(found, id).unwrap_or_else(|| "something without a name".into())
}
