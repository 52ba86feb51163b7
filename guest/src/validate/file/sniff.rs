use alloc::vec;
use alloc::vec::Vec;

use super::unknown;
use crate::step::{Next, Range};
use crate::validate::examine::{Child, Examine, Scope};
use crate::validate::pickle::{Certainty, bare};
use crate::validate::zip;

/// Tells by its first bytes what a content is, and hands it to whoever judges that.
/// Names and extensions say nothing.
#[derive(Debug)]
pub(in super::super) struct Sniff {
    asked: bool,
}

impl Sniff {
    /// A look at a whole file, or at a member of an archive.
    pub(in super::super) fn new() -> Self {
        Self { asked: false }
    }

    fn examiner(head: &[u8], scope: &Scope<'_>) -> Child {
        match head {
            [] => unknown::child(scope),
            [b'P', b'K', 3, 4, ..] => zip::child(scope),
            [0x80, ..=5, ..] => bare::child(Certainty::Certain, scope),
            _ => bare::child(Certainty::Perhaps, scope),
        }
    }
}

impl Examine for Sniff {
    fn resume(&mut self, parts: Vec<Vec<u8>>, scope: &mut Scope<'_>) -> Next<Vec<Child>> {
        if !self.asked {
            self.asked = true;
            return Next::Fetch(vec![Range::new(0, scope.length.min(HEAD))]);
        }
        let head = parts.first().map_or(&[][..], Vec::as_slice);
        Next::Done(vec![Self::examiner(head, scope)])
    }
}

/// Enough for every signature: that of tar is at 257.
const HEAD: u64 = 512;
