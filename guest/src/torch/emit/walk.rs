use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use crate::Error;
use crate::model::{Node, NodeId, Storage, Text, children};

use super::batch::Batch;
use super::memo::Memo;
use super::primitives::{BUILD, EMPTY_DICT, EMPTY_LIST, NONE, Output, POP, PROTO, REDUCE, SETITEM, STOP};
use super::storage::Storages;
use super::{Dotted, Emitted, Stop, unfit};
use crate::torch::ABSENT;

/// The walk over an arena: CPython's `save`, with the call stack as data.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    pub(super) out: Output,
    pub(super) memo: Memo<'a>,
    pub(super) storages: Storages<'a>,
    pub(super) dotted: Dotted,
    nodes: &'a [Node],
    /// Where the walk begins.
    root: NodeId,
    /// The nodes that several others lead to, once that was asked.
    shared: Option<Vec<bool>>,
    tasks: Vec<Task<'a>>,
}

/// What is still to be written; the last task comes first.
#[derive(Clone, Copy, Debug)]
pub(super) enum Task<'a> {
    /// A node, or a reference to it where it was written before.
    Visit(NodeId),
    /// A tensor that torch makes anew whenever its owner is saved.
    Anew(NodeId),
    /// The function that rebuilds a node.
    Function(NodeId),
    /// The tuple of arguments for it.
    Arguments(NodeId),
    /// A node in the place of a call's arguments.
    CallTuple(NodeId),
    /// Nodes, one after another.
    Each(&'a [NodeId]),
    /// The contents of a list or dict.
    Batch(Batch<'a>),
    /// The end of a tuple that is a node, perhaps one made anew each time.
    EndTuple { node: NodeId, items: usize, anew: bool },
    /// The end of a tuple that is no node.
    Close(usize),
    /// A call, whose result is the node, if it is one.
    Call { op: u8, node: Option<NodeId> },
    /// What an object is given after it was made.
    Fill(NodeId),
    /// What is called for its effect on an object, and thrown away.
    Effect { owner: NodeId, effect: NodeId },
    /// An instruction.
    Op(u8),
    /// `True` or `False`
    Bool(bool),
    /// An `int`
    Int(i64),
    /// A `torch.Size` of the node's, made anew
    Size(NodeId, &'a [u64]),
    /// An empty `OrderedDict`, made anew
    Hooks,
}

impl<'a> Walk<'a> {
    /// A walk over these nodes, for a pickle of at most `capacity` bytes.
    pub(super) fn new(nodes: &'a [Node], storages: &'a [Storage], capacity: usize, dotted: Dotted) -> Self {
        Self {
            out: Output::new(capacity),
            memo: Memo::new(nodes.len()),
            storages: Storages::new(storages),
            dotted,
            nodes,
            root: 0,
            shared: None,
            tasks: Vec::new(),
        }
    }

    /// Pickles the node `root`.
    pub(super) fn run(mut self, root: NodeId) -> Result<Emitted, Stop> {
        self.root = root;
        self.out.op(PROTO);
        self.out.op(2);
        self.tasks.push(Task::Visit(root));
        let mut patience = patience(self.nodes);
        while let Some(task) = self.tasks.pop() {
            self.step(task)?;
            if self.out.is_full() {
                return Err(unfit(root, "its pickle would be too long"));
            }
            patience = patience.saturating_sub(1);
            if self.tasks.len() > MAX_TASKS || patience == 0 {
                return Err(Error::misuse("the state dict is too deep, or too often a part of itself").into());
            }
        }
        self.out.op(STOP);
        Ok(Emitted { bytes: self.out.into_bytes(), order: self.storages.into_order() })
    }

    /// A node that must exist.
    pub(super) fn node(&self, id: NodeId) -> Result<&'a Node, Error> {
        usize::try_from(id)
            .ok()
            .and_then(|id| self.nodes.get(id))
            .ok_or_else(|| Error::misuse(format!("node {id} does not exist: there are {}", self.nodes.len())))
    }

    /// Whether several nodes lead to a node, or one several times.
    pub(super) fn is_shared(&mut self, id: NodeId) -> bool {
        let (nodes, root) = (self.nodes, self.root);
        let shared = self.shared.get_or_insert_with(|| shared(nodes, root));
        usize::try_from(id).ok().and_then(|id| shared.get(id)).copied().unwrap_or(true)
    }

    /// Has a task done next, before all those asked for earlier.
    pub(super) fn then(&mut self, task: Task<'a>) {
        self.tasks.push(task);
    }

    /// Has tasks done next, in their order.
    pub(super) fn then_all<const N: usize>(&mut self, tasks: [Task<'a>; N]) {
        self.tasks.extend(tasks.into_iter().rev());
    }

    /// Memoizes what was just written.
    pub(super) fn put(&mut self) -> u32 {
        let index = self.memo.take();
        self.out.put(index);
        index
    }

    /// Memoizes what was just written as a node.
    pub(super) fn put_node(&mut self, id: NodeId) {
        let index = self.put();
        self.memo.set_node(id, index);
    }

    /// Ends a tuple that is not empty, and memoizes it.
    pub(super) fn close(&mut self, items: usize) {
        self.out.close(items);
        self.put();
    }

    /// A string that the interpreter has once.
    pub(super) fn interned(&mut self, value: &'a str) -> u32 {
        if let Some(index) = self.memo.text(value) {
            self.out.get(index);
            return index;
        }
        self.out.text(value.as_bytes());
        let index = self.put();
        self.memo.set_text(value, index);
        index
    }

    fn step(&mut self, task: Task<'a>) -> Result<(), Stop> {
        match task {
            Task::Visit(id) => return self.visit(id),
            Task::Anew(id) => return self.anew(id),
            Task::Function(id) => return self.function(id),
            Task::Arguments(id) => return self.arguments(id),
            Task::CallTuple(id) => return self.call_tuple(id),
            Task::Each(ids) => {
                if let Some((&first, rest)) = ids.split_first() {
                    self.then_all([Task::Visit(first), Task::Each(rest)]);
                }
            }
            Task::Batch(batch) => self.batch(batch),
            Task::EndTuple { node, items, anew } => self.end_tuple(node, items, anew),
            Task::Close(items) => self.close(items),
            Task::Call { op, node } => return self.call(op, node),
            Task::Fill(id) => return self.fill(id),
            Task::Effect { owner, effect } => return self.effect(owner, effect),
            Task::Op(op) => self.out.op(op),
            Task::Bool(value) => self.out.bool(value),
            Task::Int(value) => self.out.int(value),
            Task::Size(id, shape) => return self.size_of(id, shape),
            Task::Hooks => self.hooks(),
        }
        Ok(())
    }

    fn visit(&mut self, id: NodeId) -> Result<(), Stop> {
        let node = self.node(id)?;
        if let Some(index) = self.memo.node(id) {
            self.out.get(index);
            return Ok(());
        }
        match node {
            Node::None => self.out.op(NONE),
            Node::Bool(value) => self.out.bool(*value),
            Node::Int(value) => self.out.int(*value),
            Node::BigInt(value) => self.out.big_int(value),
            Node::Float(bits) => self.out.float(*bits),
            Node::Text(text) => self.text(id, text),
            Node::SurrogateText(bytes) => {
                self.out.text(bytes);
                self.put_node(id);
            }
            Node::Tuple(items) => self.tuple(id, items, false),
            Node::List(items) => {
                self.out.op(EMPTY_LIST);
                self.put_node(id);
                self.then(Task::Batch(Batch::list(items)));
            }
            Node::Dict(pairs) => {
                self.out.op(EMPTY_DICT);
                self.put_node(id);
                self.then(Task::Batch(Batch::dict(pairs)));
            }
            Node::OrderedDict { items, attributes } => {
                self.hooks_as(Some(id));
                if let Some(attributes) = *attributes {
                    self.then_all([Task::Visit(attributes), Task::Op(BUILD)]);
                }
                self.then(Task::Batch(Batch::pairs(items)));
            }
            Node::Absent => self.absent(id),
            _ => return self.reduced(id, node),
        }
        Ok(())
    }

    /// What any reader takes for an empty `OrderedDict`, with an attribute that says
    /// what it stands for.
    fn absent(&mut self, id: NodeId) {
        self.hooks_as(Some(id));
        self.out.op(EMPTY_DICT);
        self.put();
        self.interned(ABSENT);
        self.out.bool(true);
        self.out.op(SETITEM);
        self.out.op(BUILD);
    }

    fn text(&mut self, id: NodeId, text: &'a Text) {
        if text.interned {
            let index = self.interned(&text.value);
            self.memo.set_node(id, index);
        } else {
            self.out.text(text.value.as_bytes());
            self.put_node(id);
        }
    }

    /// A tuple that is a node; `anew` where it is another object each time.
    pub(super) fn tuple(&mut self, id: NodeId, items: &'a [NodeId], anew: bool) {
        if items.is_empty() {
            return self.out.close(0);
        }
        self.out.open(items.len());
        self.then_all([Task::Each(items), Task::EndTuple { node: id, items: items.len(), anew }]);
    }

    fn end_tuple(&mut self, id: NodeId, items: usize, anew: bool) {
        match self.memo.node(id) {
            // Its own items led to it and wrote it on their way.
            Some(index) if !anew => {
                self.out.drop_items(items);
                self.out.get(index);
            }
            _ => {
                self.out.close(items);
                self.put_node(id);
            }
        }
    }

    fn call(&mut self, op: u8, node: Option<NodeId>) -> Result<(), Stop> {
        self.out.op(op);
        let Some(id) = node else {
            self.put();
            return Ok(());
        };
        if let Some(index) = self.memo.node(id) {
            self.out.op(POP);
            self.out.get(index);
            return Ok(());
        }
        self.put_node(id);
        self.fill(id)
    }

    /// An empty `OrderedDict` that is no node: a tensor's hooks.
    pub(super) fn hooks(&mut self) {
        self.hooks_as(None);
    }

    fn hooks_as(&mut self, node: Option<NodeId>) {
        self.known("collections", "OrderedDict");
        self.out.close(0);
        self.out.op(REDUCE);
        let index = self.put();
        if let Some(id) = node {
            self.memo.set_node(id, index);
        }
    }
}

/// For each node whether it is led to more than once. Nodes that nothing under the root leads to have
/// no say: a reader of what is written does not know them.
fn shared(nodes: &[Node], root: NodeId) -> Vec<bool> {
    let (mut met, mut shared) = (vec![false; nodes.len()], vec![false; nodes.len()]);
    let mut stack = vec![root];
    while let Some(id) = stack.pop() {
        let Some(node) = usize::try_from(id).ok().and_then(|id| nodes.get(id)) else { continue };
        children(node, |id| {
            let Ok(index) = usize::try_from(id) else { return };
            if let (Some(met), Some(shared)) = (met.get_mut(index), shared.get_mut(index)) {
                if core::mem::replace(met, true) {
                    *shared = true;
                } else if id != root {
                    stack.push(id);
                }
            }
        });
    }
    shared
}

/// Tasks in all: several for each node and each reference to one. What leads back
/// to itself is written again and again until it is in the memo, as CPython does;
/// twelve nodes can be arranged so that this never ends.
fn patience(nodes: &[Node]) -> usize {
    let references = nodes.iter().map(|node| match node {
        Node::Tuple(items) | Node::List(items) | Node::Set(items) | Node::FrozenSet(items) => items.len(),
        Node::Dict(pairs) | Node::Counter(pairs) | Node::OrderedDict { items: pairs, .. } => pairs.len(),
        Node::Object(object) => {
            object.items.len().saturating_add(object.pairs.len()).saturating_add(object.effects.len())
        }
        _ => 0,
    });
    let tasks = references.map(|count| count.saturating_add(10).saturating_mul(10));
    tasks.fold(100_000, usize::saturating_add)
}

/// Tasks waiting at once. A node takes a few, so this is far beyond the depth
/// that CPython's own recursion limit allows; only cycles and bombs reach it.
const MAX_TASKS: usize = 100_000;
