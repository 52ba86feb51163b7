use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::member::{Member, Suspicion};
use crate::Excess;
use crate::step::{Next, Range};
use crate::validate::examine::{Child, Examine, Part, Scope};
use crate::validate::file::limit;
use crate::validate::finding::Verdict;
use crate::validate::pickle::{Certainty, Dialect, Fed, PickleRun, bare::BarePickles};
use crate::validate::report::Report;
use crate::zip::records::{LOCAL_HEADER_BYTES, LocalHeader};

/// Looks for a pickle in bytes that are something else, or that nothing says
/// anything about. Only what would do harm is told.
#[derive(Debug)]
struct Hidden {
    suspicion: Suspicion,
    pickles: Option<BarePickles>,
    found: Report,
}

/// Bytes that no record accounts for: perhaps a record that the directory does
/// not list.
#[derive(Debug)]
struct Stray {
    position: u64,
    children: Vec<Child>,
}

/// How many storages were looked into because they start as pickles do.
#[derive(Debug, Default)]
pub(super) struct Looks(u64);

/// Bytes of a payload that tell whether it could be a pickle.
pub(super) const HEAD: u64 = 16;

/// Whether bytes that start like this could be a pickle.
pub(super) fn suspicion(head: &[u8], scope: &mut Scope<'_>) -> Suspicion {
    let mut report = Report::default();
    let mut inner = Scope { report: &mut report, inflatable: &mut *scope.inflatable, ..*scope };
    match head {
        // Most numbers start with what is no instruction.
        [] | [0, ..] => Suspicion::None,
        _ => {
            let mut run = PickleRun::new(Part::whole(), Dialect::Plain, u64::MAX, &inner);
            match (run.feed(head, &mut inner), head) {
                (Fed::Broken, _) if !run.events().any() => Suspicion::None,
                (_, [0x80, 2..=5, ..]) => Suspicion::Strong,
                _ => Suspicion::Weak,
            }
        }
    }
}

impl Looks {
    /// Whether one more may be looked into. By chance one storage in ten thousand
    /// starts as a pickle does; only a bomb has many of them.
    pub(super) fn take(&mut self, member: &Member, suspicion: Suspicion, scope: &mut Scope<'_>) -> bool {
        self.0 = self.0.saturating_add(u64::from(suspicion == Suspicion::Strong));
        let enough = suspicion == Suspicion::Strong && self.0 > LOOKS;
        if enough {
            let excess = Excess { offset: 0, limit: "storages that start as pickles do", allowed: LOOKS };
            limit::reached(&excess, &member.content(), scope);
        }
        !enough
    }
}

/// A look for a pickle in `range`, as far as the suspicion goes.
pub(super) fn child(name: impl Into<String>, range: Range, suspicion: Suspicion) -> Option<Child> {
    let range = Range::new(range.offset, range.length.min(reach(suspicion)));
    (range.length > 0).then(|| Child::member(name, range, examiner(suspicion)))
}

/// The same for what was decompressed.
pub(super) fn inflated(
    name: impl Into<String>,
    offset: u64,
    mut bytes: Vec<u8>,
    suspicion: Suspicion,
) -> Option<Child> {
    bytes.truncate(usize::try_from(reach(suspicion)).unwrap_or(usize::MAX));
    (!bytes.is_empty()).then(|| Child::inflated(name, offset, bytes, examiner(suspicion)))
}

/// A look at bytes that no record accounts for.
pub(super) fn stray(range: Range) -> Child {
    let name = alloc::format!("bytes at {}", range.offset);
    Child::member(name, range, Box::new(Stray { position: 0, children: Vec::new() }))
}

/// Storages that are looked into at most.
const LOOKS: u64 = 256;

/// How many bytes a suspicion is worth.
fn reach(suspicion: Suspicion) -> u64 {
    match suspicion {
        Suspicion::None => 0,
        Suspicion::Weak => 4 << 10,
        Suspicion::Strong => 1 << 20,
    }
}

fn examiner(suspicion: Suspicion) -> Box<dyn Examine> {
    Box::new(Hidden { suspicion, pickles: None, found: Report::default() })
}

impl Examine for Hidden {
    fn resume(&mut self, parts: Vec<Vec<u8>>, scope: &mut Scope<'_>) -> Next<Vec<Child>> {
        let mut inner = Scope { report: &mut self.found, inflatable: &mut *scope.inflatable, ..*scope };
        let pickles = self.pickles.get_or_insert_with(|| BarePickles::new(Certainty::Hidden, &inner));
        if let Next::Fetch(ranges) = pickles.resume(parts, &mut inner) {
            return Next::Fetch(ranges);
        }
        // Texts and numbers name things by chance; they do not call them.
        let calls = self.found.findings.iter().any(|finding| finding.rule.id == "SR-PICKLE-CALL");
        if self.suspicion == Suspicion::Strong || calls {
            let found = core::mem::take(&mut self.found);
            if found.verdict == Verdict::Unsafe {
                scope.report.merge(found);
            }
        }
        Next::Done(Vec::new())
    }
}

impl Examine for Stray {
    fn resume(&mut self, parts: Vec<Vec<u8>>, scope: &mut Scope<'_>) -> Next<Vec<Child>> {
        if let Some(head) = parts.first() {
            let Some((header, _)) = LocalHeader::parse(head).filter(|_| self.children.len() < STRAYS) else {
                // No record: whatever it is, it is looked at as a whole.
                let rest = Range::new(self.position, scope.length.saturating_sub(self.position));
                self.children.extend(child("no record", rest, Suspicion::Strong));
                return Next::Done(core::mem::take(&mut self.children));
            };
            let start = LOCAL_HEADER_BYTES + u64::from(header.name) + u64::from(header.extra);
            let start = self.position.saturating_add(start);
            let left = scope.length.saturating_sub(start);
            // A size of zero is one that is said later.
            let length = if header.compressed == 0 { left } else { left.min(header.compressed.into()) };
            let payload = Range::new(start, length);
            self.children.extend(child("a record not listed", payload, Suspicion::Strong));
            self.position = start.saturating_add(length);
        }
        let left = scope.length.saturating_sub(self.position);
        if left == 0 {
            return Next::Done(core::mem::take(&mut self.children));
        }
        Next::Fetch(vec![Range::new(self.position, left.min(LOCAL_HEADER_BYTES))])
    }
}

/// Records in a row that are looked into where the directory lists none.
const STRAYS: usize = 16;
