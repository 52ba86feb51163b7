//! Whole contents through [`Validating`], natively.

/// Fixtures by name: the bytes of `tests/data/<group><name>/model.safetensors`.
macro_rules! fixtures {
    ($group:literal, $($name:literal)*) => {
        [$((
            $name,
            include_bytes!(concat!("../../../../tests/data/", $group, $name, "/model.safetensors")),
        )),*]
    };
}

mod build;
mod cut;
mod dcp;
mod files;
mod gguf;
mod inert;
mod late;
mod legacy;
mod levels;
mod loaded;
mod numpy;
mod pickles;
mod safetensors;
mod tensors;
mod texts;
mod zip;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Judging, Report, ValidateOptions, Validating};
use crate::Chunk;

/// Judges bytes as a file.
pub(super) fn judge(bytes: &[u8], options: ValidateOptions) -> Report {
    let mut validating = Validating::open(bytes.len() as u64, options);
    let mut chunks = Vec::new();
    while let Judging::Fetch(ranges) = validating.advance(core::mem::take(&mut chunks)).unwrap() {
        for range in ranges {
            let start = usize::try_from(range.offset).unwrap();
            let end = start + usize::try_from(range.length).unwrap();
            chunks.push(Chunk { offset: range.offset, bytes: bytes[start..end].to_vec() });
        }
    }
    assert!(validating.is_over());
    // A host takes no finding by a rule that it was not told of.
    let known = |rule| super::rules::RULES.iter().any(|rules| rules.contains(&rule));
    assert!(validating.report().findings.iter().all(|finding| known(finding.rule)));
    validating.report().clone()
}

/// Judges a file of so many bytes that are zero after the first, and checks that
/// little of it is read.
pub(super) fn judge_sparse(head: &[u8], length: u64) -> Report {
    let mut validating = Validating::open(length, ValidateOptions::default());
    let (mut chunks, mut read) = (Vec::new(), 0);
    while let Judging::Fetch(ranges) = validating.advance(core::mem::take(&mut chunks)).unwrap() {
        for range in ranges {
            read += range.length;
            assert!(range.end().unwrap() <= length && read < 1 << 20, "{range:?}");
            let start = head.len().min(usize::try_from(range.offset).unwrap());
            let mut bytes = head[start..].to_vec();
            bytes.resize(usize::try_from(range.length).unwrap(), 0);
            chunks.push(Chunk { offset: range.offset, bytes });
        }
    }
    validating.report().clone()
}

/// The report under the usual options, a line for each finding, the verdict first.
pub(super) fn summary(bytes: &[u8]) -> String {
    summary_of(&judge(bytes, ValidateOptions::default()))
}

/// A report, a line for each finding, the verdict first.
pub(super) fn summary_of(report: &Report) -> String {
    let mut text = format!("{:?} {:?}\n", report.kind, report.verdict);
    for finding in &report.findings {
        let part = if finding.part.is_empty() { String::new() } else { format!(" {}", finding.part) };
        let (id, offset, message) = (finding.rule.id, finding.offset, &finding.message);
        text.push_str(&format!("{id} {offset}{part}: {message}\n"));
    }
    text
}

#[test]
fn ids_are_unique_and_severity_follows_the_verdict() {
    use super::{RULES, Severity, Verdict};

    let mut ids: Vec<_> = RULES.iter().flat_map(|subject| subject.iter().map(|rule| rule.id)).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
    for rule in RULES.iter().flat_map(|subject| subject.iter()) {
        assert_eq!(rule.severity == Severity::Error, rule.verdict > Verdict::Trusting, "{}", rule.id);
        assert!(rule.id.starts_with("SR-") && !rule.title.is_empty() && rule.help.len() > 40, "{}", rule.id);
    }
}
