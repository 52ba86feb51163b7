use alloc::format;
use alloc::vec::Vec;

use super::spans::{Span, What};
use super::{comment, directory, disks, zip64};
use crate::step::Range;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;
use crate::zip::records::{
    END_RECORD, END_RECORD_BYTES, EndRecord, ZIP64_END_BYTES, ZIP64_END_SIZE, ZIP64_LOCATOR_BYTES, Zip64End,
    Zip64Locator,
};

/// An archive has one end record, and the file ends with it.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-ZIP-END",
    "not exactly one end record",
    "Readers find an archive by the record at its end. Where there are two, or none that fits, \
     they see different archives in one file.",
);

/// A directory as some reader would find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct View {
    /// Where its entries are.
    pub(super) directory: Range,
    /// What is added to the offsets in it: the bytes in front of the archive.
    pub(super) base: u64,
    /// How many entries it has.
    pub(super) entries: u64,
}

/// What the end of a file says.
#[derive(Debug, Default)]
pub(super) struct Ends {
    /// Every directory that some reader would find, that of most readers first.
    pub(super) views: Vec<View>,
    /// The end records.
    pub(super) spans: Vec<Span>,
    /// The archive's comments.
    pub(super) comments: Vec<Range>,
}

/// Bytes from the end of a file that readers search for an end record.
pub(super) const TAIL: u64 = ZIP64_END_BYTES + ZIP64_LOCATOR_BYTES + END_RECORD_BYTES + u16::MAX as u64;

/// Reads the last bytes of a file, which start at `base`.
///
/// Most readers take the last end record there is; careful ones that whose
/// comment reaches exactly to the end of the file. Both are looked into.
pub(super) fn survey(tail: &[u8], base: u64, scope: &mut Scope<'_>) -> Ends {
    let mut ends = Ends::default();
    let mut first = true;
    for (at, record) in candidates(tail) {
        let rest = (tail.len() as u64).saturating_sub(at as u64).saturating_sub(END_RECORD_BYTES);
        if !first && rest != u64::from(record.comment) {
            continue;
        }
        let offset = base.saturating_add(at as u64);
        if !first {
            let message = "a second end record: what follows it would be its comment";
            scope.find(&RULE, &Part::whole(), offset, message);
        }
        first = false;
        if ends.views.len() < VIEWS {
            Place { tail, base, at, ends: &mut ends }.read(record, scope);
        }
    }
    if first {
        let message = "no end record (`PK 05 06`) at the end of the file";
        scope.find_cut(0, &RULE, &Part::whole(), scope.length, message);
    }
    ends
}

/// Where an archive starts that ends the file, if that is not at its beginning and all
/// its offsets count from there.
pub(in crate::validate) fn displaced(tail: &[u8], base: u64) -> Option<u64> {
    let (at, record) = candidates(tail).next()?;
    let end = base.saturating_add(at as u64);
    let before = |distance: u64| {
        let start = at.checked_sub(usize::try_from(distance).ok()?)?;
        tail.get(start..at)
    };
    let Some(locator) = before(ZIP64_LOCATOR_BYTES).and_then(Zip64Locator::parse) else {
        let size = u64::from(record.directory_size);
        return end.checked_sub(size)?.checked_sub(record.directory_offset.into());
    };
    let zip64 = before(ZIP64_LOCATOR_BYTES + ZIP64_END_BYTES).and_then(Zip64End::parse)?;
    let place = end.checked_sub(ZIP64_LOCATOR_BYTES + ZIP64_END_BYTES)?;
    let start = place.checked_sub(zip64.directory_size)?.checked_sub(zip64.directory_offset)?;
    (locator.offset.checked_add(start) == Some(place)).then_some(start)
}

/// What may be an end record, last first.
fn candidates(tail: &[u8]) -> impl Iterator<Item = (usize, EndRecord)> + '_ {
    let fixed = usize::try_from(END_RECORD_BYTES).unwrap_or(usize::MAX);
    let windows = tail.windows(fixed).enumerate().rev();
    windows
        .filter(|(_, bytes)| bytes.starts_with(&END_RECORD))
        .filter_map(|(at, bytes)| EndRecord::parse(bytes).map(|record| (at, record)))
}

/// An end record and what is around it.
struct Place<'a> {
    tail: &'a [u8],
    base: u64,
    /// Where it starts in `tail`.
    at: usize,
    ends: &'a mut Ends,
}

impl Place<'_> {
    fn read(&mut self, record: EndRecord, scope: &mut Scope<'_>) {
        let start = self.base.saturating_add(self.at as u64);
        let comment = start.saturating_add(END_RECORD_BYTES);
        let end = comment.saturating_add(record.comment.into()).min(scope.length);
        if end.saturating_sub(comment) != u64::from(record.comment) {
            let message =
                format!("a comment of {} bytes, which runs beyond the end of the file", record.comment);
            scope.find(&RULE, &Part::whole(), start, message);
        }
        self.ends.spans.push(Span::new(start, end, What::Part("the end record")));
        let text = self.tail.get(self.at..).and_then(|rest| rest.get(22..)).unwrap_or_default();
        let text = text.get(..usize::from(record.comment)).unwrap_or(text);
        if !text.is_empty() {
            comment::check(text, &Part::at("archive comment", comment), scope);
            self.ends.comments.push(Range::new(comment, text.len() as u64));
        }
        disks::end(record, start, scope);
        if !self.zip64(record, start, scope) {
            let directory = Range::new(record.directory_offset.into(), record.directory_size.into());
            self.view(directory, record.entries.into(), start, scope);
        }
    }

    /// Reads the zip64 records in front; answers whether there are any.
    fn zip64(&mut self, record: EndRecord, start: u64, scope: &mut Scope<'_>) -> bool {
        let Some(locator) = self.before(ZIP64_LOCATOR_BYTES).and_then(Zip64Locator::parse) else {
            return false;
        };
        let place = start.saturating_sub(ZIP64_LOCATOR_BYTES);
        self.ends.spans.push(Span::new(place, start, What::Part("the zip64 locator")));
        disks::locator(locator, place, scope);
        // Some readers go where the locator says, others to the record before it.
        let near = place.saturating_sub(ZIP64_END_BYTES);
        let before = self.before(ZIP64_LOCATOR_BYTES + ZIP64_END_BYTES).and_then(Zip64End::parse);
        let pointed = locator.offset.checked_sub(self.base).and_then(|at| usize::try_from(at).ok());
        let pointed = pointed.and_then(|at| self.tail.get(at..)).and_then(Zip64End::parse);
        if before.is_none() || locator.offset != near {
            let message = format!(
                "expected a zip64 end record at {near}, right before its locator, found one said to be at {}",
                locator.offset
            );
            scope.find(&zip64::RULE, &Part::whole(), place, message);
        }
        let elsewhere = pointed.filter(|_| locator.offset != near);
        let both = [elsewhere.map(|end| (end, locator.offset)), before.map(|end| (end, near))];
        let mut any = false;
        for (end, at) in both.into_iter().flatten() {
            any = true;
            let length = end.size.saturating_add(12).min(place.saturating_sub(at));
            if end.size != ZIP64_END_SIZE {
                let message = format!("a zip64 end record of size {}, which is 44", end.size);
                scope.find(&zip64::RULE, &Part::whole(), at, message);
            }
            self.ends.spans.push(Span::new(
                at,
                at.saturating_add(length),
                What::Part("the zip64 end record"),
            ));
            disks::zip64(end, at, scope);
            let agree = zip64::end(record, end, start, scope);
            let directory = Range::new(end.directory_offset, end.directory_size);
            self.view(directory, end.entries, at, scope);
            if !agree {
                let directory = Range::new(record.directory_offset.into(), record.directory_size.into());
                self.view(directory, record.entries.into(), at, scope);
            }
        }
        any
    }

    /// Adds a directory that should end at `limit`.
    fn view(&mut self, directory: Range, entries: u64, limit: u64, scope: &mut Scope<'_>) {
        if directory.end() == Some(limit) {
            self.add(View { directory, base: 0, entries });
            return;
        }
        let Range { offset, length } = directory;
        let message = format!("expected a directory that ends at {limit}, found {length} bytes at {offset}");
        scope.find(&directory::RULE, &Part::whole(), limit, message);
        if offset < scope.length {
            let length = length.min(scope.length.saturating_sub(offset));
            self.add(View { directory: Range::new(offset, length), base: 0, entries });
        }
        // Python's reader takes the directory to end here, and all offsets to
        // be as wrong as the directory's.
        if let Some(start) = limit.checked_sub(length)
            && let Some(base) = start.checked_sub(offset)
        {
            self.add(View { directory: Range::new(start, length), base, entries });
        }
    }

    fn add(&mut self, view: View) {
        if view.directory.length > 0 && !self.ends.views.contains(&view) {
            self.ends.views.push(view);
        }
    }

    /// What lies from `distance` bytes before the end record on.
    fn before(&self, distance: u64) -> Option<&[u8]> {
        self.tail.get(self.at.checked_sub(usize::try_from(distance).ok()?)?..self.at)
    }
}

/// Directories that are looked into.
const VIEWS: usize = 6;
