use alloc::boxed::Box;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use super::version::{self, Version};
use super::{header, object, parse, size};
use crate::foreign::Kind;
use crate::foreign::NPY;
use crate::step::{Next, Range};
use crate::validate::examine::{Child, Examine, Part, Scope};

/// Judges a numpy file: its header, and what that says of the rest.
#[derive(Debug, Default)]
struct Npy {
    state: State,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Start,
    Length,
    Header {
        utf8: bool,
        range: Range,
    },
}

/// The current region as a numpy file.
pub(in crate::validate) fn child(scope: &Scope<'_>) -> Child {
    Child::same(Box::new(Npy::default()), scope)
}

impl Examine for Npy {
    fn resume(&mut self, parts: Vec<Vec<u8>>, scope: &mut Scope<'_>) -> Next<Vec<Child>> {
        let bytes = parts.first().map_or(&[][..], Vec::as_slice);
        match self.state {
            State::Start => {
                scope.kind(Kind::Npy);
                self.state = State::Length;
                Next::Fetch(vec![Range::new(0, scope.length.min(START))])
            }
            State::Length => self.length(bytes, scope),
            State::Header { utf8, range } => Next::Done(judge(bytes, utf8, range, scope)),
        }
    }
}

impl Npy {
    /// Reads the version and the header's length.
    fn length(&mut self, bytes: &[u8], scope: &mut Scope<'_>) -> Next<Vec<Child>> {
        let number = bytes.get(NPY.len()..).unwrap_or_default();
        let [major, minor, number @ ..] = number else {
            header::report("expected a version", 0, &Part::whole(), scope);
            return Next::Done(Vec::new());
        };
        let Some(Version { length, utf8 }) = version::check(*major, *minor, scope) else {
            return Next::Done(hidden(0, scope));
        };
        let start = VERSION.saturating_add(length);
        let range = match (length, number) {
            (2, [a, b, ..]) => Range::new(start, u16::from_le_bytes([*a, *b]).into()),
            (4, [a, b, c, d]) => Range::new(start, u32::from_le_bytes([*a, *b, *c, *d]).into()),
            _ => {
                header::report("expected a header's length", VERSION, &Part::whole(), scope);
                return Next::Done(Vec::new());
            }
        };
        let left = scope.length.saturating_sub(start);
        if range.length > left.min(LONGEST) {
            let message = format!("a header of {} bytes, where {left} follow", range.length);
            header::cut(range.length, &message, VERSION, scope);
            return Next::Done(hidden(range.end().unwrap_or(start), scope));
        }
        self.state = State::Header { utf8, range };
        Next::Fetch(vec![range])
    }
}

/// Judges what a header says, and hands on what is to be judged of the rest.
fn judge(bytes: &[u8], utf8: bool, range: Range, scope: &mut Scope<'_>) -> Vec<Child> {
    let part = Part::at("header", range.offset);
    let start = range.end().unwrap_or(scope.length);
    let text = parse::text(bytes, utf8, &part, scope);
    let Some(header) = text.and_then(|text| parse::parse(&text, utf8, &part, scope)) else {
        return hidden(start, scope);
    };
    header.descr.check(&part, scope);
    let data = Range::new(start, scope.length.saturating_sub(start));
    if header.descr.objects {
        return vec![object::child(data, scope)];
    }
    if header.descr.unknown.is_some() {
        return hidden(start, scope);
    }
    // Fields that overflow are as good as the largest.
    let size = header.descr.size.unwrap_or(u64::MAX);
    size::check(&header.shape, size, data, scope).into_iter().collect()
}

/// What follows a header that cannot be used may be a pickle to a reader that can.
fn hidden(start: u64, scope: &Scope<'_>) -> Vec<Child> {
    let length = scope.length.saturating_sub(start);
    if length == 0 { Vec::new() } else { vec![object::hidden(Range::new(start, length))] }
}

/// Where the header's length is.
const VERSION: u64 = 8;
/// Enough for the magic, the version and the header's length.
const START: u64 = 12;
/// The longest header that is read, to see what numpy would find in it with
/// `allow_pickle=True`, which drops its own cap.
const LONGEST: u64 = 1 << 20;
