use alloc::vec::Vec;

use super::check::Check;
use super::member::Member;
use crate::step::{Next, Range};
use crate::validate::examine::Scope;
use crate::zip::windows::{self, Windows};

/// Finds every record where it lies, some at a time: an archive may have a
/// million.
#[derive(Debug)]
pub(super) struct Places {
    /// Where the first directory starts: the last record ends there.
    directory: u64,
    /// The first record that is not begun.
    next: usize,
    batch: Vec<Check>,
    asked: Vec<Range>,
}

impl Places {
    /// Starts on records that are sorted by place.
    pub(super) fn new(directory: u64) -> Self {
        Self { directory, next: 0, batch: Vec::new(), asked: Vec::new() }
    }

    /// The next state: what was fetched, in the order asked for; at first, nothing.
    pub(super) fn resume(
        &mut self,
        members: &mut [Member],
        parts: Vec<Vec<u8>>,
        scope: &mut Scope<'_>,
    ) -> Next<()> {
        let mut windows = Windows::new(&self.asked, parts);
        loop {
            let mut wanted = Vec::new();
            self.batch.retain_mut(|check| {
                let missing = members
                    .get_mut(check.member)
                    .map(|member| check.advance(member, &windows, scope))
                    .unwrap_or_default();
                wanted.extend_from_slice(&missing);
                !missing.is_empty()
            });
            if !wanted.is_empty() {
                self.asked = windows::merge(wanted);
                return Next::Fetch(self.asked.clone());
            }
            if self.next >= members.len() {
                return Next::Done(());
            }
            self.begin(members);
            windows = Windows::default();
        }
    }

    /// Begins the next records.
    fn begin(&mut self, members: &[Member]) {
        let limit = |index: usize| {
            let next = members.get(index.saturating_add(1));
            next.map_or(self.directory, |next| next.header)
        };
        let end = self.next.saturating_add(BATCH).min(members.len());
        self.batch = (self.next..end).map(|index| Check::new(index, limit(index))).collect();
        self.next = end;
    }
}

/// Records at a time. Each may bring 128 KiB of name and extra fields.
const BATCH: usize = 256;
