//! What the component says of a file that it judged, held against itself.

use std::path::Path;

use super::{Kind, Level, Rules, Verdict};
use crate::sandbox::bindings::validator::{self, Finding};
use crate::{Error, Result};

/// Findings are of rules that there are, and no more than those can have.
pub(crate) fn findings(path: &Path, before: usize, page: &[Finding], rules: &Rules) -> Result<()> {
    if let Some(finding) = page.iter().find(|finding| rules.of_component(&finding.rule).is_none()) {
        let rule: String = finding.rule.chars().take(80).collect();
        return Err(Error::untrue(path, format!("it found something by the rule {rule:?}, which is none")));
    }
    let (all, most) = (before + page.len(), rules.most());
    if all > most {
        return Err(Error::untrue(path, format!("it lists {all} findings, where {most} are the most")));
    }
    Ok(())
}

/// The verdict is what the findings say, and all of them are there: a `safe` beside
/// a finding that forbids it is the lie that matters most.
pub(crate) fn report(
    path: &Path,
    report: &validator::Report,
    findings: &[Finding],
    rules: &Rules,
    entries: u32,
) -> Result<()> {
    let broken = || findings.iter().filter_map(|finding| rules.of_component(&finding.rule));
    let due = broken().map(|rule| rule.verdict).max().unwrap_or(Verdict::Safe);
    let said = Verdict::from(report.verdict);
    if due != said {
        return Err(Error::untrue(path, format!("it says {said} where its findings say {due}")));
    }
    let proven = matches!(due, Verdict::Safe | Verdict::Trusting);
    let level = proven.then(|| broken().map(|rule| rule.level).min().unwrap_or(Level::TensorsOnly));
    if level != report.level.map(Level::from) {
        return Err(Error::untrue(path, "it says another level than its findings leave"));
    }
    if Kind::said(&report.kind).is_none() {
        return Err(Error::untrue(path, "it has no name for what the file is"));
    }
    if report.findings as usize != findings.len() {
        let (said, found) = (report.findings, findings.len());
        return Err(Error::untrue(path, format!("it says that it found {said} things, and lists {found}")));
    }
    // Archives in archives have records of their own.
    if report.payloads > entries.saturating_mul(4) {
        return Err(Error::untrue(path, format!("it lists {} payloads", report.payloads)));
    }
    Ok(())
}
