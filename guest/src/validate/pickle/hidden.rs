//! Pickles in bytes that are something else, or that nothing says anything about.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::bare::{BarePickles, Certainty};
use super::{call, change, costly, import};
use crate::pickle::{Skim, Skimmed};
use crate::step::{Next, Range, Window};
use crate::validate::budget::Budget;
use crate::validate::examine::{Child, Examine, Scope};
use crate::validate::file::limit;
use crate::validate::finding::{Rule, Verdict};
use crate::validate::report::Report;

/// Looks for a pickle that does harm.
///
/// Whoever takes the bytes for a pickle goes from instruction to instruction, and so does this,
/// as far as any reader: most bytes are at their end after one or two. Where something is
/// named, the pickle is run and judged. A look that comes to no end counts: nothing is proven.
#[derive(Debug)]
pub(in crate::validate) struct Hidden {
    suspicion: Suspicion,
    stage: Stage,
    found: Report,
    /// What it costs those who take it for a pickle, and nobody else.
    budget: Budget,
}

#[derive(Debug)]
enum Stage {
    Start,
    Skim(Skim, Window),
    Run(Box<BarePickles>),
}

/// How much bytes look like a pickle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::validate) enum Suspicion {
    /// They are none.
    None,
    /// They could be one, as much other data could.
    Weak,
    /// They start as pickles do since protocol 2, or somebody might well read them as one.
    Strong,
}

/// What came of a look at bytes as another reader would see them.
#[must_use]
#[derive(Debug)]
enum Look {
    /// They do no harm.
    Harmless,
    /// They do what is found here.
    Harmful(Report),
    /// A limit was reached, which is found here.
    Inconclusive(Report),
}

impl Suspicion {
    /// What the first bytes of `length` say.
    pub(in crate::validate) fn of(head: &[u8], length: u64) -> Self {
        match (Skim::new(length).feed(head), head) {
            (Skimmed::Idle, _) => Self::None,
            (_, [0x80, 2..=5, ..]) => Self::Strong,
            _ => Self::Weak,
        }
    }
}

impl Hidden {
    /// A look at a region that deserves this much suspicion.
    pub(in crate::validate) fn new(suspicion: Suspicion) -> Self {
        let budget = Budget::new(0, 0);
        Self { suspicion, stage: Stage::Start, found: Report::default(), budget }
    }

    /// The current region, which is something else to its own readers.
    pub(in crate::validate) fn same(scope: &Scope<'_>) -> Child {
        Child::same(Box::new(Self::new(Suspicion::Strong)), scope)
    }

    /// A part of the current region, if it deserves a look.
    pub(in crate::validate) fn member(
        name: impl Into<String>,
        range: Range,
        suspicion: Suspicion,
    ) -> Option<Child> {
        let wanted = suspicion != Suspicion::None && range.length > 0;
        wanted.then(|| Child::member(name, range, Box::new(Self::new(suspicion))))
    }

    /// What was decompressed, if it deserves a look.
    pub(in crate::validate) fn inflated(
        name: impl Into<String>,
        offset: u64,
        bytes: Vec<u8>,
        suspicion: Suspicion,
    ) -> Option<Child> {
        let wanted = suspicion != Suspicion::None && !bytes.is_empty();
        wanted.then(|| Child::inflated(name, offset, bytes, Box::new(Self::new(suspicion))))
    }

    /// Goes on with the pickle that something in it is named by.
    fn run(&mut self, parts: Vec<Vec<u8>>, scope: &mut Scope<'_>) -> Next<Vec<Child>> {
        let mut inner = Scope { report: &mut self.found, budget: &mut self.budget, ..*scope };
        if let Stage::Run(pickles) = &mut self.stage
            && let Next::Fetch(ranges) = pickles.resume(parts, &mut inner)
        {
            return Next::Fetch(ranges);
        }
        self.look().tell(scope);
        Next::Done(Vec::new())
    }

    /// What the pickles came to.
    fn look(&mut self) -> Look {
        let found = core::mem::take(&mut self.found);
        // Texts and numbers name things by chance, but none that is known to run code: looking one up
        // may run it. They do not call or change anything.
        let acts =
            |rule: &Rule| [&call::RULE, &change::RULE, &import::RULE].iter().any(|of| of.id == rule.id);
        let acts = || found.findings.iter().any(|finding| acts(finding.rule));
        if found.verdict == Verdict::Unsafe && (self.suspicion == Suspicion::Strong || acts()) {
            return Look::Harmful(found);
        }
        let inconclusive = found.findings.iter().any(|finding| is_inconclusive(finding.rule));
        if inconclusive { Look::Inconclusive(found) } else { Look::Harmless }
    }
}

/// Whether a finding says that a look came to no end, or that a reader would not.
pub(super) fn is_inconclusive(rule: &Rule) -> bool {
    rule.id == limit::RULE.id || rule.id == costly::RULE.id
}

impl Look {
    fn tell(self, scope: &mut Scope<'_>) {
        match self {
            Self::Harmless => {}
            Self::Harmful(found) => scope.report.merge(found),
            // What else was found is only so if it is a pickle.
            Self::Inconclusive(found) => scope.report.merge(found.only(is_inconclusive)),
        }
    }
}

impl Examine for Hidden {
    fn resume(&mut self, parts: Vec<Vec<u8>>, scope: &mut Scope<'_>) -> Next<Vec<Child>> {
        if let Stage::Start = self.stage {
            self.stage = Stage::Skim(Skim::new(scope.length), Window::default());
        }
        let Stage::Skim(skim, window) = &mut self.stage else { return self.run(parts, scope) };
        match skim.feed(parts.first().map_or(&[][..], Vec::as_slice)) {
            Skimmed::More(at) => {
                let left = scope.length.saturating_sub(at);
                Next::Fetch(vec![Range::new(at, window.next(1, left))])
            }
            Skimmed::Idle => Next::Done(Vec::new()),
            Skimmed::Active(_) => {
                self.stage = Stage::Run(Box::new(BarePickles::new(Certainty::Hidden, scope)));
                self.run(Vec::new(), scope)
            }
        }
    }
}
