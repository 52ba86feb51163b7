use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::containers::is_empty_ordered_dict;
use super::context::Context;
use super::draft::{Child, Draft, Part};
use super::faults::Faults;
use super::flaw::Flaw;
use super::{NamedStorage, Offsets, calls, scalars};
use crate::model::{Global, Node, NodeId, Text, children_mut};
use crate::pickle::{Graph, Object, ObjectId, Value};
use crate::torch::emit::storage::LOCATIONS;
use crate::{Error, Limits, show};

/// Goes over everything reachable from a pickle's root and numbers it in the
/// order in which a pickler would meet it.
///
/// Its stack is its own: how deep a file nests is the file's choice.
pub(super) struct Walk<'g> {
    context: Context<'g>,
    graph: &'g Graph,
    part: &'g str,
    limits: &'g Limits,
    nodes: Vec<Node>,
    /// The node of each object met so far.
    ids: Vec<Option<NodeId>>,
    frames: Vec<Frame<'g>>,
    offsets: Offsets,
    faults: Faults,
    /// Classes with which their source came.
    sources: BTreeSet<ObjectId>,
}

/// What a walk has found.
pub(super) struct Walked {
    /// The arena; node 0 is the root.
    pub(super) nodes: Vec<Node>,
    /// Its storages.
    pub(super) storages: Vec<NamedStorage>,
    /// Where calls are in the file.
    pub(super) offsets: Offsets,
    /// What was wrong, as far as it was kept.
    pub(super) faults: Faults,
    /// Classes with which their source came.
    pub(super) sources: Vec<Global>,
    /// The node of each object that is one.
    pub(super) ids: Vec<Option<NodeId>>,
}

/// A node whose children are being numbered.
struct Frame<'g> {
    id: NodeId,
    node: Node,
    parts: Vec<Part<'g>>,
    /// The next child: the part, and the index in it.
    next: (usize, usize),
    numbers: Vec<NodeId>,
}

impl<'g> Walk<'g> {
    /// At the root of `graph`, of the pickle in `part`.
    pub(super) fn new(graph: &'g Graph, part: &'g str, limits: &'g Limits, faults: Faults) -> Self {
        Self {
            context: Context::new(graph, limits, matches!(faults, Faults::Strict)),
            graph,
            part,
            limits,
            nodes: Vec::new(),
            ids: vec![None; graph.objects.len()],
            frames: Vec::new(),
            offsets: Offsets::default(),
            faults,
            sources: BTreeSet::new(),
        }
    }

    /// Goes over everything the root reaches.
    pub(super) fn run(&mut self) -> Result<(), Error> {
        self.walk(self.graph.root)
    }

    /// Goes over the calls that the root does not reach and that are still made.
    /// Later ones hold earlier ones, so these come last.
    pub(super) fn rest(&mut self) -> Result<(), Error> {
        let count = u32::try_from(self.graph.objects.len()).unwrap_or(u32::MAX);
        for (id, object) in (0..count).zip(&self.graph.objects).rev() {
            let made = matches!(object, Object::Instance(_));
            let value = Value::Object(id);
            // Every tensor has hooks of its own, and none in them.
            let part = self.context.is_part(value) || is_empty_ordered_dict(&self.context, value);
            if made && self.number(id).is_none() && !part {
                self.walk(value)?;
            }
        }
        Ok(())
    }

    /// What was found.
    pub(super) fn finish(mut self) -> Walked {
        self.intern();
        let classes = self.sources.iter().filter_map(|&id| self.context.class(Value::Object(id)));
        let sources = classes.collect();
        let storages = self.context.storages.finish();
        Walked {
            nodes: self.nodes,
            storages,
            offsets: self.offsets,
            faults: self.faults,
            sources,
            ids: self.ids,
        }
    }

    fn walk(&mut self, root: Value) -> Result<(), Error> {
        self.visit(Child::Value(root))?;
        while let Some(last) = self.frames.len().checked_sub(1) {
            let child = self.frames.get_mut(last).and_then(Frame::child);
            let Some(child) = child else {
                self.close();
                continue;
            };
            let id = self.visit(child)?;
            if let Some(frame) = self.frames.get_mut(last) {
                frame.numbers.push(id);
            }
        }
        Ok(())
    }

    /// The number of a child; if it is new, its own children come next.
    fn visit(&mut self, child: Child<'g>) -> Result<NodeId, Error> {
        let child = match child {
            Child::Value(value) => Child::Value(self.resolve(value)),
            child => child,
        };
        if let Child::Value(Value::Object(object)) = child
            && let Some(id) = self.number(object)
        {
            return Ok(id);
        }
        let id = self.nodes.len();
        let fresh = u32::try_from(id).ok().filter(|&id| id < self.limits.nodes);
        let Some(id) = fresh else { return Err(self.limit("nodes", u64::from(self.limits.nodes))) };
        if self.frames.len() as u64 > u64::from(self.limits.depth) {
            return Err(self.limit("depth", u64::from(self.limits.depth)));
        }
        let object = match child {
            Child::Value(Value::Object(object)) => Some(object),
            _ => None,
        };
        let draft = match self.draft(child, id) {
            Ok(draft) => draft,
            Err(flaw) => self.recover(flaw, object)?,
        };
        self.context.charge(draft.len(), self.offsets.last())?;
        if draft.len() == 0 {
            self.nodes.push(draft.node);
        } else {
            // Its number is taken; the node itself follows when it is closed.
            self.nodes.push(Node::None);
            let Draft { node, parts } = draft;
            self.frames.push(Frame { id, node, parts, next: (0, 0), numbers: Vec::new() });
        }
        Ok(id)
    }

    /// The class that a persistent id of the legacy format stands for, or else the value.
    fn resolve(&mut self, value: Value) -> Value {
        match self.context.module(value) {
            Some((class, sourced)) => {
                if let (Value::Object(id), true) = (class, sourced) {
                    self.sources.insert(id);
                }
                class
            }
            None => value,
        }
    }

    /// What stands for an object that has a flaw, where the walk goes on.
    fn recover(&mut self, flaw: Flaw, object: Option<ObjectId>) -> Result<Draft<'g>, Error> {
        let new = match &flaw.error {
            Error::Malformed(fault) | Error::Unsupported(fault) => self.faults.mark(fault.offset),
            _ => true,
        };
        if new {
            let error = if self.faults.is_full() { flaw.error } else { self.locate(flaw.error) };
            self.faults.take(Flaw { error, ..flaw })?;
        }
        let instance = object.and_then(|object| self.context.instance(Value::Object(object)));
        Ok(match instance {
            Some(instance) => {
                self.faults.mark(instance.offset);
                Draft::opaque(instance)
            }
            None => Draft::leaf(Node::None),
        })
    }

    fn draft(&mut self, child: Child<'g>, id: NodeId) -> Result<Draft<'g>, Flaw> {
        match child {
            Child::Value(Value::None) => Ok(Draft::leaf(Node::None)),
            Child::Value(Value::Bool(value)) => Ok(Draft::leaf(Node::Bool(value))),
            Child::Value(Value::Int(value)) => Ok(Draft::leaf(Node::Int(value))),
            Child::Value(Value::Float(bits)) => Ok(Draft::leaf(Node::Float(bits))),
            Child::Value(Value::Object(object)) => {
                let slot = usize::try_from(object).ok().and_then(|index| self.ids.get_mut(index));
                if let Some(slot) = slot {
                    *slot = Some(id);
                }
                self.object(object, id)
            }
            Child::Opaque(object) => match self.context.instance(Value::Object(object)) {
                Some(instance) => Ok(Draft::opaque(instance)),
                None => Err(Error::misuse("an object that is no call cannot be opaque").into()),
            },
            Child::Made(draft) => Ok(*draft),
        }
    }

    fn object(&mut self, id: ObjectId, node: NodeId) -> Result<Draft<'g>, Flaw> {
        let Some(object) = self.context.object(Value::Object(id)) else {
            return Err(Error::misuse(format!("object {id} is not in its graph")).into());
        };
        Ok(match object {
            Object::BigInt(bytes) => Draft::leaf(Node::BigInt(bytes.clone())),
            Object::Text(value) => Draft::leaf(Node::Text(Text { value: value.clone(), interned: false })),
            Object::SurrogateText(bytes) => Draft::leaf(Node::SurrogateText(bytes.clone())),
            Object::Bytes(bytes) => Draft::leaf(Node::Bytes(bytes.clone())),
            Object::ByteArray(bytes) => Draft::leaf(Node::ByteArray(bytes.clone())),
            Object::Tuple(items) => values(Node::Tuple, items),
            Object::List(items) => values(Node::List, items),
            Object::Set(items) => values(Node::Set, items),
            Object::FrozenSet(items) => values(Node::FrozenSet, items),
            Object::Dict(pairs) => {
                let node = Node::Dict(vec![(0, 0); pairs.len()]);
                Draft { node, parts: vec![Part::Pairs(pairs)] }
            }
            Object::Global(global) => Draft::leaf(scalars::global(global)),
            Object::Extension(code) => {
                let (expected, found) = ("a class or function by name", format!("extension code {code}"));
                return Err(Error::unsupported(self.offsets.last(), "", expected, found).into());
            }
            Object::Instance(instance) => {
                self.offsets.0.push((node, instance.offset));
                match calls::meaning(&mut self.context, id, instance)? {
                    Some(draft) => draft,
                    None => Draft::opaque(instance),
                }
            }
        })
    }

    /// Puts the last frame's node, its children now numbered, into the arena.
    fn close(&mut self) {
        let Some(Frame { id, mut node, numbers, .. }) = self.frames.pop() else { return };
        let mut numbers = numbers.into_iter();
        children_mut(&mut node, |slot| *slot = numbers.next().unwrap_or_default());
        if let Some(slot) = usize::try_from(id).ok().and_then(|id| self.nodes.get_mut(id)) {
            *slot = node;
        }
    }

    /// Marks the texts that are one object with a constant of the writer's: only
    /// with these does a writer share by value. A `cpu` computed at run time
    /// equals the constant and is still written apart.
    fn intern(&mut self) {
        for object in self.context.shared() {
            let id = self.number(object).and_then(|id| usize::try_from(id).ok());
            if let Some(Node::Text(text)) = id.and_then(|id| self.nodes.get_mut(id)) {
                text.interned = is_constant(&text.value);
            }
        }
    }

    fn number(&self, object: ObjectId) -> Option<NodeId> {
        *usize::try_from(object).ok().and_then(|index| self.ids.get(index))?
    }

    fn limit(&self, limit: &'static str, allowed: u64) -> Error {
        Error::limit(self.offsets.last(), limit, allowed)
    }

    /// Adds to an error the part, and the path to what is wrong in it.
    fn locate(&self, mut error: Error) -> Error {
        if let Error::Malformed(fault) | Error::Unsupported(fault) = &mut error {
            fault.part = format!("{}{}", self.part, self.path());
        }
        error
    }

    /// The way from the root to the current child: `['model']['w']`.
    fn path(&self) -> String {
        const SHOWN: usize = 8;
        let hidden = self.frames.len().saturating_sub(SHOWN);
        let mut path = String::from(if hidden > 0 { ": …" } else { ": " });
        for frame in self.frames.iter().skip(hidden) {
            path.push_str(&self.step(frame));
        }
        if self.frames.is_empty() { String::new() } else { path }
    }

    /// The step from a frame's node to the child it is at.
    fn step(&self, frame: &Frame<'g>) -> String {
        let (part, next) = frame.next;
        let index = next.saturating_sub(1);
        let pair = match frame.parts.get(part) {
            Some(Part::Pairs(pairs)) => pairs.get(index / 2),
            Some(Part::Values(_)) => return format!("[{index}]"),
            _ => return String::from("[…]"),
        };
        match pair.map(|&(key, _)| key) {
            Some(Value::Int(key)) => format!("[{key}]"),
            Some(key) => match self.context.text(key) {
                Some(key) => format!("[{}]", show::name(key)),
                None => format!("[{}]", self.context.describe(key)),
            },
            None => String::new(),
        }
    }
}

impl<'g> Frame<'g> {
    /// The next child, if there is one.
    fn child(&mut self) -> Option<Child<'g>> {
        loop {
            let (part, index) = self.next;
            match self.parts.get_mut(part)?.take(index) {
                Some(child) => {
                    self.next = (part, index.saturating_add(1));
                    return Some(child);
                }
                None => self.next = (part.saturating_add(1), 0),
            }
        }
    }
}

fn values<'g>(node: fn(Vec<NodeId>) -> Node, items: &'g [Value]) -> Draft<'g> {
    Draft { node: node(vec![0; items.len()]), parts: vec![Part::Values(items)] }
}

/// Whether a text is one that a writer of torch files keeps once: a constant of
/// torch's pickling code, or a single Latin-1 character.
fn is_constant(text: &str) -> bool {
    let mut characters = text.chars();
    let single = characters.next().is_some_and(|c| u8::try_from(c).is_ok()) && characters.next().is_none();
    single || matches!(text, "storage" | "latin1") || LOCATIONS.contains(&text)
}
