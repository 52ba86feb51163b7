//! Files that end before they should: downloads that are not finished, copies that failed.

use alloc::format;

use crate::validate::finding::{Finding, Rule, Verdict};
use crate::validate::name::Named;
use crate::validate::report::Report;

/// The start of a file.
pub(in crate::validate) static RULE: Rule = Rule::unverified(
    "SR-FILE-CUT",
    "a file that ends before it should",
    "It begins as a model does, and the rest is not there: a download that is not finished, or a \
     copy that failed. What is there was looked at; of the whole nothing is proven. Load it again.",
);

/// Whether a file could be so long, and not only a lie.
pub(in crate::validate) fn is_plausible(length: u64) -> bool {
    length <= LONGEST
}

/// A file that is broken, and that nothing else is wrong with than that it ends too early, or that
/// is a download by its name, is not malformed: nobody knows what it will be.
pub(in crate::validate) fn settle(report: &mut Report, name: Option<&str>) {
    if report.verdict != Verdict::Malformed {
        return;
    }
    let is_partial = name.map(Named::new) == Some(Named::Partial);
    if !is_partial && !report.is_only_cut() {
        return;
    }
    let before = core::mem::take(report);
    *report = before.each(|finding| match finding.rule.verdict {
        Verdict::Malformed => cut(finding, is_partial),
        _ => finding,
    });
}

fn cut(finding: Finding, is_partial: bool) -> Finding {
    let what = if is_partial { "an unfinished download by its name" } else { "shorter than it says" };
    let message = format!("{what}, so that nothing could be proven: {}", finding.message);
    Finding { rule: &RULE, message, ..finding }
}

/// 16 TiB: more than any model has.
const LONGEST: u64 = 1 << 44;
