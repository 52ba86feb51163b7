use alloc::format;
use alloc::vec;

use super::view::node;
use crate::model::{Node, NodeId};
use crate::show;
use crate::torch::Surveyed;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;
use crate::validate::options::Policy;

/// More than tensors, numbers, texts and containers.
pub(super) static RULE: Rule = Rule::refused(
    "SR-TENSOR-OPAQUE",
    "an object that is no plain data",
    "The policy asks for tensors, numbers, texts and containers of them alone. This is a class, \
     or an object of one.",
);

/// Reports values that are no plain data, where the policy asks for it.
pub(super) fn check(found: &Surveyed, part: &Part, scope: &mut Scope<'_>) {
    if scope.options.policy != Policy::TensorsOnly {
        return;
    }
    let named = spelled(found);
    for (id, node) in (0u32..).zip(&found.nodes) {
        let what = match node {
            // One with nonsense inside is plain data gone wrong, and reported as that.
            Node::Object(object) if !found.has_flaw_at(found.offsets.near(id)) => {
                format!("an object of {}", callable(found, object.callable))
            }
            Node::Subclass { class, .. } => format!("a tensor of class {}", callable(found, *class)),
            Node::NumpyScalar { dtype, .. } => format!("a numpy scalar of {}", show::name(dtype)),
            Node::Global(_) if !is(&named, id) => format!("{} as a value", callable(found, id)),
            _ => continue,
        };
        scope.find(&RULE, part, found.offsets.near(id), what);
    }
}

/// Which nodes only spell how others are made.
fn spelled(found: &Surveyed) -> vec::Vec<bool> {
    let mut named = vec![false; found.nodes.len()];
    for node in &found.nodes {
        let id = match node {
            Node::Object(object) => object.callable,
            Node::Subclass { class, .. } => *class,
            _ => continue,
        };
        if let Some(slot) = usize::try_from(id).ok().and_then(|id| named.get_mut(id)) {
            *slot = true;
        }
    }
    named
}

fn is(named: &[bool], id: NodeId) -> bool {
    usize::try_from(id).ok().and_then(|id| named.get(id)).copied().unwrap_or(false)
}

fn callable(found: &Surveyed, id: NodeId) -> alloc::string::String {
    match node(found, id) {
        Some(Node::Global(global)) => show::cut(&format!("{}.{}", global.module, global.name)),
        _ => "something without a name".into(),
    }
}
