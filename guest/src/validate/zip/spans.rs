use alloc::format;
use alloc::vec::Vec;

use super::member::Member;
use crate::show;
use crate::step::Range;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// Every byte belongs to something.
pub(super) static GAP: Rule = Rule::malformed(
    "SR-ZIP-GAP",
    "bytes that belong to no record",
    "No reader of the archive looks at them, so nothing says what they are: another archive for \
     another reader, or data to be carried unseen.",
);

/// Nothing follows the end record.
pub(super) static TRAILING: Rule = Rule::malformed(
    "SR-ZIP-TRAILING",
    "bytes after the archive's end",
    "Some readers search for the end of an archive and skip them, others fail. Nothing says what \
     they are.",
);

/// No byte belongs to two things.
pub(super) static OVERLAP: Rule = Rule::malformed(
    "SR-ZIP-OVERLAP",
    "bytes that belong to two records",
    "Bytes are one thing to one reader and another to the next. It is also how small archives \
     unpack to huge ones.",
);

/// Bytes and whose they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    start: u64,
    end: u64,
    what: What,
}

/// Whose bytes.
#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    /// The record with this index.
    Member(usize),
    /// Another part of the archive.
    Part(&'static str),
}

impl Span {
    /// The bytes from `start` to `end`.
    pub(super) fn new(start: u64, end: u64, what: What) -> Self {
        Self { start, end, what }
    }
}

/// Accounts for every byte; answers the bytes that nothing accounts for.
pub(super) fn check(mut spans: Vec<Span>, members: &[Member], scope: &mut Scope<'_>) -> Vec<Range> {
    let member =
        |(index, member): (usize, &Member)| Span::new(member.header, member.end, What::Member(index));
    spans.extend(members.iter().enumerate().map(member));
    spans.sort_unstable_by_key(|span| (span.start, span.end));
    let mut gaps = Vec::new();
    let mut last: Option<Span> = None;
    for span in spans.into_iter().filter(|span| span.end > span.start) {
        let reached = last.map_or(0, |last| last.end);
        if span.start > reached {
            let gap = Range::new(reached, span.start.saturating_sub(reached));
            let message = format!("{} bytes before {}", gap.length, named(span.what, members));
            scope.find(&GAP, &Part::whole(), gap.offset, message);
            gaps.push(gap);
        }
        if let Some(last) = last.filter(|last| span.start < last.end) {
            let message =
                format!("{} starts inside {}", named(span.what, members), named(last.what, members));
            scope.find(&OVERLAP, &Part::whole(), span.start, message);
        }
        if span.end > reached {
            last = Some(span);
        }
    }
    let reached = last.map_or(0, |last| last.end);
    if reached < scope.length {
        let rest = Range::new(reached, scope.length.saturating_sub(reached));
        scope.find(&TRAILING, &Part::whole(), rest.offset, format!("{} bytes after the end", rest.length));
        gaps.push(rest);
    }
    gaps
}

fn named(what: What, members: &[Member]) -> alloc::string::String {
    match what {
        What::Part(name) => name.into(),
        What::Member(index) => {
            members.get(index).map_or_else(Default::default, |member| show::name(&member.name))
        }
    }
}
