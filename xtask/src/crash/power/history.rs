//! What a save did to the file system, on inodes: names move, inodes stay.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Index into [`History::inodes`].
pub type Inode = usize;

pub type Bytes = Arc<[u8]>;

/// The inode that all paths start from.
pub const ROOT: Inode = 0;

#[derive(Clone, Debug)]
pub struct History {
    /// Each inode as it is on disk before the first operation. Those that are made
    /// later are here too, empty.
    pub inodes: Vec<Content>,
    /// In the order they completed.
    pub operations: Vec<Operation>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    File(Bytes),
    Directory(BTreeMap<Arc<str>, Inode>),
}

#[derive(Clone, Debug)]
pub struct Operation {
    /// How many operations were complete when this one began. A sync covers no
    /// others: what another thread wrote meanwhile may have come too late for it.
    pub began: usize,
    pub effect: Effect,
    /// For people.
    pub text: String,
}

#[derive(Clone, Debug)]
pub enum Effect {
    /// What some names stand for afterwards, all of them or none.
    Names(Vec<(Slot, Option<Inode>)>),
    Change(Inode, Change),
    Sync(Inode),
    /// A process told its user that the save is done.
    Acknowledge,
}

/// One name in one directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    pub directory: Inode,
    pub name: Arc<str>,
}

/// To what a file holds.
#[derive(Clone, Debug)]
pub enum Change {
    Write {
        offset: usize,
        bytes: Bytes,
    },
    /// The file is cut, or extended by zeros.
    Length(usize),
    /// The file is at least so long.
    Reserve(usize),
}

impl History {
    /// An empty disk.
    pub fn new() -> Self {
        Self { inodes: vec![Content::Directory(BTreeMap::new())], operations: Vec::new() }
    }

    pub fn add(&mut self, content: Content) -> Inode {
        self.inodes.push(content);
        self.inodes.len() - 1
    }

    /// Appends an operation that began when the one before it was complete.
    pub fn then(&mut self, effect: Effect, text: impl Into<String>) {
        self.push(self.operations.len(), effect, text);
    }

    pub fn push(&mut self, began: usize, effect: Effect, text: impl Into<String>) {
        self.operations.push(Operation { began, effect, text: text.into() });
    }

    /// The first `point` operations.
    pub fn cut(&self, point: usize) -> Self {
        let mut history = self.clone();
        history.operations.truncate(point);
        history
    }

    /// As if one operation had done nothing: a save that forgot a sync.
    pub fn without(&self, index: usize) -> Self {
        let mut history = self.clone();
        history.operations[index].effect = Effect::Names(Vec::new());
        history
    }

    /// Whether the save was said to be done before `point`.
    pub fn acknowledged(&self, point: usize) -> bool {
        self.before(point).any(|operation| matches!(operation.effect, Effect::Acknowledge))
    }

    /// The points where a power cut can leave what it cannot leave one operation
    /// later. An operation adds to what a disk may hold, and takes nothing away,
    /// unless it syncs or promises something.
    pub fn moments(&self) -> impl Iterator<Item = usize> {
        let settles = |effect: &Effect| matches!(effect, Effect::Sync(_) | Effect::Acknowledge);
        let settling = self.operations.iter().enumerate().filter(move |(_, op)| settles(&op.effect));
        settling.map(|(index, _)| index).chain([self.operations.len()])
    }

    /// The points after an operation on names, in a save that goes on.
    pub fn namings(&self) -> Vec<usize> {
        let going_on = self.operations.iter().take_while(|it| !matches!(it.effect, Effect::Acknowledge));
        let names = going_on.enumerate().filter(|(_, it)| matches!(it.effect, Effect::Names(_)));
        names.map(|(index, _)| index + 1).collect()
    }

    pub fn before(&self, point: usize) -> impl DoubleEndedIterator<Item = &Operation> {
        self.operations.iter().take(point)
    }
}

impl Slot {
    pub fn new(directory: Inode, name: &str) -> Self {
        Self { directory, name: name.into() }
    }
}

impl Effect {
    /// Whether it is an entry in a journal of metadata.
    pub fn is_metadata(&self) -> bool {
        match self {
            Self::Names(_) => true,
            Self::Change(_, change) => !matches!(change, Change::Write { .. }),
            Self::Sync(_) | Self::Acknowledge => false,
        }
    }

    /// Whether a sync of `inode` brings it to disk where each directory and each
    /// file is on its own.
    pub fn is_of(&self, inode: Inode) -> bool {
        match self {
            Self::Names(slots) => slots.iter().any(|(slot, _)| slot.directory == inode),
            Self::Change(file, _) => *file == inode,
            Self::Sync(_) | Self::Acknowledge => false,
        }
    }

    /// Whether it changes what is known of `inode`, as its name does.
    pub fn touches(&self, inode: Inode) -> bool {
        let names = |slots: &[(Slot, Option<Inode>)]| slots.iter().any(|(_, held)| *held == Some(inode));
        self.is_of(inode) || matches!(self, Self::Names(slots) if names(slots))
    }
}
