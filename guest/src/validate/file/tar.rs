use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use super::Sniff;
use crate::Excess;
use crate::foreign::Kind;
use crate::foreign::tar::{BLOCK, Header};
use crate::step::{Next, Range};
use crate::validate::examine::{Child, Examine, Part, Scope};
use crate::validate::file::limit;
use crate::validate::finding::Rule;

/// A tar archive.
pub(in crate::validate) static RULE: Rule = Rule::unverified(
    "SR-FILE-TAR",
    "a tar archive",
    "torch before version 0.1.10 wrote checkpoints as tar archives, and torch.load refuses those \
     unless weights_only is off. What its members are is judged; how readers of tar see it is not. \
     Unpack it and validate what is inside.",
);

/// Judges the members of a tar archive, by their content.
#[derive(Debug, Default)]
struct Tar {
    started: bool,
    /// Where the block that was asked for is.
    at: u64,
    members: Vec<Child>,
}

/// The current region as a tar archive.
pub(super) fn child(scope: &Scope<'_>) -> Child {
    Child::same(Box::new(Tar::default()), scope)
}

impl Examine for Tar {
    fn resume(&mut self, parts: Vec<Vec<u8>>, scope: &mut Scope<'_>) -> Next<Vec<Child>> {
        if core::mem::replace(&mut self.started, true) {
            let header = parts.first().and_then(|block| Header::new(block));
            let next = header.and_then(|header| self.member(header, scope));
            let Some(next) = next else { return Next::Done(core::mem::take(&mut self.members)) };
            self.at = next;
        } else {
            scope.kind(Kind::Tar);
            scope.find(&RULE, &Part::whole(), 0, "its members are judged one by one");
        }
        match scope.length.checked_sub(self.at) {
            Some(left) if left >= BLOCK => Next::Fetch(vec![Range::new(self.at, BLOCK)]),
            _ => Next::Done(core::mem::take(&mut self.members)),
        }
    }
}

impl Tar {
    /// Takes a member; answers where the next header is.
    fn member(&mut self, header: Header, scope: &mut Scope<'_>) -> Option<u64> {
        let allowed = scope.options.limits.entries.min(MEMBERS);
        if self.members.len() as u64 >= allowed.into() {
            let excess = Excess { offset: self.at, limit: "entries", allowed: allowed.into() };
            limit::reached(&excess, &Part::whole(), scope);
            return None;
        }
        let start = self.at.checked_add(BLOCK)?;
        let left = scope.length.saturating_sub(start);
        let data = Range::new(start, header.size.min(left));
        if data.length > 0 {
            self.members.push(Child::member(header.name, data, Box::new(Sniff::new())));
        }
        start.checked_add(header.size.checked_next_multiple_of(BLOCK)?)
    }
}

/// Members that are looked at.
const MEMBERS: u32 = 10_000;
