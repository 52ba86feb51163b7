//! What a state dict is as a tree.

use super::Node;
use super::walk::{Step, children};

/// A state dict as a tree: shared values come once for each path to them, but
/// values that lead into a cycle only once, for there is no end to their paths.
#[derive(Debug)]
pub(crate) struct Unfolded {
    /// How many values the tree has; saturating.
    pub(crate) size: u64,
    /// Bytes of the paths of all of them; saturating.
    pub(crate) paths: u64,
    /// How many values lie inside each other.
    pub(crate) depth: u64,
    /// The values that lead into a cycle.
    endless: Vec<bool>,
}

impl Unfolded {
    /// Whether a value leads into a cycle.
    pub(crate) fn is_endless(&self, id: u32) -> bool {
        self.endless.get(id as usize).copied().unwrap_or(false)
    }
}

/// Measures the tree under `root`, whose steps have these lengths. All ids must
/// exist.
pub(crate) fn unfold(nodes: &[Node], root: u32, length: impl Fn(Step) -> u64) -> Unfolded {
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
        let (mut size, mut paths, mut depth) = (1u64, 0u64, 0);
        for (step, child) in children(&nodes[index]) {
            match seen[child as usize] {
                Seen::Done { size: below, paths: inner, depth: inside } => {
                    endless[index] |= endless[child as usize];
                    size = size.saturating_add(below);
                    paths = paths.saturating_add(length(step).saturating_mul(below)).saturating_add(inner);
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
        seen[index] = Seen::Done { size, paths, depth: depth + 1 };
    }
    let (size, paths, depth) = match seen.get(root as usize) {
        Some(&Seen::Done { size, paths, depth }) => (size.saturating_add(once), paths, depth),
        _ => (0, 0, 0),
    };
    let mut unfolded = Unfolded { size, paths, depth, endless };
    if unfolded.is_endless(root) {
        unfolded.paths = endless_paths(nodes, root, &seen, &unfolded, length);
    }
    unfolded
}

/// Bytes of all paths where the root leads into a cycle: of what is entered once,
/// by the way on which [`Leaves`](super::Leaves) enters it.
fn endless_paths(
    nodes: &[Node],
    root: u32,
    seen: &[Seen],
    unfolded: &Unfolded,
    length: impl Fn(Step) -> u64,
) -> u64 {
    let mut entered = vec![false; nodes.len()];
    let mut stack = vec![(root, 0u64)];
    let mut total = 0u64;
    while let Some((id, path)) = stack.pop() {
        total = total.saturating_add(path);
        if std::mem::replace(&mut entered[id as usize], true) {
            continue;
        }
        for (step, child) in children(&nodes[id as usize]).into_iter().rev() {
            let path = path.saturating_add(length(step));
            match seen[child as usize] {
                Seen::Done { size, paths, .. } if !unfolded.is_endless(child) => {
                    total = total.saturating_add(path.saturating_mul(size)).saturating_add(paths);
                }
                _ => stack.push((child, path)),
            }
        }
    }
    total
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    No,
    /// Its children are being measured.
    Open,
    /// The size of its tree; 1 for an endless one, which counts elsewhere.
    Done {
        size: u64,
        /// Bytes of the paths in it, its own aside.
        paths: u64,
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
        let unfolded = unfold(&lists(&[&[1, 1], &[2, 2], &[]]), 0, |_| 3);
        assert_eq!(unfolded.paths, 2 * 3 + 4 * 6);
        assert_eq!((unfolded.size, unfolded.depth), (1 + 2 + 4, 3));
        assert!(!unfolded.is_endless(0));
    }

    #[test]
    fn doubling_saturates() {
        let doubling: Vec<Node> =
            (0..100u32).map(|id| Node::List(if id < 99 { vec![id + 1; 2] } else { vec![] })).collect();
        assert_eq!(unfold(&doubling, 0, |_| 1).size, u64::MAX);
    }

    #[test]
    fn lists_that_all_contain_each_other_count_once() {
        // As paths they would be as many as there are orders of twenty things.
        let all: Vec<u32> = (0..20).collect();
        let unfolded = unfold(&vec![Node::List(all); 20], 0, |_| 0);
        assert!((0..20).all(|id| unfolded.is_endless(id)));
        assert!(unfolded.size <= 20 * 21 + 1, "{}", unfolded.size);
    }
}
