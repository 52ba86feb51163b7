//! The names a tree's values have when it is written flat: `optimizer.state[0]`.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::model::{Node, NodeId};
use crate::{Error, Limits};

/// Walks the tree under a root, in order. Dicts, ordered dicts, lists and tuples
/// are its branches; all other nodes are leaves.
///
/// A container that contains itself is walked once along each path; a shared one
/// is walked wherever it is referred to, so the walk is capped like a reader's
/// tree.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    nodes: &'a [Node],
    /// The root, until it is visited.
    root: Option<NodeId>,
    branches: Vec<Branch>,
    /// For each node, whether it is in `branches`: an end to cycles.
    open: Vec<bool>,
    path: String,
    /// Visits left.
    room: u64,
}

/// A value that is no container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leaf<'p> {
    /// Where in the tree: dict keys after dots, list indices in brackets.
    pub(crate) path: &'p str,
    /// What is there.
    pub(crate) node: NodeId,
    /// The key that cannot be part of a path, if that is why the walk goes no
    /// further. `path` is then the dict's, and `node` any value.
    pub(crate) unnamed: Option<NodeId>,
}

/// A container on the way from the root.
#[derive(Debug)]
struct Branch {
    node: NodeId,
    /// The child to visit next.
    next: usize,
    /// Bytes of the container's own path.
    path: usize,
}

/// A child of a container.
enum Step {
    Key(NodeId, NodeId),
    Index(usize, NodeId),
}

impl<'a> Walk<'a> {
    /// Starts at `root`.
    pub(crate) fn new(nodes: &'a [Node], root: NodeId) -> Self {
        Self {
            nodes,
            root: Some(root),
            branches: Vec::new(),
            open: vec![false; nodes.len()],
            path: String::new(),
            room: Limits::default().tree,
        }
    }

    /// The next leaf; after the last one, None.
    pub(crate) fn next(&mut self) -> Result<Option<Leaf<'_>>, Error> {
        loop {
            let (node, unnamed) = match self.root.take() {
                Some(root) => (root, None),
                None => match self.step()? {
                    Some(step) => step,
                    None => return Ok(None),
                },
            };
            self.count(1)?;
            if unnamed.is_some() {
                return Ok(Some(Leaf { path: &self.path, node, unnamed }));
            }
            if !is_branch(get(self.nodes, node)?) {
                return Ok(Some(Leaf { path: &self.path, node, unnamed: None }));
            }
            if !self.set_open(node, true) {
                self.branches.push(Branch { node, next: 0, path: self.path.len() });
            }
        }
    }

    /// Goes to the next child and makes its path. If its key cannot be named, the
    /// key comes too.
    fn step(&mut self) -> Result<Option<(NodeId, Option<NodeId>)>, Error> {
        while let Some(branch) = self.branches.last_mut() {
            self.path.truncate(branch.path);
            let Some(step) = child(get(self.nodes, branch.node)?, branch.next) else {
                let node = branch.node;
                self.set_open(node, false);
                self.branches.pop();
                continue;
            };
            branch.next = branch.next.saturating_add(1);
            return self.extend(&step).map(Some);
        }
        Ok(None)
    }

    /// Answers what it was before.
    fn set_open(&mut self, node: NodeId, open: bool) -> bool {
        let slot = usize::try_from(node).ok().and_then(|index| self.open.get_mut(index));
        slot.is_some_and(|slot| core::mem::replace(slot, open))
    }

    fn extend(&mut self, step: &Step) -> Result<(NodeId, Option<NodeId>), Error> {
        match *step {
            Step::Index(index, node) => {
                self.path.push_str(&format!("[{index}]"));
                Ok((node, None))
            }
            Step::Key(key, node) => {
                // Not the path's emptiness: a key may be the empty string.
                let dot = if self.branches.len() > 1 { "." } else { "" };
                match get(self.nodes, key)? {
                    Node::Text(text) => {
                        // Shared empty dicts can have one long key copied millions of times.
                        self.count(text.value.len() as u64 / KEY_BYTES)?;
                        self.path.extend([dot, text.value.as_str()]);
                    }
                    Node::Int(int) => self.path.push_str(&format!("{dot}{int}")),
                    Node::Bool(true) => self.path.extend([dot, "True"]),
                    Node::Bool(false) => self.path.extend([dot, "False"]),
                    Node::None => self.path.extend([dot, "None"]),
                    _ => return Ok((node, Some(key))),
                }
                Ok((node, None))
            }
        }
    }

    fn count(&mut self, visits: u64) -> Result<(), Error> {
        let spent = || Error::limit(0, "tree", Limits::default().tree);
        self.room = self.room.checked_sub(visits).ok_or_else(spent)?;
        Ok(())
    }
}

/// Bytes of a key that cost what a visit does.
const KEY_BYTES: u64 = 256;

/// The node of an index that the caller gave.
pub(crate) fn get(nodes: &[Node], id: NodeId) -> Result<&Node, Error> {
    let node = usize::try_from(id).ok().and_then(|index| nodes.get(index));
    node.ok_or_else(|| Error::misuse(format!("there is no node {id}")))
}

fn is_branch(node: &Node) -> bool {
    matches!(node, Node::Dict(_) | Node::OrderedDict { .. } | Node::List(_) | Node::Tuple(_))
}

fn child(node: &Node, index: usize) -> Option<Step> {
    match node {
        Node::Dict(items) | Node::OrderedDict { items, .. } => {
            items.get(index).map(|&(key, value)| Step::Key(key, value))
        }
        Node::List(items) | Node::Tuple(items) => items.get(index).map(|&item| Step::Index(index, item)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec;
    use alloc::vec::Vec;

    use super::Walk;
    use crate::Error;
    use crate::model::{Node, NodeId, Text};

    fn text(value: &str) -> Node {
        Node::Text(Text { value: value.into(), interned: true })
    }

    /// Each leaf's path and node; `?` marks a value whose key has no name.
    fn walk(nodes: &[Node], root: NodeId) -> Result<Vec<(String, NodeId)>, Error> {
        let mut walk = Walk::new(nodes, root);
        let mut leaves = Vec::new();
        while let Some(leaf) = walk.next()? {
            let mark = if leaf.unnamed.is_some() { "?" } else { "" };
            leaves.push(([leaf.path, mark].concat(), leaf.node));
        }
        Ok(leaves)
    }

    fn paths(nodes: &[Node], root: NodeId) -> Vec<String> {
        walk(nodes, root).unwrap().into_iter().map(|(path, _)| path).collect()
    }

    #[test]
    fn keys_follow_dots_and_indices_stand_in_brackets() {
        let nodes = [
            Node::List(vec![1, 7]),
            Node::Dict(vec![(2, 7), (3, 7), (4, 7), (5, 7), (6, 8)]),
            text("a b"),
            Node::Int(-1),
            Node::Bool(false),
            Node::None,
            text(""),
            Node::Int(5),
            Node::Tuple(vec![7, 9]),
            Node::OrderedDict { items: vec![(2, 7)], attributes: Some(0) },
        ];
        let expected = ["[0].a b", "[0].-1", "[0].False", "[0].None", "[0].[0]", "[0].[1].a b", "[1]"];
        assert_eq!(paths(&nodes, 0), expected);
        assert_eq!(paths(&nodes, 1), ["a b", "-1", "False", "None", "[0]", "[1].a b"]);
        assert_eq!(paths(&nodes, 7), [""]);
    }

    #[test]
    fn an_empty_key_still_takes_its_dot() {
        let nodes = [Node::Dict(vec![(1, 2)]), text(""), Node::Dict(vec![(3, 4)]), text("b"), Node::None];
        assert_eq!(paths(&nodes, 0), [".b"]);
    }

    #[test]
    fn a_cycle_ends_and_a_shared_container_is_walked_twice() {
        // d = {"x": 1}; root = {"x": d, "self": root, "l": [d, root]}
        let nodes = [
            Node::Dict(vec![(1, 2), (3, 0), (5, 4)]),
            text("x"),
            Node::Dict(vec![(1, 6)]),
            text("self"),
            Node::List(vec![2, 0]),
            text("l"),
            Node::Int(1),
        ];
        assert_eq!(paths(&nodes, 0), ["x.x", "l[0].x"]);
    }

    #[test]
    fn a_key_without_a_name_ends_the_path() {
        let nodes =
            [Node::Dict(vec![(1, 0), (2, 1), (2, 3)]), Node::Float(0), text("a"), Node::Dict(vec![(1, 1)])];
        assert_eq!(paths(&nodes, 0), ["?", "a", "a?"]);
    }

    #[test]
    fn a_missing_node_is_the_callers_mistake() {
        for nodes in [vec![Node::List(vec![9])], vec![Node::Dict(vec![(9, 0)])], vec![]] {
            assert!(matches!(walk(&nodes, 0), Err(Error::Misuse(_))), "{nodes:?}");
        }
    }

    #[test]
    fn depth_costs_no_stack() {
        let depth = 200_000;
        let mut nodes: Vec<Node> = (1..=depth).map(|next| Node::Tuple(vec![next])).collect();
        nodes.push(Node::None);
        assert_eq!(walk(&nodes, 0).unwrap().last().map(|(path, _)| path.len()), Some(3 * 200_000));
    }

    #[test]
    fn a_long_key_in_a_shared_dict_is_capped() {
        let nodes = [
            Node::List(vec![1; 1000]),
            Node::Dict(vec![(2, 3)]),
            text(&"k".repeat(1 << 16)),
            Node::List(Vec::new()),
        ];
        let mut walk = Walk::new(&nodes, 0);
        walk.room = 10_000;
        assert!(matches!(walk.next(), Err(Error::Limit(excess)) if excess.limit == "tree"));
    }

    #[test]
    fn a_bomb_of_shared_containers_is_capped() {
        // 40 lists, each twice in the one before: 2^40 leaves.
        let mut nodes: Vec<Node> = (1..=40).map(|next| Node::List(vec![next, next])).collect();
        nodes.push(Node::List(Vec::new()));
        let mut walk = Walk::new(&nodes, 0);
        walk.room = 10_000;
        assert!(matches!(walk.next(), Err(Error::Limit(excess)) if excess.limit == "tree"));
    }
}
