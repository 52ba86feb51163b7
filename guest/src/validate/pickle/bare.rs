use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use super::run::{Dialect, Fed, PickleRun};
use super::{held, hidden, index, trailing};
use crate::foreign::Kind;
use crate::step::{Next, Range, Window};
use crate::validate::dcp;
use crate::validate::examine::{Child, Examine, Part, Scope};
use crate::validate::file::unknown;
use crate::validate::finding::Verdict;
use crate::validate::legacy;
use crate::validate::report::Report;
use crate::validate::tensor::Tensors;

/// Judges a pickle in a file of its own, or several one after another: whoever
/// loads the first may go on to load the next.
#[derive(Debug)]
pub(in crate::validate) struct BarePickles {
    certainty: Certainty,
    run: PickleRun,
    /// Where the current pickle starts.
    start: u64,
    /// Where the next window starts.
    position: u64,
    window: Window,
    /// What was found in the current pickle, until it is certain that it is one.
    found: Report,
}

/// How sure it is that the bytes are a pickle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::validate) enum Certainty {
    /// They say so.
    Certain,
    /// They may be anything: old pickles do not say what they are.
    Perhaps,
    /// They are something else, which may hide one.
    Hidden,
}

impl BarePickles {
    /// An examination of a region that may be a pickle.
    pub(in crate::validate) fn new(certainty: Certainty, scope: &Scope<'_>) -> Self {
        Self {
            certainty,
            run: PickleRun::new(Part::whole(), Dialect::Plain, scope.length, scope),
            start: 0,
            position: 0,
            window: Window::default(),
            found: Report::default(),
        }
    }

    /// Feeds a window; answers when nothing is left to be done.
    fn feed(&mut self, mut bytes: &[u8], scope: &mut Scope<'_>) -> Option<Next<Vec<Child>>> {
        loop {
            let mut inner = Scope { report: &mut self.found, budget: &mut *scope.budget, ..*scope };
            let fed = match self.run.feed(bytes, &mut inner) {
                Fed::More(_) if self.position.saturating_add(bytes.len() as u64) >= scope.length => {
                    self.run.end(scope.length.saturating_sub(self.start), &mut inner);
                    Fed::Broken
                }
                fed => fed,
            };
            match fed {
                Fed::More(missing) => {
                    self.position = self.position.saturating_add(bytes.len() as u64);
                    let left = scope.length.saturating_sub(self.position);
                    return Some(Next::Fetch(vec![Range::new(
                        self.position,
                        self.window.next(missing, left),
                    )]));
                }
                Fed::Broken => return self.broken(scope),
                Fed::Stopped(length) => {
                    let end = self.start.saturating_add(length);
                    let used = usize::try_from(end.saturating_sub(self.position)).ok();
                    bytes = used.and_then(|used| bytes.get(used..)).unwrap_or_default();
                    self.position = end;
                    // `(in short)` or `Pods/`, a line and `.`: readers fail at the name, or the id.
                    if self.certainty == Certainty::Perhaps && self.run.fails() && !self.run.reached().acted {
                        return Some(Next::Done(vec![self.other(scope)]));
                    }
                    if let Some(legacy) = self.stopped(end, scope) {
                        return Some(Next::Done(vec![legacy]));
                    }
                    if end >= scope.length {
                        return None;
                    }
                }
            }
        }
    }

    /// The current pickle is whole; it may be the first of a legacy stream.
    fn stopped(&mut self, end: u64, scope: &mut Scope<'_>) -> Option<Child> {
        let next = PickleRun::new(Part::at("", end), Dialect::Plain, scope.length.saturating_sub(end), scope);
        let run = core::mem::replace(&mut self.run, next);
        let start = core::mem::replace(&mut self.start, end);
        let events = run.events();
        if let Some(graph) = run.into_graph() {
            if start == 0 && self.certainty != Certainty::Hidden && legacy::is_magic(&graph) {
                return Some(legacy::child(scope));
            }
            let mut inner = Scope { report: &mut self.found, budget: &mut *scope.budget, ..*scope };
            let is_hidden = self.certainty == Certainty::Hidden;
            if is_hidden || !dcp::metadata::check(&graph, &Part::at("", start), &mut inner) {
                index::check(&graph, &Part::at("", start), &mut inner);
            }
            let mut tensors = Tensors::new(&graph, &Part::at("", start), &mut inner);
            held::read(&mut tensors, &graph, &mut inner);
        }
        // `N.` is a pickle, and the start of many a text: what follows tells.
        if self.certainty == Certainty::Perhaps && events.any() {
            self.certainty = Certainty::Certain;
        }
        if self.certainty != Certainty::Perhaps || end >= scope.length {
            self.commit(events.named || events.identified || events.acted, scope);
        }
        None
    }

    /// The current pickle cannot be one, or ends in the middle.
    fn broken(&mut self, scope: &mut Scope<'_>) -> Option<Next<Vec<Child>>> {
        // A text may start with `P` or with `c` and a line, which name something by
        // chance; it calls and changes nothing.
        let events = self.run.events();
        let eventful = match self.certainty {
            Certainty::Certain => events.any(),
            Certainty::Perhaps => self.run.reached().acted,
            Certainty::Hidden => events.acted || events.identified || self.run.reached().named,
        };
        if self.start > 0 && self.certainty == Certainty::Certain && !eventful {
            let left = scope.length.saturating_sub(self.start);
            trailing::report(self.start, left, &Part::whole(), scope);
        } else if self.certainty != Certainty::Perhaps || eventful {
            self.certainty = match self.certainty {
                Certainty::Perhaps => Certainty::Certain,
                other => other,
            };
            self.commit(eventful, scope);
        } else {
            return Some(Next::Done(vec![self.other(scope)]));
        }
        None
    }

    /// It is something else. What a reader of pickles would do with it before it fails is for that
    /// to say, and what came to no end.
    fn other(&mut self, scope: &mut Scope<'_>) -> Child {
        let found = core::mem::take(&mut self.found);
        let imports = self.run.effect();
        scope.report.merge(found.only(hidden::is_inconclusive));
        unknown::importing(imports, scope)
    }

    /// What was found counts. In bytes that are something else only what would
    /// do harm does, and what nobody could tell.
    fn commit(&mut self, telling: bool, scope: &mut Scope<'_>) {
        let mut found = core::mem::take(&mut self.found);
        if self.certainty != Certainty::Hidden {
            let is_metadata = found.kind == Kind::DcpMetadata || scope.report.kind == Kind::DcpMetadata;
            scope.kind(if is_metadata { Kind::DcpMetadata } else { Kind::Pickle });
        } else if found.verdict != Verdict::Unsafe || !telling {
            found = found.only(hidden::is_inconclusive);
        }
        scope.report.merge(found);
    }
}

impl Examine for BarePickles {
    fn resume(&mut self, parts: Vec<Vec<u8>>, scope: &mut Scope<'_>) -> Next<Vec<Child>> {
        if parts.is_empty() && self.position == 0 && scope.length > 0 {
            let length = self.window.next(1, scope.length);
            return Next::Fetch(vec![Range::new(0, length)]);
        }
        let bytes = parts.first().map_or(&[][..], Vec::as_slice);
        self.feed(bytes, scope).unwrap_or(Next::Done(Vec::new()))
    }
}

/// A bare pickle as a child that is its parent's region.
pub(in crate::validate) fn child(certainty: Certainty, scope: &Scope<'_>) -> Child {
    Child::same(Box::new(BarePickles::new(certainty, scope)), scope)
}
