use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec;
use alloc::vec::Vec;

use super::budget::Budget;
use super::dcp::matching::{self, Expected};
use super::examine::{Bytes, Child, Examine, Place, Scope};
use super::file::cut::Telling;
use super::file::{Sniff, limit};
use super::options::ValidateOptions;
use super::report::Report;
use crate::Error;
use crate::step::{Chunk, Gather, Next, Range};

/// Judges a file without touching it.
///
/// ```text
/// open(length) -> advance([]) -> Fetch(ranges) -> advance(chunks) -> … -> Ready
/// ```
///
/// Chunks may come in pieces: what is still missing is asked for again. No file
/// makes it fail. The [`report`](Self::report) grows as it goes and is whole
/// after `Ready`.
#[derive(Debug)]
pub struct Validating {
    options: ValidateOptions,
    report: Report,
    /// What of it is told.
    telling: Telling,
    /// What is being examined, outermost first, and what is still to be.
    jobs: Vec<Job>,
    /// Jobs that were begun.
    begun: u32,
    budget: Budget,
    /// Bytes of the file.
    length: u64,
    gather: Gather,
    /// Whether what was found was held against what is expected.
    matched: bool,
    over: bool,
}

/// What a [`Validating`] wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judging {
    /// Bring these and call [`Validating::advance`] again.
    Fetch(Vec<Range>),
    /// The report is whole.
    Ready,
}

/// One content and who judges it.
#[derive(Debug)]
struct Job {
    place: Place,
    length: u64,
    depth: u32,
    /// The bytes, unless they are in the file: a part of what was inflated.
    held: Option<Held>,
    examiner: Box<dyn Examine>,
}

/// A part of bytes that were decompressed once for all that lie in them.
#[derive(Clone, Debug)]
struct Held {
    bytes: Rc<Vec<u8>>,
    start: u64,
}

impl Validating {
    /// Starts on a file of `length` bytes.
    pub fn open(length: u64, options: ValidateOptions) -> Self {
        let examiner: Box<dyn Examine> = Box::new(Sniff::new());
        let job = Job { place: Place::file(), length, depth: 0, held: None, examiner };
        Self {
            budget: Budget::new(length, options.limits.pickle_bytes),
            telling: Telling::new(options.name.as_deref()),
            options,
            report: Report::default(),
            jobs: vec![job],
            begun: 1,
            length,
            gather: Gather::default(),
            matched: false,
            over: false,
        }
    }

    /// Adds to what a distributed checkpoint's metadata says of the file, before it is judged.
    ///
    /// The only error is a caller's, who comes too late.
    pub fn expect(&mut self, items: Vec<Expected>) -> Result<(), Error> {
        if self.begun > 1 || !self.gather.is_idle() {
            return Err(Error::misuse("what is expected is said before anything is judged"));
        }
        self.options.expected.get_or_insert_default().extend(items);
        Ok(())
    }

    /// Takes what was fetched (at first, nothing) and says what comes next.
    ///
    /// The only error is a caller's: a chunk that was not asked for.
    pub fn advance(&mut self, chunks: Vec<Chunk>) -> Result<Judging, Error> {
        if let Some(expected) = self.options.expected.as_mut().filter(|_| self.gather.is_idle()) {
            expected.sort_by_key(|item| item.range.offset);
        }
        chunks.into_iter().try_for_each(|chunk| self.gather.accept(chunk))?;
        let missing = self.gather.missing();
        if !missing.is_empty() {
            return Ok(Judging::Fetch(missing));
        }
        let mut parts = core::mem::take(&mut self.gather).into_parts();
        loop {
            let Some(job) = self.jobs.last_mut() else {
                if self.matched {
                    break;
                }
                self.matched = true;
                self.match_items();
                continue;
            };
            let mut scope = Scope {
                options: &self.options,
                length: job.length,
                depth: job.depth,
                budget: &mut self.budget,
                place: &job.place,
                report: &mut self.report,
            };
            match job.examiner.resume(parts, &mut scope) {
                Next::Fetch(ranges) => match &job.held {
                    Some(held) => parts = ranges.iter().map(|range| held.get(*range)).collect(),
                    None => {
                        let start = job.place.start;
                        let shift =
                            |range: Range| Range::new(start.saturating_add(range.offset), range.length);
                        self.gather = Gather::new(ranges.into_iter().map(shift).collect())?;
                        let missing = self.gather.missing();
                        if !missing.is_empty() {
                            self.telling.take(&mut self.report, false);
                            return Ok(Judging::Fetch(missing));
                        }
                        parts = core::mem::take(&mut self.gather).into_parts();
                    }
                },
                Next::Done(children) => {
                    parts = Vec::new();
                    self.descend(children);
                }
            }
        }
        self.telling.take(&mut self.report, true);
        self.over = true;
        Ok(Judging::Ready)
    }

    /// What was found so far; all of it once [`Judging::Ready`].
    pub fn report(&self) -> &Report {
        self.telling.told()
    }

    /// Whether the report is whole.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// All is judged as it lies there: what is left is to hold it against what is expected.
    fn match_items(&mut self) {
        let Some(expected) = &self.options.expected else { return };
        let place = Place::file();
        let mut scope = Scope {
            options: &self.options,
            length: self.length,
            depth: 0,
            budget: &mut self.budget,
            place: &place,
            report: &mut self.report,
        };
        let children = matching::check(expected, &mut scope);
        self.begin(&place, 0, None, children);
    }

    /// The current job is done: its children come next, first to last.
    fn descend(&mut self, children: Vec<Child>) {
        let Some(parent) = self.jobs.pop() else { return };
        self.begin(&parent.place, parent.depth, parent.held.as_ref(), children);
    }

    fn begin(&mut self, parent: &Place, depth: u32, held: Option<&Held>, children: Vec<Child>) {
        let start = self.jobs.len();
        for child in children {
            let Child { name, bytes, examiner } = child;
            let (place, length) = parent.child(&name, &bytes);
            // The same content seen otherwise is as deep as before.
            let depth = depth.saturating_add(u32::from(!name.is_empty()));
            if depth > DEPTH || self.begun >= self.options.limits.entries {
                limit::nested(&place, &mut self.report);
                continue;
            }
            let held = match bytes {
                Bytes::At(range) => held.map(|held| held.part(range.offset)),
                Bytes::Inflated(_, bytes) => Some(Held { bytes: Rc::new(bytes), start: 0 }),
            };
            self.begun += 1;
            self.jobs.push(Job { place, length, depth, held, examiner });
        }
        // The last of the jobs is the next one.
        if let Some(children) = self.jobs.get_mut(start..) {
            children.reverse();
        }
    }
}

impl Held {
    fn get(&self, range: Range) -> Vec<u8> {
        let start = usize::try_from(self.start.saturating_add(range.offset)).ok();
        let length = usize::try_from(range.length).ok();
        let end = start.zip(length).and_then(|(start, length)| start.checked_add(length));
        let bytes = start.zip(end).and_then(|(start, end)| self.bytes.get(start..end));
        bytes.unwrap_or_default().to_vec()
    }

    fn part(&self, offset: u64) -> Self {
        Self { bytes: Rc::clone(&self.bytes), start: self.start.saturating_add(offset) }
    }
}

/// Archives inside each other that are looked into.
const DEPTH: u32 = 4;
