use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use serde::Serialize;
use strongroom::Verdict;
use strongroom::validate::Level;

use super::gate::Judged;

/// What all reports together say, counted while they pass by.
#[derive(Serialize)]
pub struct Summary {
    /// The level that all must reach.
    required: Level,
    files: Cell<usize>,
    safe: Cell<usize>,
    inert: Cell<usize>,
    trusting: Cell<usize>,
    #[serde(rename = "unsafe")]
    refused: Cell<usize>,
    malformed: Cell<usize>,
    unverified: Cell<usize>,
    /// Those that are safe, and do not reach the level.
    below: Cell<usize>,
    /// Those that make the run fail, and of these the ones about which nothing is proven.
    failing: Cell<usize>,
    #[serde(skip)]
    undecided: Cell<usize>,
    findings: Cell<u64>,
    /// How many are shown.
    #[serde(skip)]
    shown: Cell<usize>,
    /// The ids of rules that something was found by in files that are shown.
    #[serde(skip)]
    broken: RefCell<BTreeSet<String>>,
    /// What was said of names that are good only if the user allows them.
    #[serde(skip)]
    trusted: RefCell<BTreeSet<String>>,
    /// Whether there is more than was said.
    #[serde(skip)]
    unlisted: Cell<bool>,
}

impl Summary {
    /// Nothing is counted yet.
    pub fn new(required: Level) -> Self {
        Self {
            required,
            files: Cell::default(),
            safe: Cell::default(),
            inert: Cell::default(),
            trusting: Cell::default(),
            refused: Cell::default(),
            malformed: Cell::default(),
            unverified: Cell::default(),
            below: Cell::default(),
            failing: Cell::default(),
            undecided: Cell::default(),
            findings: Cell::default(),
            shown: Cell::default(),
            broken: RefCell::default(),
            trusted: RefCell::default(),
            unlisted: Cell::default(),
        }
    }

    /// The level that all must reach.
    pub fn required(&self) -> Level {
        self.required
    }

    /// Counts a file, of which people see what is wrong if it is shown.
    pub fn count(&self, judged: &Judged, is_shown: bool) {
        let Judged { report, passes, verdict: counting, below, .. } = judged;
        let verdict = self.of(report.verdict);
        self.files.set(self.files.get() + 1);
        verdict.set(verdict.get() + 1);
        self.below.set(self.below.get() + usize::from(*below));
        self.failing.set(self.failing.get() + usize::from(!passes));
        let undecided = !passes && *counting == Verdict::Unverified;
        self.undecided.set(self.undecided.get() + usize::from(undecided));
        self.findings.set(self.findings.get() + report.findings.len() as u64 + report.unlisted);
        self.unlisted.set(self.unlisted.get() || report.unlisted > 0);
        let trusted = report.findings.iter().filter(|finding| finding.verdict == Verdict::Trusting);
        self.trusted.borrow_mut().extend(trusted.map(|finding| finding.message.clone()));
        if !is_shown {
            return;
        }
        self.shown.set(self.shown.get() + 1);
        let mut broken = self.broken.borrow_mut();
        for finding in report.findings.iter().filter(|finding| !finding.id.is_empty()) {
            if !broken.contains(&finding.id) {
                broken.insert(finding.id.clone());
            }
        }
    }

    /// How many were judged.
    pub fn files(&self) -> usize {
        self.files.get()
    }

    /// How many are shown.
    pub fn shown(&self) -> usize {
        self.shown.get()
    }

    /// How many are safe, and at a lesser level than is required.
    pub fn below(&self) -> usize {
        self.below.get()
    }

    /// How many got this verdict.
    pub fn verdicts(&self, verdict: Verdict) -> usize {
        self.of(verdict).get()
    }

    /// How many make the run fail.
    pub fn failing(&self) -> usize {
        self.failing.get()
    }

    /// Whether something was found by a rule, and is shown.
    pub fn is_broken(&self, id: &str) -> bool {
        self.broken.borrow().contains(id)
    }

    /// Which of the names that the user allows were of no use, as far as that is known.
    pub fn unneeded<'a>(&self, allowed: &'a [String]) -> Vec<&'a String> {
        let trusted = self.trusted.borrow();
        let unneeded = allowed.iter().filter(|name| !trusted.contains(&format!("trusts {name}")));
        unneeded.filter(|_| !self.unlisted.get()).collect()
    }

    /// 0 if all pass, 1 if one does not, 2 if of none that does not anything is known.
    pub fn exit_code(&self) -> u8 {
        match (self.failing.get(), self.undecided.get()) {
            (0, _) => 0,
            (failing, undecided) if failing == undecided => 2,
            _ => 1,
        }
    }

    fn of(&self, verdict: Verdict) -> &Cell<usize> {
        match verdict {
            Verdict::Safe => &self.safe,
            Verdict::Inert => &self.inert,
            Verdict::Trusting => &self.trusting,
            Verdict::Unverified => &self.unverified,
            Verdict::Malformed => &self.malformed,
            Verdict::Unsafe => &self.refused,
        }
    }
}
