use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use super::member::Member;
use crate::Excess;
use crate::step::{Next, Range};
use crate::validate::examine::{Child, Examine, Scope};
use crate::validate::file::limit;
use crate::validate::pickle::{Hidden, Suspicion};
use crate::zip::records::{LOCAL_HEADER_BYTES, LocalHeader};

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

/// A look at bytes that no record accounts for.
pub(super) fn stray(range: Range) -> Child {
    let name = alloc::format!("bytes at {}", range.offset);
    Child::member(name, range, Box::new(Stray { position: 0, children: Vec::new() }))
}

/// Storages that are looked into at most.
const LOOKS: u64 = 256;

impl Examine for Stray {
    fn resume(&mut self, parts: Vec<Vec<u8>>, scope: &mut Scope<'_>) -> Next<Vec<Child>> {
        if let Some(head) = parts.first() {
            let Some((header, _)) = LocalHeader::parse(head).filter(|_| self.children.len() < STRAYS) else {
                // No record: whatever it is, it is looked at as a whole.
                let rest = Range::new(self.position, scope.length.saturating_sub(self.position));
                self.children.extend(Hidden::member("no record", rest, Suspicion::Strong));
                return Next::Done(core::mem::take(&mut self.children));
            };
            let start = LOCAL_HEADER_BYTES + u64::from(header.name) + u64::from(header.extra);
            let start = self.position.saturating_add(start);
            let left = scope.length.saturating_sub(start);
            // A size of zero is one that is said later.
            let length = if header.compressed == 0 { left } else { left.min(header.compressed.into()) };
            let payload = Range::new(start, length);
            self.children.extend(Hidden::member("a record not listed", payload, Suspicion::Strong));
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
