//! The state dict: a tree of values and tensors, with the identities that ties
//! and byte-identical rewriting need.

mod composite;
mod datetime;
mod dtype;
mod graft;
mod item;
mod names;
mod number;
mod numpy;
mod storage;
mod tensor;
mod unseen;
mod value;
mod visit;
mod walk;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use strongroom_names::{Survey, find};

use crate::payload::layout::numel;
use crate::sandbox::bindings::types as wit;
use crate::{Error, Finding, Result};

pub use composite::{Quantizer, Wrapper};
pub use dtype::{DType, Element};
pub(crate) use graft::Brought;
pub use item::{Entries, Item, Items};
pub(crate) use names::Arena;
pub(crate) use storage::Content;
pub use storage::Storage;
pub use tensor::Tensor;
pub use value::Value;
pub(crate) use value::add as add_value;
pub(crate) use visit::{references, visit, visit_mut, visit_roles};
pub(crate) use walk::{Flat, flat, flattened, path_along};
pub use walk::{Leaf, Leaves};

pub(crate) use crate::sandbox::bindings::types::Node;

/// A tree of values and tensors: what `torch.save` saves and `torch.load` gives.
///
/// The root is most often a dict, but may be any value. Tensors look into
/// [`Storage`]s, which may be borrowed, owned, mapped, or still in their file.
///
/// ```
/// use strongroom::{StateDict, Tensor, Value};
///
/// # fn main() -> strongroom::Result<()> {
/// let mut state = StateDict::new();
/// state.insert("weight", Tensor::from_vec(vec![0.5f32; 6], &[2, 3])?);
/// state.insert("groups", Value::list([Value::dict([("lr", 0.1)])]));
/// assert_eq!(state.tensor("weight").unwrap().shape(), [2, 3]);
/// assert_eq!(state.get("groups[0].lr").unwrap().as_f64(), Some(0.1));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct StateDict<'a> {
    /// Every value, each once; they name each other by index.
    nodes: Arc<Vec<Node>>,
    storages: Vec<Storage<'a>>,
    root: u32,
    metadata: Vec<(String, String)>,
    /// The file that some of it is of, and why it cannot be written again as what it is.
    irreproducible: Option<Arc<(PathBuf, Finding)>>,
    /// Where things are, so that building a large state dict takes linear time.
    index: Index,
}

/// Indexes that are brought up to date when they are needed.
#[derive(Clone, Debug, Default)]
struct Index {
    /// Storages by the address of what they share.
    storages: HashMap<usize, u32>,
    /// Positions of the root's string keys, of its first `items` items.
    keys: HashMap<String, usize>,
    items: usize,
    /// Where the keys are, once anybody has searched one.
    lookup: OnceLock<Arc<strongroom_names::Index>>,
    /// What it takes to name all places, once anybody has.
    survey: OnceLock<Arc<Survey>>,
}

impl<'a> StateDict<'a> {
    /// An empty dict.
    pub fn new() -> Self {
        Self::from_parts(vec![Node::Dict(Vec::new())], Vec::new(), 0, Vec::new())
    }

    /// A state dict whose root is any value.
    pub fn from_value(value: impl Into<Value<'a>>) -> Self {
        let mut state = Self::from_parts(Vec::new(), Vec::new(), 0, Vec::new());
        state.root = value::add(&mut state, value.into());
        state
    }

    pub(crate) fn from_parts(
        nodes: Vec<Node>,
        storages: Vec<Storage<'a>>,
        root: u32,
        metadata: Vec<(String, String)>,
    ) -> Self {
        let (irreproducible, index) = (None, Index::default());
        Self { nodes: Arc::new(nodes), storages, root, metadata, irreproducible, index }
    }

    /// Says of what file it is, and why it cannot be written again as what it is.
    pub(crate) fn set_irreproducible(&mut self, path: &Path, finding: Finding) {
        self.irreproducible = Some(Arc::new((path.into(), finding)));
    }

    /// Why it cannot be written again as what it is.
    pub(crate) fn irreproducible(&self) -> Option<&Finding> {
        self.irreproducible.as_deref().map(|(_, finding)| finding)
    }

    /// An error if writing it would do something else than the file does that it is of.
    pub(crate) fn expect_reproducible(&self) -> Result<()> {
        match self.irreproducible.as_deref() {
            Some((path, finding)) => {
                let (path, finding) = (path.clone(), Box::new(finding.clone()));
                Err(Error::Irreproducible { path, finding, tensors: self.tensors().next().is_some() })
            }
            None => Ok(()),
        }
    }

    /// Sets `key` of the root to `value`, in place of what it was.
    ///
    /// # Panics
    /// If the root is not a dict: one from [`StateDict::new`] is.
    pub fn insert(&mut self, key: &str, value: impl Into<Value<'a>>) {
        let value = value::add(self, value.into());
        let existing = self.position(key);
        let key = match existing {
            Some(_) => 0,
            None => value::add(self, Value::from(key)),
        };
        let root = self.root as usize;
        if let Some(Node::Dict(items) | Node::OrderedDict(wit::OrderedDict { items, .. })) =
            self.nodes_mut().get_mut(root)
        {
            match existing {
                Some(position) => items[position].value = value,
                None => items.push(wit::Pair { key, value }),
            }
        }
    }

    /// Where the root has a string key.
    fn position(&mut self, key: &str) -> Option<usize> {
        let (Node::Dict(items) | Node::OrderedDict(wit::OrderedDict { items, .. })) = self.node(self.root)
        else {
            panic!("the root is a {}, not a dict", self.root().kind());
        };
        let text = |pair: &wit::Pair| match self.node(pair.key) {
            Node::Text(text) => Some(text.value.clone()),
            _ => None,
        };
        let known = self.index.items;
        let new: Vec<(String, usize)> = (known..items.len())
            .filter_map(|position| Some((text(items.get(position)?)?, position)))
            .collect();
        self.index.items = items.len();
        self.index.keys.extend(new);
        self.index.keys.get(key).copied()
    }

    /// The root.
    pub fn root(&self) -> Item<'_, 'a> {
        Item::new(self, self.root)
    }

    /// The value at a path as [`leaves`](Self::leaves) gives it: `optimizer.state.0.exp_avg`,
    /// `param_groups[0].lr`. Where keys with dots make a path that is not exact ambiguous,
    /// the first.
    pub fn get(&self, path: &str) -> Option<Item<'_, 'a>> {
        let arena = Arena(&self.nodes);
        let lookup = || Arc::new(strongroom_names::Index::of(&arena, self.root));
        let index = self.index.lookup.get_or_init(lookup);
        find(&arena, index, path).map(|node| Item::new(self, node))
    }

    /// The tensor at a path. Parameters count as their tensor.
    pub fn tensor(&self, path: &str) -> Option<Tensor<'a>> {
        self.get(path)?.as_tensor()
    }

    /// All values that are not containers, with their paths, in order.
    ///
    /// A path is the keys joined by dots. Positions are in brackets, `groups[0]`;
    /// attributes follow an at sign, `weight@scale`; keys themselves are in braces,
    /// `state{0}`, and what is under one that cannot be written goes by its position,
    /// `state[#0]`. Where two places would share a path, both have an exact one:
    /// `["a.b"]["c"]`.
    pub fn leaves(&self) -> Leaves<'_, 'a> {
        Leaves::new(self)
    }

    /// All tensors, with their paths, in order. Parameters count as their tensor.
    pub fn tensors(&self) -> impl Iterator<Item = (String, Tensor<'a>)> {
        let mut leaves = self.leaves();
        std::iter::from_fn(move || {
            let leaf = leaves.find_item(|item| item.as_tensor().is_some())?;
            Some((leaf.path, leaf.item.as_tensor()?))
        })
    }

    /// Whether it is but what one rank has of a state dict that was shared over several, as
    /// far as that can be seen: there are places for what others have.
    pub fn is_part(&self) -> bool {
        self.nodes.iter().any(|node| matches!(node, Node::Absent))
    }

    /// The storages, each once.
    pub fn storages(&self) -> &[Storage<'a>] {
        &self.storages
    }

    /// What a lazy load did not check: the storages whose bytes are of a file and were
    /// not held against a checksum.
    ///
    /// ```
    /// # fn main() -> strongroom::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let path = directory.path().join("model.pt");
    /// let mut state = strongroom::StateDict::new();
    /// state.insert("weight", strongroom::Tensor::from_vec(vec![1.0f32; 8], &[8])?);
    /// strongroom::save(&path, &state)?;
    /// let unverified = |state: &strongroom::StateDict<'_>| state.unverified().map(|storage| storage.length()).sum::<u64>();
    /// assert_eq!(unverified(&strongroom::map(&path)?), 32);
    /// assert_eq!(unverified(&strongroom::load(&path)?), 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn unverified(&self) -> impl Iterator<Item = &Storage<'a>> {
        self.storages.iter().filter(|storage| !storage.is_verified())
    }

    /// Free-form strings beside the tensors: the `__metadata__` of safetensors.
    pub fn metadata(&self) -> &[(String, String)] {
        &self.metadata
    }

    /// Sets the strings that safetensors keeps beside the tensors.
    pub fn set_metadata(&mut self, metadata: Vec<(String, String)>) {
        self.metadata = metadata;
    }

    /// Bytes of all storages, each counted once.
    pub fn length(&self) -> u64 {
        self.storages.iter().map(Storage::length).sum()
    }

    /// Bytes of all tensors, each written out in full: what shows elements again and again, as
    /// an expanded view does, has more than its storage.
    pub fn written_out(&self) -> u64 {
        let bytes = |node: &Node| match node {
            Node::Tensor(view) => {
                numel(&view.shape).and_then(|numel| view.dtype.bytes(numel)).unwrap_or(u64::MAX)
            }
            _ => 0,
        };
        self.nodes.iter().map(bytes).fold(0, u64::saturating_add)
    }

    pub(crate) fn root_id(&self) -> u32 {
        self.root
    }

    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    pub(crate) fn node(&self, id: u32) -> &Node {
        // Ids are checked once, where nodes come in; see `check`.
        self.nodes.get(id as usize).unwrap_or(&Node::None)
    }

    fn survey(&self) -> Arc<Survey> {
        let survey = || match Survey::of(&Arena(&self.nodes), self.root, u64::MAX) {
            Ok(survey) => Arc::new(survey),
            Err(error) => unreachable!("{error}"),
        };
        self.index.survey.get_or_init(survey).clone()
    }

    pub(crate) fn nodes_mut(&mut self) -> &mut Vec<Node> {
        self.index.lookup.take();
        self.index.survey.take();
        Arc::make_mut(&mut self.nodes)
    }

    /// Adds a node; answers its id.
    pub(crate) fn push(&mut self, node: Node) -> u32 {
        let nodes = self.nodes_mut();
        nodes.push(node);
        u32::try_from(nodes.len() - 1).unwrap_or(u32::MAX)
    }

    /// The same tree over other storages, one for each.
    pub(crate) fn with_storages<'b>(&self, storages: Vec<Storage<'b>>) -> StateDict<'b> {
        let (nodes, metadata) = (self.nodes.clone(), self.metadata.clone());
        let (irreproducible, index) = (self.irreproducible.clone(), Index::default());
        StateDict { nodes, storages, root: self.root, metadata, irreproducible, index }
    }

    /// The tree under another of its values.
    pub(crate) fn with_root(&self, root: u32) -> Self {
        Self { root, index: Index::default(), ..self.clone() }
    }

    /// The same storages under another tree.
    pub(crate) fn with_nodes(&self, nodes: Vec<Node>) -> Self {
        Self { nodes: Arc::new(nodes), index: Index::default(), ..self.clone() }
    }

    /// The index of a storage, which is added if it is new.
    pub(crate) fn storage_id(&mut self, storage: &Storage<'a>) -> u32 {
        for id in self.index.storages.len()..self.storages.len() {
            self.index.storages.insert(self.storages[id].address(), u32::try_from(id).unwrap_or(u32::MAX));
        }
        let next = u32::try_from(self.storages.len()).unwrap_or(u32::MAX);
        let id = *self.index.storages.entry(storage.address()).or_insert(next);
        if id == next {
            self.storages.push(storage.clone());
        }
        id
    }
}

impl Default for StateDict<'_> {
    fn default() -> Self {
        Self::new()
    }
}
