//! What can only be seen once the arena is whole.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use strongroom_names::Role;

use super::Offsets;
use super::faults::Faults;
use super::flaw::{About, Flaw};
use crate::model::{Node, NodeId, children, visit_roles};
use crate::{Error, Limits};

/// Checks that whatever wraps tensors wraps tensors. Objects that are not known
/// pass: torch has more kinds of tensor than the model.
pub(super) fn kinds(nodes: &[Node], part: &str, offsets: &Offsets, faults: &mut Faults) -> Result<(), Error> {
    for (id, node) in (0u32..).zip(nodes) {
        let mut wrong = Vec::new();
        let check = |role, &child: &NodeId| {
            if !matches!(role, Role::Core | Role::Part(_)) {
                return;
            }
            let child = usize::try_from(child).ok().and_then(|child| nodes.get(child));
            // Old files have lists of a quantizer's parameters.
            let listed = matches!((node, child), (Node::Quantized { .. }, Some(Node::List(_))));
            if !listed && !child.is_some_and(is_tensor) {
                wrong.push(child.map_or("nothing", kind));
            }
        };
        visit_roles(node, check, |_| {});
        for found in wrong {
            let what = match node {
                Node::Parameter { .. } => "parameter",
                Node::SparseCoo { .. } | Node::SparseCompressed(_) => "sparse tensor",
                Node::Quantized { .. } => "quantized tensor",
                _ => "tensor",
            };
            let error = Error::malformed(offsets.near(id), part, format!("a {what} of tensors"), found);
            faults.take(Flaw { about: About::Kind, error })?;
        }
    }
    Ok(())
}

/// Checks how deep the state dict nests and how large it is as a tree. A few
/// bytes of shared lists of shared lists unfold to more values than there are
/// atoms, and whoever walks the tree would walk forever.
pub(super) fn size(nodes: &[Node], limits: &Limits, offsets: &Offsets) -> Result<(), Error> {
    let (depth, tree) = measure(nodes);
    if depth > limits.depth {
        return Err(Error::limit(offsets.near(0), "depth", u64::from(limits.depth)));
    }
    if tree > limits.tree {
        return Err(Error::limit(offsets.near(0), "tree", limits.tree));
    }
    Ok(())
}

/// How many containers lie inside each other under node 0, and how many values
/// it is when shared ones count each time, but those that lead into a cycle once:
/// there is no end to their paths.
fn measure(nodes: &[Node]) -> (u32, u64) {
    // The values of all nodes that lead into a cycle.
    let mut once = 0u64;
    let mut sizes: Vec<Size> = vec![Size::Unknown; nodes.len()];
    let mut stack = vec![Step::Enter(0)];
    while let Some(step) = stack.pop() {
        match step {
            Step::Enter(id) => {
                let Some(slot) = slot(&mut sizes, id).filter(|slot| **slot == Size::Unknown) else {
                    continue;
                };
                *slot = Size::Open;
                stack.push(Step::Leave(id));
                if let Some(node) = usize::try_from(id).ok().and_then(|id| nodes.get(id)) {
                    children(node, |child| stack.push(Step::Enter(child)));
                }
            }
            Step::Leave(id) => {
                let Some(node) = usize::try_from(id).ok().and_then(|id| nodes.get(id)) else { continue };
                let (mut depth, mut tree, mut endless) = (0u32, 1u64, false);
                children(node, |child| {
                    let below = match slot(&mut sizes, child) {
                        Some(&mut Size::Known(below, part)) => {
                            tree = tree.saturating_add(part);
                            below
                        }
                        Some(&mut Size::Endless(below)) => {
                            tree = tree.saturating_add(1);
                            endless = true;
                            below
                        }
                        _ => {
                            endless = true;
                            0
                        }
                    };
                    depth = depth.max(below.saturating_add(1));
                });
                let size = if endless { Size::Endless(depth) } else { Size::Known(depth, tree) };
                if endless {
                    once = once.saturating_add(tree);
                }
                if let Some(slot) = slot(&mut sizes, id) {
                    *slot = size;
                }
            }
        }
    }
    match sizes.first() {
        Some(&Size::Known(depth, tree)) => (depth, tree),
        Some(&Size::Endless(depth)) => (depth, once),
        _ => (0, 0),
    }
}

enum Step {
    Enter(NodeId),
    Leave(NodeId),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Size {
    Unknown,
    /// Its children are being measured.
    Open,
    /// Depth and tree size.
    Known(u32, u64),
    /// Depth of a value that leads into a cycle; its tree is counted elsewhere.
    Endless(u32),
}

fn slot(sizes: &mut [Size], id: NodeId) -> Option<&mut Size> {
    usize::try_from(id).ok().and_then(|id| sizes.get_mut(id))
}

fn is_tensor(node: &Node) -> bool {
    matches!(
        node,
        Node::Tensor(_)
            | Node::Parameter { .. }
            | Node::Quantized { .. }
            | Node::SparseCoo { .. }
            | Node::SparseCompressed(_)
            | Node::Subclass { .. }
            | Node::Object(_)
    )
}

fn kind(node: &Node) -> &'static str {
    match node {
        Node::None | Node::Bool(_) | Node::Int(_) | Node::BigInt(_) => "a number or None",
        Node::Float(_) | Node::Complex { .. } => "a number",
        Node::Text(_) | Node::SurrogateText(_) => "a str",
        Node::Storage { .. } => "a storage",
        _ => "another kind of value",
    }
}
