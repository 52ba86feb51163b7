use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{DATA, PADDING};
use crate::Excess;
use crate::show;
use crate::step::{Next, Range};
use crate::validate::examine::{Child, Part, Scope};
use crate::validate::file::limit;

/// Where the tensors are, and what is between them.
#[derive(Debug, Default)]
pub(super) struct Data {
    tensors: Vec<Tensor>,
    /// Whether the size of one is not known, so that nothing is known of those behind it.
    lost: bool,
    /// Padding that is still to be looked at, the last first.
    padding: Vec<Range>,
    asked: Vec<Range>,
}

#[derive(Debug)]
struct Tensor {
    name: String,
    /// From the start of all data.
    offset: u64,
    size: u64,
    /// Where the table says so.
    at: u64,
}

impl Data {
    pub(super) fn add(&mut self, name: String, offset: u64, size: u64, at: u64) {
        self.tensors.push(Tensor { name, offset, size, at });
    }

    pub(super) fn lose(&mut self) {
        self.lost = true;
    }

    /// Compares the table, which ends at `end`, with the file.
    pub(super) fn place(&mut self, end: u64, alignment: u64, scope: &mut Scope<'_>) {
        if self.lost {
            return;
        }
        if alignment > WIDEST {
            let excess = Excess { offset: 0, limit: "alignment", allowed: WIDEST };
            return limit::reached(&excess, &Part::whole(), scope);
        }
        let Some(start) = end.checked_next_multiple_of(alignment) else { return };
        // Where bytes end that are accounted for.
        let mut covered = end;
        let mut expected = 0u64;
        for Tensor { name, offset, size, at } in &self.tensors {
            let place = start.checked_add(*offset);
            let Some((first, last)) = place.and_then(|first| Some((first, first.checked_add(*size)?))) else {
                let message = format!("the tensor {} at {offset} goes beyond the end", show::name(name));
                return scope.find(&DATA, &Part::whole(), *at, message);
            };
            if *offset != expected {
                let message = format!("the tensor {} is at {offset}, expected {expected}", show::name(name));
                return scope.find(&DATA, &Part::whole(), *at, message);
            }
            if last > scope.length {
                let message = format!(
                    "the tensor {} ends at {last}, and the file at {}",
                    show::name(name),
                    scope.length
                );
                return scope.find_cut(last, &DATA, &Part::whole(), *at, message);
            }
            if *size > 0 {
                scope.payload(name, Range::new(first, *size), None);
            }
            if first > covered {
                self.padding.push(Range::new(covered, first.saturating_sub(covered)));
            }
            covered = last;
            let Some(next) =
                offset.checked_add(*size).and_then(|end| end.checked_next_multiple_of(alignment))
            else {
                return;
            };
            expected = next;
        }
        self.tail(start.saturating_add(expected), covered, scope);
        self.padding.reverse();
    }

    /// The file ends with its last tensor, or with the padding behind that.
    fn tail(&mut self, padded: u64, covered: u64, scope: &mut Scope<'_>) {
        let left = scope.length.saturating_sub(covered);
        if scope.length > padded {
            let message =
                format!("{} that belong to no tensor", show::count(scope.length.saturating_sub(padded), ""));
            scope.find(&DATA, &Part::whole(), padded, message);
        }
        let left = left.min(padded.saturating_sub(covered));
        if left > 0 {
            self.padding.push(Range::new(covered, left));
        }
    }

    /// Looks at padding that came, and asks for the next.
    pub(super) fn padding(&mut self, parts: &[Vec<u8>], scope: &mut Scope<'_>) -> Next<Vec<Child>> {
        for (range, bytes) in self.asked.iter().zip(parts) {
            if let Some(at) = bytes.iter().position(|byte| *byte != 0) {
                let at = range.offset.saturating_add(at as u64);
                scope.find(
                    &PADDING,
                    &Part::whole(),
                    at,
                    format!("{} of padding, and not zero", show::count(range.length, "")),
                );
            }
        }
        let rest = self.padding.len().saturating_sub(AT_ONCE);
        self.asked = self.padding.split_off(rest);
        if self.asked.is_empty() { Next::Done(Vec::new()) } else { Next::Fetch(self.asked.clone()) }
    }
}

/// The widest alignment that is looked at: writers use 32, and pages have 65536.
const WIDEST: u64 = 1 << 16;
/// Ranges that are fetched together.
const AT_ONCE: usize = 1000;
