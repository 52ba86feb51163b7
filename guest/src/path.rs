//! The names a tree's values have when it is written flat: `optimizer.state[0]`.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
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
    /// The containers in `branches`: an end to cycles.
    open: BTreeSet<NodeId>,
    path: String,
    visits: u64,
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
            open: BTreeSet::new(),
            path: String::new(),
            visits: 0,
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
            self.count()?;
            if unnamed.is_some() {
                return Ok(Some(Leaf { path: &self.path, node, unnamed }));
            }
            if !is_branch(get(self.nodes, node)?) {
                return Ok(Some(Leaf { path: &self.path, node, unnamed: None }));
            }
            if self.open.insert(node) {
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
                self.open.remove(&branch.node);
                self.branches.pop();
                continue;
            };
            branch.next = branch.next.saturating_add(1);
            return self.extend(&step).map(Some);
        }
        Ok(None)
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
                    Node::Text(text) => self.path.extend([dot, text.value.as_str()]),
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

    fn count(&mut self) -> Result<(), Error> {
        let allowed = Limits::default().tree;
        self.visits = self.visits.saturating_add(1);
        if self.visits > allowed { Err(Error::limit(0, "tree", allowed)) } else { Ok(()) }
    }
}

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
