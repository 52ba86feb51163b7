use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use crate::dtype::Layout;
use crate::model::NodeId;

/// Which objects the pickle holds already, and under which index.
///
/// Most objects are nodes. Some exist once in an interpreter, whoever names
/// them: interned strings, one-character Latin-1 strings, classes and
/// functions, layouts. Those are found by value.
#[derive(Debug)]
pub(super) struct Memo<'a> {
    next: u32,
    nodes: Vec<u32>,
    texts: BTreeMap<&'a str, u32>,
    characters: [u32; 256],
    globals: BTreeMap<(&'a str, &'a str), u32>,
    layouts: BTreeMap<&'static str, u32>,
}

impl<'a> Memo<'a> {
    /// Empty, for an arena of `nodes` nodes.
    pub(super) fn new(nodes: usize) -> Self {
        Self {
            next: 0,
            nodes: vec![ABSENT; nodes],
            texts: BTreeMap::new(),
            characters: [ABSENT; 256],
            globals: BTreeMap::new(),
            layouts: BTreeMap::new(),
        }
    }

    /// The next free index. Each is written with at least two bytes, so the
    /// output's capacity ends before they run out.
    pub(super) fn take(&mut self) -> u32 {
        let index = self.next;
        self.next = index.saturating_add(1);
        index
    }

    /// The index of a node.
    pub(super) fn node(&self, id: NodeId) -> Option<u32> {
        present(self.nodes.get(usize::try_from(id).ok()?).copied()?)
    }

    /// Notes the index of a node. A later one replaces an earlier one.
    pub(super) fn set_node(&mut self, id: NodeId, index: u32) {
        if let Some(slot) = usize::try_from(id).ok().and_then(|id| self.nodes.get_mut(id)) {
            *slot = index;
        }
    }

    /// The index of an interned text.
    pub(super) fn text(&self, value: &str) -> Option<u32> {
        match latin1(value) {
            Some(character) => self.character(character),
            None => self.texts.get(value).copied(),
        }
    }

    /// Notes the index of an interned text.
    pub(super) fn set_text(&mut self, value: &'a str, index: u32) {
        match latin1(value) {
            Some(character) => self.set_character(character, index),
            None => {
                self.texts.insert(value, index);
            }
        }
    }

    /// The index of the text of one Latin-1 character, of which CPython has one.
    pub(super) fn character(&self, latin1: u8) -> Option<u32> {
        present(self.characters.get(usize::from(latin1)).copied()?)
    }

    /// Notes the index of the text of one Latin-1 character.
    pub(super) fn set_character(&mut self, latin1: u8, index: u32) {
        if let Some(slot) = self.characters.get_mut(usize::from(latin1)) {
            *slot = index;
        }
    }

    /// The index of a class or function, by Python 3's names.
    pub(super) fn global(&self, module: &str, name: &str) -> Option<u32> {
        self.globals.get(&(module, name)).copied()
    }

    /// Notes the index of a class or function.
    pub(super) fn set_global(&mut self, module: &'a str, name: &'a str, index: u32) {
        self.globals.insert((module, name), index);
    }

    /// The index of a layout.
    pub(super) fn layout(&self, layout: Layout) -> Option<u32> {
        self.layouts.get(layout.name()).copied()
    }

    /// Notes the index of a layout.
    pub(super) fn set_layout(&mut self, layout: Layout, index: u32) {
        self.layouts.insert(layout.name(), index);
    }
}

fn present(index: u32) -> Option<u32> {
    (index != ABSENT).then_some(index)
}

/// The only character of a text, if it is one of Latin-1.
fn latin1(value: &str) -> Option<u8> {
    let mut characters = value.chars();
    let first = u8::try_from(characters.next()?).ok()?;
    characters.next().is_none().then_some(first)
}

const ABSENT: u32 = u32::MAX;
