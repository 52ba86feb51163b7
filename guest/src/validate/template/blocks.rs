//! The blocks of a template, and the names that have a value in them: what a block gives a value to
//! has none behind it, but for those of `if`, and what only some branches give has none either.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

/// What a block is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    If,
    For,
    Set,
    With,
    Macro,
    Call,
    Generation,
}

/// The blocks that are open.
#[derive(Debug, Default)]
pub(super) struct Blocks<'t> {
    open: Vec<Block<'t>>,
    given: BTreeSet<&'t str>,
    /// The same names in order.
    order: Vec<&'t str>,
}

#[derive(Debug)]
struct Block<'t> {
    of: Of,
    /// How many names were given a value before it.
    before: usize,
    /// What all branches until now give a value to.
    common: Option<BTreeSet<&'t str>>,
    has_else: bool,
    /// What has a value behind it.
    behind: Vec<&'t str>,
}

impl<'t> Blocks<'t> {
    pub(super) fn is_given(&self, name: &str) -> bool {
        self.given.contains(name)
    }

    pub(super) fn give(&mut self, name: &'t str) {
        if self.given.insert(name) {
            self.order.push(name);
        }
    }

    /// A block begins, behind which these names have a value.
    pub(super) fn begin(&mut self, of: Of, behind: Vec<&'t str>) {
        let before = self.order.len();
        self.open.push(Block { of, before, common: None, has_else: false, behind });
    }

    /// Another branch begins; answers whether one can.
    pub(super) fn branch(&mut self, is_else: bool) -> bool {
        let Some(mut block) = self.open.pop() else { return false };
        let can = !block.has_else && (block.of == Of::If || is_else && block.of == Of::For);
        block.has_else |= is_else;
        self.close(&mut block);
        self.open.push(block);
        can
    }

    /// A block ends; answers whether it was one of these.
    pub(super) fn end(&mut self, of: Of) -> bool {
        let Some(mut block) = self.open.pop() else { return false };
        self.close(&mut block);
        if block.of == Of::If && block.has_else {
            block.common.take().into_iter().flatten().for_each(|name| self.give(name));
        }
        block.behind.drain(..).for_each(|name| self.give(name));
        block.of == of
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Takes the names back that were given a value since a block, or a branch of it, began.
    fn close(&mut self, block: &mut Block<'t>) {
        let names: BTreeSet<_> = self.order.drain(block.before.min(self.order.len())..).collect();
        self.given.retain(|name| !names.contains(name));
        block.common = Some(match block.common.take() {
            Some(common) => common.intersection(&names).copied().collect(),
            None => names,
        });
    }
}
