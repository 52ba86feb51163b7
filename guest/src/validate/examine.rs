//! What examiners have in common.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Debug;

use super::budget::Budget;
use super::file::cut;
use super::finding::{Finding, Rule};
use super::options::ValidateOptions;
use super::report::{Payload, Report};
use crate::foreign::Kind;
use crate::step::{Next, Range};

/// Judges one kind of content.
///
/// It sees a region as if it were a file of its own: offsets count from the
/// region's start. What it finds wrong it tells the scope; what lies inside it
/// hands on as children.
pub(super) trait Examine: Debug {
    /// The next state: what was fetched, in the order asked for; at first,
    /// nothing. Ranges to fetch are disjoint and inside the region.
    fn resume(&mut self, parts: Vec<Vec<u8>>, scope: &mut Scope<'_>) -> Next<Vec<Child>>;
}

/// Content inside other content.
#[derive(Debug)]
pub(super) struct Child {
    /// Its name in the parent; empty if it is the same content seen otherwise.
    pub(super) name: String,
    /// Where its bytes are.
    pub(super) bytes: Bytes,
    /// Who judges it.
    pub(super) examiner: Box<dyn Examine>,
}

/// Where a child's bytes are.
#[derive(Debug)]
pub(super) enum Bytes {
    /// In the parent's region.
    At(Range),
    /// Decompressed, from what starts at this offset of the parent's region.
    Inflated(u64, Vec<u8>),
}

impl Child {
    /// The current region seen otherwise.
    pub(super) fn same(examiner: Box<dyn Examine>, scope: &Scope<'_>) -> Self {
        Self { name: String::new(), bytes: Bytes::At(Range::new(0, scope.length)), examiner }
    }

    /// A part of the current region that is a content of its own.
    pub(super) fn member(name: impl Into<String>, range: Range, examiner: Box<dyn Examine>) -> Self {
        Self { name: name.into(), bytes: Bytes::At(range), examiner }
    }

    /// What was decompressed from what starts at `offset` of the current region.
    pub(super) fn inflated(
        name: impl Into<String>,
        offset: u64,
        bytes: Vec<u8>,
        examiner: Box<dyn Examine>,
    ) -> Self {
        Self { name: name.into(), bytes: Bytes::Inflated(offset, bytes), examiner }
    }
}

/// A part of a region that findings can be about: a record, a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    name: String,
    start: u64,
    stored: bool,
}

/// What an examiner works with.
pub(super) struct Scope<'a> {
    /// How to judge.
    pub(super) options: &'a ValidateOptions,
    /// Bytes of the region.
    pub(super) length: u64,
    /// How many archives the region is inside of; 0 for the file.
    pub(super) depth: u32,
    /// What may still be spent on the file.
    pub(super) budget: &'a mut Budget,
    pub(super) place: &'a Place,
    pub(super) report: &'a mut Report,
}

/// Where a region is in the file.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// Names of the members it is in, outermost first.
    pub(super) name: String,
    /// Where it starts in the file.
    pub(super) start: u64,
    /// Whether its bytes are in the file as they are, not compressed.
    pub(super) stored: bool,
}

impl Part {
    /// The whole region.
    pub(super) fn whole() -> Self {
        Self { name: String::new(), start: 0, stored: true }
    }

    /// The bytes from `start` of the region on, called `name`.
    pub(super) fn at(name: impl Into<String>, start: u64) -> Self {
        Self { name: name.into(), start, stored: true }
    }

    /// What is decompressed from the bytes at `start` of the region.
    pub(super) fn inflated(name: impl Into<String>, start: u64) -> Self {
        Self { name: name.into(), start, stored: false }
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether its bytes are those of the region, not compressed.
    pub(super) fn is_stored(&self) -> bool {
        self.stored
    }
}

impl Scope<'_> {
    /// Reports what was found at `offset` of a part.
    pub(super) fn find(&mut self, rule: &'static Rule, part: &Part, offset: u64, message: impl Into<String>) {
        self.add(rule, part, offset, message.into(), false);
    }

    /// The same where the region ends too early to have the rest of a length that its own bytes
    /// say. If that is all there is against a file, it may be the start of a good one.
    pub(super) fn find_cut(
        &mut self,
        length: u64,
        rule: &'static Rule,
        part: &Part,
        offset: u64,
        message: impl Into<String>,
    ) {
        let is_cut = self.is_file() && cut::is_plausible(length);
        self.add(rule, part, offset, message.into(), is_cut);
    }

    fn add(&mut self, rule: &'static Rule, part: &Part, offset: u64, message: String, is_cut: bool) {
        let mut at = self.place.start;
        if self.place.stored {
            let inside = if part.stored { offset } else { 0 };
            // A part may be where a directory says, beyond the end.
            at = at.saturating_add(part.start.saturating_add(inside).min(self.length));
        }
        // Without a name of its own a finding counts from the start of the region.
        let base = if part.name.is_empty() { part.start } else { 0 };
        self.report.add(Finding {
            rule,
            offset: at,
            part: self.place.inside(&part.name),
            part_offset: base.saturating_add(offset),
            message,
            is_cut,
        });
    }

    /// Where content is that a pickle has in one of its values, made by what is at `offset`
    /// of a part.
    pub(super) fn inside(&self, part: &Part, offset: u64, name: impl AsRef<str>) -> Place {
        let mut start = self.place.start;
        if self.place.stored {
            let inside = if part.stored { offset } else { 0 };
            start = start.saturating_add(part.start.saturating_add(inside).min(self.length));
        }
        let outer = Place { name: self.place.inside(&part.name), start, stored: false };
        Place { name: outer.inside(name.as_ref()), ..outer }
    }

    /// Says what the file is; what lies inside an archive does not count.
    pub(super) fn kind(&mut self, kind: Kind) {
        if self.is_file() {
            self.report.kind = kind;
        }
    }

    /// Whether the region is the file, and no part of it.
    pub(super) fn is_file(&self) -> bool {
        self.depth == 0 && self.place.stored && self.place.start == 0
    }

    /// The name of the region: of the file, or of a member by its name in the archive.
    pub(super) fn name(&self) -> &str {
        match self.place.name.rsplit(" > ").next() {
            Some("") | None => self.options.name.as_deref().unwrap_or_default(),
            Some(name) => name,
        }
    }

    /// Lists stored bytes of the region that nobody will read.
    pub(super) fn payload(&mut self, name: &str, range: Range, crc32: Option<u32>) {
        if self.place.stored {
            let range = Range::new(self.place.start.saturating_add(range.offset), range.length);
            self.report.payloads.push(Payload { part: self.place.inside(name), range, crc32 });
        }
    }
}

impl Place {
    /// The file itself.
    pub(super) fn file() -> Self {
        Self { name: String::new(), start: 0, stored: true }
    }

    /// The name of a part of the region.
    fn inside(&self, part: &str) -> String {
        match (self.name.as_str(), part) {
            (name, "") => name.into(),
            ("", part) => part.into(),
            (name, part) => format!("{name} > {part}"),
        }
    }

    /// Where a child is, and how many bytes it has.
    pub(super) fn child(&self, name: &str, bytes: &Bytes) -> (Self, u64) {
        let name = self.inside(name);
        match bytes {
            Bytes::At(range) if self.stored => {
                let start = self.start.saturating_add(range.offset);
                (Self { name, start, stored: true }, range.length)
            }
            Bytes::At(range) => (Self { name, start: self.start, stored: false }, range.length),
            Bytes::Inflated(offset, bytes) => {
                let start = if self.stored { self.start.saturating_add(*offset) } else { self.start };
                (Self { name, start, stored: false }, bytes.len() as u64)
            }
        }
    }
}
