//! What a state dict is as a tree.

use super::Node;
use super::walk::children;

/// A state dict as a tree: shared values come once for each path to them, but
/// values that lead into a cycle only once, for there is no end to their paths.
#[derive(Debug)]
pub(crate) struct Unfolded {
    /// How many values the tree has; saturating.
    pub(crate) size: u64,
    /// How many values lie inside each other.
    pub(crate) depth: u64,
    /// The values that lead into a cycle.
    endless: Vec<bool>,
}

impl Unfolded {
    /// Whether a value leads into a cycle.
    pub(super) fn is_endless(&self, id: u32) -> bool {
        self.endless.get(id as usize).copied().unwrap_or(false)
    }
}

/// Measures the tree under `root`. All ids must exist.
pub(crate) fn unfold(nodes: &[Node], root: u32) -> Unfolded {
    let mut seen = vec![Seen::No; nodes.len()];
    let mut endless = vec![false; nodes.len()];
    // The values of all endless nodes, each counted once.
    let mut once = 0u64;
    let mut stack = vec![(root, false)];
    while let Some((id, entered)) = stack.pop() {
        let index = id as usize;
        if !entered {
            if seen[index] == Seen::No {
                seen[index] = Seen::Open;
                stack.push((id, true));
                stack.extend(children(&nodes[index]).iter().map(|&(_, child)| (child, false)));
            }
            continue;
        }
        let (mut size, mut depth) = (1u64, 0);
        for (_, child) in children(&nodes[index]) {
            match seen[child as usize] {
                Seen::Done { size: below, depth: inside } => {
                    endless[index] |= endless[child as usize];
                    size = size.saturating_add(below);
                    depth = depth.max(inside);
                }
                // It is above itself.
                Seen::Open | Seen::No => endless[index] = true,
            }
        }
        if endless[index] {
            once = once.saturating_add(size);
            size = 1;
        }
        seen[index] = Seen::Done { size, depth: depth + 1 };
    }
    let (size, depth) = match seen.get(root as usize) {
        Some(Seen::Done { size, depth }) => (size.saturating_add(once), *depth),
        _ => (0, 0),
    };
    Unfolded { size, depth, endless }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    No,
    /// Its children are being measured.
    Open,
    /// The size of its tree; 1 for an endless one, which counts elsewhere.
    Done {
        size: u64,
        depth: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists(lists: &[&[u32]]) -> Vec<Node> {
        lists.iter().map(|items| Node::List(items.to_vec())).collect()
    }

    #[test]
    fn shared_values_count_for_each_path() {
        let unfolded = unfold(&lists(&[&[1, 1], &[2, 2], &[]]), 0);
        assert_eq!((unfolded.size, unfolded.depth), (1 + 2 + 4, 3));
        assert!(!unfolded.is_endless(0));
    }

    #[test]
    fn doubling_saturates() {
        let doubling: Vec<Node> =
            (0..100u32).map(|id| Node::List(if id < 99 { vec![id + 1; 2] } else { vec![] })).collect();
        assert_eq!(unfold(&doubling, 0).size, u64::MAX);
    }

    #[test]
    fn lists_that_all_contain_each_other_count_once() {
        // As paths they would be as many as there are orders of twenty things.
        let all: Vec<u32> = (0..20).collect();
        let unfolded = unfold(&vec![Node::List(all); 20], 0);
        assert!((0..20).all(|id| unfolded.is_endless(id)));
        assert!(unfolded.size <= 20 * 21 + 1, "{}", unfolded.size);
    }
}
