use crate::model::{NodeId, Pair};

use super::primitives::{APPEND, APPENDS, MARK, SETITEM, SETITEMS};
use super::walk::{Task, Walk};

/// What is still to be put into a list, a dict, or an object like either.
///
/// CPython writes groups of at most 1000. Its code for exact lists and dicts and
/// its code for anything that is iterated differ at the edges:
///
/// ```text
///                 n = 1   leftover of 1   n a multiple of 1000
/// exact list      x a     ( x e
/// exact dict      k v s   ( k v u         an empty ( u follows
/// any iterator    x a, k v s
/// ```
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch<'a> {
    contents: Contents<'a>,
    done: usize,
    exact: bool,
}

#[derive(Clone, Copy, Debug)]
enum Contents<'a> {
    Items(&'a [NodeId]),
    Pairs(&'a [Pair]),
}

impl<'a> Batch<'a> {
    /// The items of an exact `list`.
    pub(super) fn list(items: &'a [NodeId]) -> Self {
        Self { contents: Contents::Items(items), done: 0, exact: true }
    }

    /// The items of an exact `dict`.
    pub(super) fn dict(pairs: &'a [Pair]) -> Self {
        Self { contents: Contents::Pairs(pairs), done: 0, exact: true }
    }

    /// Items that an object's `__reduce__` hands out one by one.
    pub(super) fn items(items: &'a [NodeId]) -> Self {
        Self { contents: Contents::Items(items), done: 0, exact: false }
    }

    /// Pairs that an object's `__reduce__` hands out one by one.
    pub(super) fn pairs(pairs: &'a [Pair]) -> Self {
        Self { contents: Contents::Pairs(pairs), done: 0, exact: false }
    }

    fn len(&self) -> usize {
        match self.contents {
            Contents::Items(items) => items.len(),
            Contents::Pairs(pairs) => pairs.len(),
        }
    }
}

impl<'a> Walk<'a> {
    /// Writes up to the next element, and has the rest written after it.
    pub(super) fn batch(&mut self, batch: Batch<'a>) {
        let (done, left) = (batch.done, batch.len().saturating_sub(batch.done));
        let is_dict = matches!(batch.contents, Contents::Pairs(_));
        let (one, many) = if is_dict { (SETITEM, SETITEMS) } else { (APPEND, APPENDS) };
        let boundary = done % GROUP == 0;
        if done > 0 && (boundary || left == 0) {
            self.out.op(many);
        }
        if left == 0 {
            if batch.exact && is_dict && done > 0 && boundary {
                self.out.op(MARK);
                self.out.op(many);
            }
            return;
        }
        if boundary && left == 1 && (done == 0 || !batch.exact) {
            self.then(Task::Op(one));
        } else {
            if boundary {
                self.out.op(MARK);
            }
            self.then(Task::Batch(Batch { done: done.saturating_add(1), ..batch }));
        }
        self.element(batch);
    }

    fn element(&mut self, batch: Batch<'a>) {
        match batch.contents {
            Contents::Items(items) => {
                if let Some(&item) = items.get(batch.done) {
                    self.then(Task::Visit(item));
                }
            }
            Contents::Pairs(pairs) => {
                if let Some(&(key, value)) = pairs.get(batch.done) {
                    self.then(Task::Visit(value));
                    self.then(Task::Visit(key));
                }
            }
        }
    }
}

/// CPython's `BATCHSIZE`.
const GROUP: usize = 1000;
