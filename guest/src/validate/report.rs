use crate::foreign::Kind;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::dcp::items::Item;
use super::dcp::matching::Root;
use super::finding::{Finding, Rule, Verdict};
use super::level::Level;
use crate::dcp::Metadata;
use crate::step::Range;

/// What was found in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What the file is.
    pub kind: Kind,
    /// The worst of all findings.
    pub verdict: Verdict,
    /// The strictest level that all findings leave; of what is not safe it says nothing.
    pub level: Level,
    /// The findings, in the order they were made.
    pub findings: Vec<Finding>,
    /// Findings beyond the first hundred of a rule: counted, not kept.
    pub unlisted: u64,
    /// Stored bytes that were not read.
    pub payloads: Vec<Payload>,
    /// The archives that the file is made of, one after another: those of a distributed checkpoint
    /// are its items.
    pub items: Vec<Item>,
    /// What it says, if it is the metadata of a distributed checkpoint.
    pub metadata: Option<Metadata>,
    counts: BTreeMap<&'static str, u32>,
}

/// Bytes of the file that hold data and were not looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// The member.
    pub part: String,
    /// Where its bytes lie in the file.
    pub range: Range,
    /// CRC-32 of the bytes, where the format has one.
    pub crc32: Option<u32>,
}

impl Default for Report {
    fn default() -> Self {
        Self {
            kind: Kind::Unknown,
            verdict: Verdict::Safe,
            level: Level::TensorsOnly,
            findings: Vec::new(),
            unlisted: 0,
            payloads: Vec::new(),
            items: Vec::new(),
            metadata: None,
            counts: BTreeMap::new(),
        }
    }
}

impl Report {
    /// The strictest level that a safe file reaches.
    pub fn reached(&self) -> Option<Level> {
        matches!(self.verdict, Verdict::Safe | Verdict::Trusting).then_some(self.level)
    }

    /// Adds a finding, and counts it where there are too many of its rule: a
    /// hostile file could have millions.
    pub(super) fn add(&mut self, finding: Finding) {
        self.verdict = self.verdict.max(finding.rule.verdict);
        self.level = self.level.min(finding.rule.level);
        let count = self.counts.entry(finding.rule.id).or_default();
        if *count < LISTED {
            *count += 1;
            self.findings.push(finding);
        } else {
            self.unlisted = self.unlisted.saturating_add(1);
        }
    }

    /// The findings of some rules.
    pub(super) fn only(self, is_wanted: fn(&Rule) -> bool) -> Self {
        let mut report = Self::default();
        self.findings.into_iter().filter(|found| is_wanted(found.rule)).for_each(|found| report.add(found));
        report
    }

    /// Adds all findings of another report.
    pub(super) fn merge(&mut self, other: Self) {
        other.findings.into_iter().for_each(|finding| self.add(finding));
        self.verdict = self.verdict.max(other.verdict);
        self.level = self.level.min(other.level);
        self.unlisted = self.unlisted.saturating_add(other.unlisted);
        self.payloads.extend(other.payloads);
        self.metadata = self.metadata.take().or(other.metadata);
    }

    /// Takes all from another report but its findings. Every field is named here: what is
    /// added to a report must not be lost.
    pub(super) fn take_rest(&mut self, other: &mut Self) {
        let Self { kind, verdict: _, level, findings: _, unlisted, payloads, items, metadata, counts: _ } =
            other;
        (self.kind, self.level) = (*kind, *level);
        self.unlisted = self.unlisted.saturating_add(*unlisted);
        self.payloads = core::mem::take(payloads);
        self.items = core::mem::take(items);
        self.metadata = metadata.take();
    }

    /// Says what the pickle builds of the item that lies here, if there is one.
    pub(super) fn root(&mut self, range: Range, root: Root) {
        let at = self.items.partition_point(|item| item.range.offset < range.offset);
        if let Some(item) = self.items.get_mut(at).filter(|item| item.range == range) {
            item.root = Some(root);
        }
    }
}

/// Findings of one rule that are kept.
const LISTED: u32 = 100;
