use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::ends::{self, View};
use super::member::Member;
use super::places::Places;
use super::spans::{self, Span, What};
use super::work::Work;
use super::{directory, duplicates, hidden, names, several};
use crate::Excess;
use crate::foreign::Kind;
use crate::step::{Next, Range};
use crate::validate::dcp::items::{Item, Walk, Walked};
use crate::validate::dcp::matching;
use crate::validate::examine::{Bytes, Child, Examine, Part, Scope};
use crate::validate::file::{Sniff, limit};
use crate::zip::windows::{self, Windows};

/// Judges a zip archive.
#[derive(Debug)]
struct Archive {
    members: Vec<Member>,
    /// The name of the directory's first entry: torch takes its folder.
    first: String,
    spans: Vec<Span>,
    comments: Vec<Range>,
    /// Whether another archive follows, which is reported.
    followed: bool,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Start,
    /// The end of the file is on its way.
    Tail(Range),
    /// What tells whether the file is several archives is on its way: its tail, and
    /// where the last one would start.
    Several(Range, Vec<Vec<u8>>, u64),
    /// The ends of archives before the last one are on their way.
    Items(Walk),
    /// Directories are on their way.
    Directories(Vec<View>, Vec<Range>),
    /// Headers and descriptors are on their way.
    Places(Places),
    /// What the records hold is on its way.
    Work(Box<Work>),
    Over,
}

/// The current region as a zip archive.
pub(in crate::validate) fn child(scope: &Scope<'_>) -> Child {
    Child::same(Box::new(Archive::new(false)), scope)
}

impl Examine for Archive {
    fn resume(&mut self, parts: Vec<Vec<u8>>, scope: &mut Scope<'_>) -> Next<Vec<Child>> {
        match core::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Start => self.start(scope),
            Stage::Tail(range) => {
                match several::split(parts.first().map_or(&[], Vec::as_slice), range.offset) {
                    Some(split) => {
                        self.stage = Stage::Several(range, parts, split);
                        Next::Fetch(several::evidence(split).to_vec())
                    }
                    None => self.tail(range, parts, scope),
                }
            }
            Stage::Several(_, _, split) if several::tells(&parts) => {
                self.items(Walk::new(split, scope.options.limits.entries), Vec::new(), scope)
            }
            Stage::Several(range, tail, _) => self.tail(range, tail, scope),
            Stage::Items(walk) => self.items(walk, parts, scope),
            Stage::Directories(views, asked) => self.directories(&views, &Windows::new(&asked, parts), scope),
            Stage::Places(places) => self.places(places, parts, scope),
            Stage::Work(work) => self.work(work, parts, scope),
            Stage::Over => Next::Done(Vec::new()),
        }
    }
}

impl Archive {
    fn new(followed: bool) -> Self {
        let (members, spans, comments) = (Vec::new(), Vec::new(), Vec::new());
        Self { members, first: String::new(), spans, comments, followed, stage: Stage::Start }
    }

    /// The archives that end the region, and what is before them.
    fn items(&mut self, mut walk: Walk, parts: Vec<Vec<u8>>, scope: &mut Scope<'_>) -> Next<Vec<Child>> {
        let items = match walk.resume(parts, scope.length) {
            Walked::Items(items) => items,
            Walked::Fetch(ranges) => {
                self.stage = Stage::Items(walk);
                return Next::Fetch(ranges);
            }
        };
        let expected = scope.options.expected.as_deref().filter(|_| scope.is_file());
        if !self.followed && expected.is_none() {
            several::report(&items, scope);
        }
        let mut children = Vec::with_capacity(items.len().saturating_add(1));
        let first = items.first().map_or(0, |item| item.offset);
        if first > 0 {
            // Whatever it is, it is taken for the start of the file.
            let before = Box::new(Self::new(true));
            children.push(Child {
                name: String::new(),
                bytes: Bytes::At(Range::new(0, first)),
                examiner: before,
            });
        }
        for range in items {
            let name = matching::name_of(range.offset, expected);
            children.push(Child::member(name, range, Box::new(Sniff::new())));
            if scope.is_file() {
                scope.report.items.push(Item { range, root: None });
            }
        }
        scope.report.items.sort_by_key(|item| item.range.offset);
        scope.kind(Kind::DcpItems);
        Next::Done(children)
    }

    fn start(&mut self, scope: &Scope<'_>) -> Next<Vec<Child>> {
        let length = scope.length.min(ends::TAIL);
        let range = Range::new(scope.length.saturating_sub(length), length);
        self.stage = Stage::Tail(range);
        Next::Fetch(vec![range])
    }

    fn tail(&mut self, range: Range, parts: Vec<Vec<u8>>, scope: &mut Scope<'_>) -> Next<Vec<Child>> {
        if scope.is_file() && !self.followed {
            scope.report.items.push(Item { range: Range::new(0, scope.length), root: None });
        }
        let ends = ends::survey(parts.first().map_or(&[], Vec::as_slice), range.offset, scope);
        self.spans = ends.spans;
        self.comments = ends.comments;
        if self.spans.is_empty() {
            // Nothing says what there is: no reader goes from record to record.
            scope.kind(Kind::Zip);
            return Next::Done(vec![hidden::stray(Range::new(0, scope.length))]);
        }
        let allowed = scope.options.limits.directory_bytes;
        for view in &ends.views {
            if view.directory.length > allowed {
                let excess = Excess { offset: view.directory.offset, limit: "directory_bytes", allowed };
                limit::reached(&excess, &Part::whole(), scope);
                return Next::Done(Vec::new());
            }
        }
        let windows = Windows::new(&[range], parts);
        if ends.views.iter().all(|view| windows.get(view.directory).is_some()) {
            return self.directories(&ends.views, &windows, scope);
        }
        let asked = windows::merge(ends.views.iter().map(|view| view.directory).collect());
        self.stage = Stage::Directories(ends.views, asked.clone());
        Next::Fetch(asked)
    }

    fn directories(&mut self, views: &[View], windows: &Windows, scope: &mut Scope<'_>) -> Next<Vec<Child>> {
        let mut read: Vec<View> = Vec::new();
        for view in views {
            // Another end record may lead to the same directory, and count other entries.
            if let Some(first) =
                read.iter().find(|read| (read.directory, read.base) == (view.directory, view.base))
            {
                directory::count(first.entries, view, scope);
                continue;
            }
            let bytes = windows.get(view.directory).unwrap_or_default();
            let before = self.members.len();
            let entries = directory::read(bytes, *view, &mut self.members, scope);
            read.push(View { entries, ..*view });
            if self.members.len() > before {
                let end = view.directory.end().unwrap_or(u64::MAX);
                self.spans.push(Span::new(view.directory.offset, end, What::Part("the directory")));
            }
        }
        self.first = self.members.first().map(|member| member.name.clone()).unwrap_or_default();
        self.members.sort_by(|a, b| (a.header, &a.name, a.entry).cmp(&(b.header, &b.name, b.entry)));
        // Two directories may list the same record.
        self.members.dedup_by(|a, b| views.len() > 1 && a.header == b.header && a.name == b.name);
        let directory = views.first().map_or(scope.length, |view| view.directory.offset);
        self.places(Places::new(directory), Vec::new(), scope)
    }

    fn places(&mut self, mut places: Places, parts: Vec<Vec<u8>>, scope: &mut Scope<'_>) -> Next<Vec<Child>> {
        if let Next::Fetch(ranges) = places.resume(&mut self.members, parts, scope) {
            self.stage = Stage::Places(places);
            return Next::Fetch(ranges);
        }
        duplicates::check(&self.members, scope);
        names::check_folder(&self.first, &self.members, scope);
        let gaps = spans::check(core::mem::take(&mut self.spans), &self.members, scope);
        let unseen = gaps.into_iter().chain(core::mem::take(&mut self.comments)).take(UNSEEN);
        let children = unseen.map(hidden::stray).collect();
        let work = Work::new(&self.first, &self.members, children, scope);
        self.work(Box::new(work), Vec::new(), scope)
    }

    fn work(&mut self, mut work: Box<Work>, parts: Vec<Vec<u8>>, scope: &mut Scope<'_>) -> Next<Vec<Child>> {
        let next = work.resume(&self.members, parts, scope);
        if let Next::Fetch(_) = next {
            self.stage = Stage::Work(work);
        }
        next
    }
}

/// Gaps and comments that are looked into.
const UNSEEN: usize = 16;
