use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::Sniff;
use crate::Excess;
use crate::step::{Next, Range};
use crate::validate::examine::{Child, Examine, Part, Scope};
use crate::validate::file::limit;
use crate::validate::finding::Rule;

/// A tar archive.
pub(in crate::validate) static RULE: Rule = Rule::unverified(
    "SR-FILE-TAR",
    "a tar archive",
    "torch wrote checkpoints like this before version 0.1.10, and torch.load refuses them unless \
     weights_only is off. What its members are is judged; how readers of tar see it is not. \
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

/// Whether a block is a member's header: what counts for readers is its checksum.
pub(super) fn is_header(block: &[u8]) -> bool {
    Header::new(block).is_some()
}

impl Examine for Tar {
    fn resume(&mut self, parts: Vec<Vec<u8>>, scope: &mut Scope<'_>) -> Next<Vec<Child>> {
        if core::mem::replace(&mut self.started, true) {
            let header = parts.first().and_then(|block| Header::new(block));
            let next = header.and_then(|header| self.member(header, scope));
            let Some(next) = next else { return Next::Done(core::mem::take(&mut self.members)) };
            self.at = next;
        } else {
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

/// A member's header.
struct Header {
    name: String,
    size: u64,
}

impl Header {
    fn new(block: &[u8]) -> Option<Self> {
        let name = block.get(..100)?;
        let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
        let name = name.get(..end).filter(|name| !name.is_empty())?;
        let checksum = octal(block.get(CHECKSUM)?)?;
        let sum = |value: fn(u8) -> i64| -> i64 {
            let blank = |at: usize, byte: u8| if CHECKSUM.contains(&at) { b' ' } else { byte };
            block.iter().take(512).enumerate().map(|(at, byte)| value(blank(at, *byte))).sum()
        };
        // Old archivers added the bytes up as signed ones.
        let sums = [sum(i64::from), sum(|byte| i64::from(i8::from_ne_bytes([byte])))];
        if block.len() < 512 || !sums.iter().any(|sum| u64::try_from(*sum) == Ok(checksum)) {
            return None;
        }
        Some(Self { name: String::from_utf8_lossy(name).into_owned(), size: size(block.get(124..136)?)? })
    }
}

/// A member's size: octal digits, or since GNU tar a number of 11 bytes.
fn size(field: &[u8]) -> Option<u64> {
    match field {
        [0x80, high @ .., a, b, c, d, e, f, g, h] if high.iter().all(|byte| *byte == 0) => {
            Some(u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]))
        }
        _ => octal(field),
    }
}

fn octal(field: &[u8]) -> Option<u64> {
    let field = field.split(|byte| *byte == 0).next()?.trim_ascii();
    let text = core::str::from_utf8(field).ok()?;
    if text.is_empty() { Some(0) } else { u64::from_str_radix(text, 8).ok() }
}

/// Bytes of a header, to which data is filled up.
const BLOCK: u64 = 512;
/// Where the checksum is; it counts as spaces.
const CHECKSUM: core::ops::Range<usize> = 148..156;
/// Members that are looked at.
const MEMBERS: u32 = 10_000;
