//! Files that end before they should: downloads that are not finished, copies that failed.

use alloc::format;
use alloc::vec::Vec;

use crate::validate::finding::{Finding, Rule, Verdict};
use crate::validate::name::Named;
use crate::validate::report::Report;

/// The start of a file.
pub(in crate::validate) static RULE: Rule = Rule::unverified(
    "SR-FILE-CUT",
    "a file that ends before it should",
    "It begins as a model does, and the rest is not there: a download that is not finished, or a \
     copy that failed. What is there was looked at; of the whole nothing is proven. Download or copy it again.",
);

/// Whether a file could be so long, and not only a lie.
pub(in crate::validate) fn is_plausible(length: u64) -> bool {
    length <= LONGEST
}

/// A report as others see it while it grows. What may yet turn out to be only a cut waits until
/// that is certain: what was told once stays told.
#[derive(Debug)]
pub(in crate::validate) struct Telling {
    /// Whether the file is a download by its name, which is not finished.
    is_partial: bool,
    told: Report,
    /// Findings of what is being judged that are told or wait.
    seen: usize,
    waiting: Vec<Finding>,
}

impl Telling {
    /// Of a file of this name.
    pub(in crate::validate) fn new(name: Option<&str>) -> Self {
        let is_partial = name.map(Named::new) == Some(Named::Partial);
        Self { is_partial, told: Report::default(), seen: 0, waiting: Vec::new() }
    }

    /// What is told.
    pub(in crate::validate) fn told(&self) -> &Report {
        &self.told
    }

    /// Takes what is new in a report, which is whole if it is `over`.
    pub(in crate::validate) fn take(&mut self, report: &mut Report, over: bool) {
        for finding in report.findings.get(self.seen..).unwrap_or_default() {
            let is_malformed = finding.rule.verdict == Verdict::Malformed;
            if is_malformed && (self.is_partial || finding.is_cut) && !self.is_certain(report) {
                self.waiting.push(finding.clone());
                continue;
            }
            self.told.add(finding.clone());
            if is_malformed {
                self.tell(false);
            }
        }
        self.seen = report.findings.len();
        if over || self.is_certain(report) {
            // Of what is not listed nobody knows.
            let is_cut = !self.is_certain(report) && (self.is_partial || report.unlisted == 0);
            self.tell(is_cut);
        }
        self.told.kind = report.kind;
        self.told.level = report.level;
        if over {
            self.told.take_rest(report);
        }
    }

    /// Whether the file is worse than cut, or known to be no start of a good one.
    fn is_certain(&self, report: &Report) -> bool {
        report.verdict == Verdict::Unsafe || (!self.is_partial && self.told.verdict == Verdict::Malformed)
    }

    /// Tells what waits: of a file that is only cut, or of one that is broken.
    fn tell(&mut self, is_cut: bool) {
        for finding in core::mem::take(&mut self.waiting) {
            self.told.add(if is_cut { cut(finding, self.is_partial) } else { finding });
        }
    }
}

fn cut(finding: Finding, is_partial: bool) -> Finding {
    let what = if is_partial { "an unfinished download by its name" } else { "shorter than it says" };
    let message = format!("{what}, so that nothing could be proven: {}", finding.message);
    Finding { rule: &RULE, message, ..finding }
}

/// 16 TiB: more than any model has.
const LONGEST: u64 = 1 << 44;
