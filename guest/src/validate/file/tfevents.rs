//! TensorBoard's event files: records, each with its length and two checksums.
//!
//! ```text
//! length u64 | masked CRC-32C of those 8 bytes | the record | masked CRC-32C of it
//! ```

use alloc::boxed::Box;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use super::{inert, limit, unknown};
use crate::Excess;
use crate::foreign::{Described, crc32c};
use crate::step::{Next, Range};
use crate::validate::examine::{Child, Examine, Part, Scope};

/// Goes from record to record, to the end.
#[derive(Debug)]
struct Records {
    described: Described,
    position: u64,
    windows: u64,
    asked: bool,
}

/// The current region, which starts as an event file does.
pub(super) fn child(described: Described, scope: &Scope<'_>) -> Child {
    Child::same(Box::new(Records { described, position: 0, windows: 0, asked: false }), scope)
}

impl Records {
    /// Passes over the records whose headers are there; an error is what is wrong with one.
    fn walk(&mut self, bytes: &[u8], length: u64) -> Result<(), &'static str> {
        let start = self.position;
        while self.position < length {
            let at = usize::try_from(self.position.saturating_sub(start)).unwrap_or(usize::MAX);
            let header = bytes.get(at..).and_then(<[u8]>::first_chunk);
            let Some(header) = header else {
                let is_short = length.saturating_sub(self.position) < crc32c::HEADER;
                return if is_short { Err("ends in the header of a record") } else { Ok(()) };
            };
            let size = crc32c::record(header).ok_or("has a record whose length is damaged")?;
            let next =
                size.checked_add(crc32c::HEADER + 4).and_then(|whole| self.position.checked_add(whole));
            self.position = next.filter(|next| *next <= length).ok_or("ends in a record")?;
        }
        Ok(())
    }
}

impl Examine for Records {
    fn resume(&mut self, parts: Vec<Vec<u8>>, scope: &mut Scope<'_>) -> Next<Vec<Child>> {
        let bytes = parts.first().map_or(&[][..], Vec::as_slice);
        let walked = if self.asked { self.walk(bytes, scope.length) } else { Ok(()) };
        if let Err(what) = walked {
            let message = format!("{}, which {what}", self.described.what);
            scope.find(&unknown::RULE, &Part::whole(), self.position, message);
            return Next::Done(Vec::new());
        }
        self.asked = true;
        self.windows = self.windows.saturating_add(1);
        let left = scope.length.saturating_sub(self.position);
        if left == 0 {
            inert::report(self.described, scope);
            return Next::Done(Vec::new());
        }
        if self.windows > MOST {
            scope.find(&unknown::RULE, &Part::whole(), 0, self.described.what);
            let excess = Excess { offset: self.position, limit: "records of events", allowed: MOST };
            limit::reached(&excess, &Part::whole(), scope);
            return Next::Done(Vec::new());
        }
        Next::Fetch(vec![Range::new(self.position, left.min(WINDOW))])
    }
}

/// Bytes that are fetched for the next records: most have a hundred.
const WINDOW: u64 = 1 << 16;
/// How often that is done: for 4 GiB of small records.
const MOST: u64 = 1 << 16;
