//! The names a tree's values have when it is written flat: `optimizer.state[0]`.

use alloc::format;
use alloc::string::String;

use strongroom_names::{Cursor, Survey, TooMany, Unnamed, Walk as Places};

use crate::model::{Arena, Node, NodeId};
use crate::{Error, Limits};

/// Walks the tree under a root, in order. Dicts, ordered dicts, lists and tuples are its
/// branches, as is what has a tensor in a key or in the attributes of an ordered dict; all
/// other nodes are leaves. The tensors of a module follow it.
#[derive(Debug)]
pub(crate) struct Walk<'n> {
    nodes: &'n [Node],
    survey: Survey,
    cursor: Cursor,
}

/// A value that is no branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leaf {
    /// Its name: of one that has none in a flat format, that which no other place has.
    pub(crate) path: String,
    /// The name that no other place has, if that is another.
    pub(crate) own: Option<String>,
    /// What is there.
    pub(crate) node: NodeId,
    /// Why a flat format has no name for it, if it has none.
    pub(crate) unnamed: Option<Unnamed>,
    /// Whether it is a module, whose tensors follow.
    pub(crate) module: bool,
}

impl<'n> Walk<'n> {
    /// Starts at `root`.
    pub(crate) fn new(nodes: &'n [Node], root: NodeId) -> Result<Self, Error> {
        get(nodes, root)?;
        let survey = survey(nodes, root)?;
        let cursor = survey.start();
        Ok(Self { nodes, survey, cursor })
    }

    /// The next leaf; after the last one, None.
    pub(crate) fn next(&mut self) -> Result<Option<Leaf>, Error> {
        let arena = Arena(self.nodes);
        let cursor = core::mem::take(&mut self.cursor);
        let mut places = Places::resume(&arena, &self.survey, cursor);
        let is_branch = |node| get(self.nodes, node).is_ok_and(is_branch);
        let mut next = places.next_within(&is_branch);
        // An empty state dict is no value that is lost.
        if next.is_some_and(&is_branch) && places.flat_name() == Err(Unnamed::Root) {
            next = places.next_within(&is_branch);
        }
        if places.is_exhausted() {
            return Err(Error::limit(0, "tree", Limits::default().tree));
        }
        let leaf = next.map(|node| {
            let (name, module) = (places.name(), places.is_module());
            match places.flat_name() {
                Ok(path) => {
                    let own = Some(name).filter(|name| *name != path);
                    Leaf { own, path, node, unnamed: None, module }
                }
                Err(why) => {
                    let unnamed = Some(why).filter(|why| *why != Unnamed::Root);
                    Leaf { path: name, own: None, node, unnamed, module }
                }
            }
        });
        self.cursor = places.stop();
        if let Some(leaf) = &leaf {
            get(self.nodes, leaf.node)?;
        }
        Ok(leaf)
    }
}

/// What it takes to name all places under `root`.
pub(crate) fn survey(nodes: &[Node], root: NodeId) -> Result<Survey, Error> {
    let most = Limits::default().tree;
    Survey::of(&Arena(nodes), root, most).map_err(|TooMany { most }| Error::limit(0, "tree", most))
}

/// The node of an index that the caller gave.
pub(crate) fn get(nodes: &[Node], id: NodeId) -> Result<&Node, Error> {
    let node = usize::try_from(id).ok().and_then(|index| nodes.get(index));
    node.ok_or_else(|| Error::misuse(format!("there is no node {id}")))
}

fn is_branch(node: &Node) -> bool {
    matches!(node, Node::Dict(_) | Node::OrderedDict { .. } | Node::List(_) | Node::Tuple(_))
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec;
    use alloc::vec::Vec;

    use super::{Leaf, Walk};
    use crate::Error;
    use crate::model::{Node, NodeId, Text};

    fn text(value: &str) -> Node {
        Node::Text(Text { value: value.into(), interned: true })
    }

    fn walk(nodes: &[Node], root: NodeId) -> Result<Vec<Leaf>, Error> {
        let mut walk = Walk::new(nodes, root)?;
        let mut leaves = Vec::new();
        while let Some(leaf) = walk.next()? {
            leaves.push(leaf);
        }
        Ok(leaves)
    }

    /// Each leaf's path; `?` marks one that is no name in a flat format.
    fn paths(nodes: &[Node], root: NodeId) -> Vec<String> {
        let mark = |leaf: Leaf| [&*leaf.path, if leaf.unnamed.is_some() { "?" } else { "" }].concat();
        walk(nodes, root).unwrap().into_iter().map(mark).collect()
    }

    #[test]
    fn what_is_no_branch_is_a_leaf() {
        let nodes = [
            Node::List(vec![1, 4, 5]),
            Node::Dict(vec![(2, 3), (3, 3)]),
            text("a"),
            Node::Int(7),
            Node::Set(vec![3]),
            Node::Counter(vec![(2, 3)]),
        ];
        assert_eq!(paths(&nodes, 0), ["[0].a", "[0].7", "[1]", "[2]"]);
        assert_eq!(paths(&nodes, 4), [""]);
    }

    #[test]
    fn a_key_without_a_name_is_said() {
        let nodes =
            [Node::Dict(vec![(1, 2), (3, 4)]), Node::Float(0), Node::None, text(""), Node::List(vec![2])];
        assert_eq!(paths(&nodes, 0), ["0.0?", "[\"\"][0]?"]);
    }

    #[test]
    fn names_that_are_not_unique_have_an_own_one_beside() {
        let nodes = [
            Node::Dict(vec![(1, 4), (2, 3)]),
            text("a.b"),
            text("a"),
            Node::Dict(vec![(5, 4)]),
            Node::None,
            text("b"),
        ];
        let leaves = walk(&nodes, 0).unwrap();
        let own: Vec<_> = leaves.iter().map(|leaf| (leaf.path.as_str(), leaf.own.as_deref())).collect();
        assert_eq!(own, [("a.b", Some("[\"a.b\"]")), ("a.b", Some("[\"a\"][\"b\"]"))]);
    }

    #[test]
    fn a_missing_node_is_the_callers_mistake() {
        for nodes in [vec![Node::List(vec![9])], vec![Node::Dict(vec![(0, 9)])], vec![]] {
            assert!(matches!(walk(&nodes, 0), Err(Error::Misuse(_))), "{nodes:?}");
        }
    }

    #[test]
    fn a_bomb_of_shared_containers_is_capped() {
        // 40 lists, each twice in the one before: 2^40 leaves.
        let mut nodes: Vec<Node> = (1..=40).map(|next| Node::List(vec![next, next])).collect();
        nodes.push(Node::List(Vec::new()));
        assert!(matches!(Walk::new(&nodes, 0), Err(Error::Limit(excess)) if excess.limit == "tree"));
    }
}
