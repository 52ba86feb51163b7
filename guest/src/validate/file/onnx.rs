//! ONNX models, which have no signature: any bytes are one that are a protobuf message with a graph
//! in it, which is a message as well.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use super::content::Content;
use super::{limit, polyglot};
use crate::Excess;
use crate::foreign::Kind;
use crate::step::{Next, Range};
use crate::validate::examine::{Child, Examine, Part, Scope};

/// Goes over a message's fields without looking into them, as `onnx.load` does first of all; then
/// over those of its graph.
#[derive(Debug)]
struct Fields {
    position: u64,
    /// Where the message ends.
    end: u64,
    /// The numbers of the groups that have begun and not ended.
    groups: Vec<u64>,
    /// Windows that were asked for, and how long the next is.
    windows: u32,
    window: u64,
    graph: Option<Range>,
    /// Whether the message is the graph.
    is_inside: bool,
    seen: Seen,
    /// What the file is first of all.
    content: Content,
}

/// Which fields a message has, as far as it tells what it is.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// The first number is the only version that SavedModel has.
    first: bool,
    /// What SavedModel has: a number, and graphs with what they are for.
    graphs: bool,
    /// Where Core ML has its kinds of models.
    model: bool,
    other: bool,
}

impl Seen {
    fn take(&mut self, tag: u64) {
        match (tag >> 3, tag & 7) {
            (1, 0) => {}
            (2, 2) => self.graphs = true,
            (200..=3000, 2) => self.model = true,
            _ => self.other = true,
        }
    }

    fn kind(self) -> Option<Kind> {
        match self {
            Self { graphs: true, model: true, .. } => Some(Kind::CoreMl),
            Self { first: true, graphs: true, model: false, other: false } => Some(Kind::SavedModel),
            _ => None,
        }
    }
}

/// What comes of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Walk {
    /// All so far are whole fields; the next starts here.
    On,
    /// They are no message.
    None,
    /// That is all of it.
    Whole,
}

/// A look at the current region, which starts with `head`, if it may be one.
pub(super) fn child(head: &[u8], content: Content, scope: &Scope<'_>) -> Option<Child> {
    let mut fields = Fields::new(scope.length, Seen::default(), content);
    let seen = Seen { first: head.starts_with(&[8, 1]), ..Seen::default() };
    let walk = fields.walk(head);
    (walk != Walk::None).then(|| Child::same(Box::new(Fields::new(scope.length, seen, content)), scope))
}

impl Fields {
    fn new(end: u64, seen: Seen, content: Content) -> Self {
        let (groups, window) = (Vec::new(), WINDOW);
        Self { position: 0, end, groups, windows: 0, window, graph: None, is_inside: false, seen, content }
    }

    /// Takes bytes from where it is; whole fields only, as far as they are there.
    fn walk(&mut self, bytes: &[u8]) -> Walk {
        let start = self.position;
        while self.position < self.end {
            let at = usize::try_from(self.position.saturating_sub(start)).unwrap_or(usize::MAX);
            let rest = bytes.get(at..).unwrap_or_default();
            // A tag and a length have twenty bytes at most; what is short of that is fetched anew.
            if rest.len() < LONGEST && (rest.len() as u64) < self.end.saturating_sub(self.position) {
                return Walk::On;
            }
            let Some((field, length)) = field(rest) else { return Walk::None };
            let Some(next) = self.position.checked_add(length).filter(|next| *next <= self.end) else {
                return Walk::None;
            };
            if !self.take(field, rest, next) {
                return Walk::None;
            }
            self.position = next;
        }
        if self.groups.is_empty() { Walk::Whole } else { Walk::None }
    }

    /// Takes a field that ends at `next`, if it may be there. What is in a group is no field of the
    /// message, and a group is ended by its own number.
    fn take(&mut self, field: u64, bytes: &[u8], next: u64) -> bool {
        match field & 7 {
            3 => {
                self.groups.push(field >> 3);
                return self.groups.len() <= DEEPEST;
            }
            4 => return self.groups.pop() == Some(field >> 3),
            _ if !self.groups.is_empty() => return true,
            _ => self.seen.take(field),
        }
        if field == GRAPH && self.graph.is_none() {
            let length = varint(bytes)
                .and_then(|(_, after)| Some(varint(bytes.get(usize::try_from(after).ok()?..)?)?.0));
            let length = length.unwrap_or_default();
            self.graph = Some(Range::new(next.saturating_sub(length), length));
        }
        true
    }
}

/// The number and kind of the field at the start of some bytes, and how long it is with its value.
pub(super) fn field(bytes: &[u8]) -> Option<(u64, u64)> {
    let (tag, after) = varint(bytes)?;
    let rest = bytes.get(usize::try_from(after).ok()?..)?;
    let length = match tag & 7 {
        0 => varint(rest)?.1,
        1 => 8,
        2 => {
            let (length, after) = varint(rest)?;
            after.checked_add(length)?
        }
        // A group, with its fields after it.
        3 | 4 => 0,
        5 => 4,
        _ => return None,
    };
    let is_number = (1..=MOST_FIELDS).contains(&(tag >> 3));
    is_number.then_some(())?;
    Some((tag, after.checked_add(length)?))
}

/// A number in base 128, and how many bytes it has.
fn varint(bytes: &[u8]) -> Option<(u64, u64)> {
    let mut value = 0u64;
    for (at, byte) in (0u32..10).zip(bytes) {
        value |= u64::from(byte & 0x7f).checked_shl(at.saturating_mul(7)).unwrap_or(0);
        if byte & 0x80 == 0 {
            return Some((value, u64::from(at) + 1));
        }
    }
    None
}

impl Examine for Fields {
    fn resume(&mut self, parts: Vec<Vec<u8>>, scope: &mut Scope<'_>) -> Next<Vec<Child>> {
        let bytes = parts.first().map_or(&[][..], Vec::as_slice);
        let read = self.position.saturating_add(bytes.len() as u64);
        let mut walk = self.walk(bytes);
        if let (Walk::Whole, false, Some(graph)) = (walk, self.is_inside, self.graph) {
            self.is_inside = true;
            (self.position, self.end) = (graph.offset, graph.offset.saturating_add(graph.length));
            walk = self.walk(&[]);
        }
        match walk {
            Walk::None => {}
            Walk::Whole if self.is_inside => polyglot::onnx(self.content, scope),
            Walk::Whole if scope.report.kind == Kind::Protobuf => {
                if let Some(kind) = self.seen.kind() {
                    scope.kind(kind);
                }
            }
            Walk::Whole => {}
            Walk::On if self.windows >= MOST => {
                let excess =
                    Excess { offset: self.position, limit: "windows of a message", allowed: MOST.into() };
                limit::reached(&excess, &Part::whole(), scope);
            }
            Walk::On => {
                // Small fields are read on, large ones passed over.
                let is_dense = self.windows > 0 && self.position <= read;
                self.window = if is_dense { self.window.saturating_mul(2).min(LARGEST) } else { WINDOW };
                self.windows = self.windows.saturating_add(1);
                let left = self.end.saturating_sub(self.position);
                return Next::Fetch(vec![Range::new(self.position, left.min(self.window))]);
            }
        }
        Next::Done(Vec::new())
    }
}

/// The tag of `ModelProto.graph`: field 7, a message.
const GRAPH: u64 = 7 << 3 | 2;
/// The largest number of a field.
const MOST_FIELDS: u64 = (1 << 29) - 1;
/// Groups in each other. Readers take 100.
const DEEPEST: usize = 1000;
/// Bytes of the longest tag and length.
pub(super) const LONGEST: usize = 20;
/// Bytes that are fetched for the next fields, at first and at most.
const WINDOW: u64 = 4096;
const LARGEST: u64 = 1 << 16;
/// Windows that are fetched. By chance bytes go on as a message for a few. A text of zeros and commas
/// is one all through, and each window is at least 4,076 bytes further on: no text that is read to
/// its end, 256 MiB at most, has so many.
const MOST: u32 = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_walked_over_field_by_field() {
        let walk = |bytes: &[u8]| {
            let mut fields = Fields::new(bytes.len() as u64, Seen::default(), Content::Other);
            (fields.walk(bytes), fields.graph.map(|graph| (graph.offset, graph.length)))
        };
        assert_eq!(walk(b"\x08\x08\x3a\x03\x12\x01g"), (Walk::Whole, Some((4, 3))));
        assert_eq!(walk(b"\x08\x08\x12\x01a"), (Walk::Whole, None));
        assert_eq!(walk(b"\x0b\x3a\x00\x0c\x08\x01"), (Walk::Whole, None), "a graph in a group");
        for none in [
            &b"\x08\x08\x3a\x04\x12\x01g"[..],
            b"\x00\x01",
            b"\x0f",
            b"\x0e",
            b"\x08\xff",
            b"PK\x03\x04",
            b"\x0b\x3a\x00",
            b"\x0b\x14",
            b"\x0c",
        ] {
            assert_eq!(walk(none).0, Walk::None, "{none:?}");
        }
        // What is not there yet is asked for.
        let mut fields = Fields::new(100, Seen::default(), Content::Other);
        assert_eq!(fields.walk(b"\x08\x08\x3a"), Walk::On);
    }
}
