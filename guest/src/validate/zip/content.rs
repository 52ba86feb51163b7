use alloc::boxed::Box;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use super::crc;
use super::inflate::{self, Inflate};
use super::member::{DEFLATED, Member, STORED};
use crate::Excess;
use crate::pickle::Graph;
use crate::step::{Next, Range, Window};
use crate::validate::examine::{Child, Scope};
use crate::validate::file::limit;
use crate::validate::pickle::{Dialect, Fed, Hidden, PickleRun, Suspicion, trailing};

/// Reads one record's content to its end.
#[derive(Debug)]
pub(super) struct Content {
    /// Where the next window starts.
    position: u64,
    window: Window,
    inflate: Option<Inflate>,
    /// None if it is not to be compared.
    crc: Option<crc32fast::Hasher>,
    /// Bytes that came, decompressed.
    count: u64,
    sink: Sink,
}

/// What the content is for.
#[derive(Debug)]
pub(super) enum Sink {
    /// A pickle that torch loads.
    Pickle(Box<Pickle>),
    /// Bytes to keep, at most so many.
    Keep(Vec<u8>, usize),
}

/// A pickle that is run as it comes.
#[derive(Debug)]
pub(super) struct Pickle {
    run: PickleRun,
    /// What came of it.
    fed: Fed,
    /// What follows it.
    rest: Vec<u8>,
}

/// What a content came to.
#[derive(Debug)]
pub(super) enum Outcome {
    /// What the pickle built, if it came to its end, and what follows it.
    Pickle(Option<Box<Graph>>, Option<Child>),
    /// The bytes kept.
    Bytes(Vec<u8>),
}

impl Sink {
    /// A pickle that torch loads.
    pub(super) fn pickle(member: &Member, scope: &Scope<'_>) -> Self {
        let run = PickleRun::new(member.content(), Dialect::Torch, member.size, scope);
        Self::Pickle(Box::new(Pickle { run, fed: Fed::More(1), rest: Vec::new() }))
    }
}

impl Content {
    /// Starts on a record; None if it cannot be read, which is reported.
    pub(super) fn open(member: &Member, sink: Sink, checked: bool, scope: &mut Scope<'_>) -> Option<Self> {
        let position = member.payload?;
        let inflate = match member.method {
            STORED => None,
            DEFLATED => Some(Inflate::new()),
            _ => return None,
        };
        let pickle_bytes = scope.options.limits.pickle_bytes;
        let allowed = if inflate.is_some() { scope.budget.inflatable } else { pickle_bytes };
        let size = if inflate.is_some() { member.size } else { member.compressed };
        if size > allowed {
            let excess = Excess { offset: 0, limit: "pickle_bytes", allowed: pickle_bytes };
            limit::reached(&excess, &member.content(), scope);
            return None;
        }
        if inflate.is_some() && scope.place.stored {
            scope.budget.grant_compressed(member.compressed);
        }
        let crc = checked.then(crc32fast::Hasher::new);
        Some(Self { position, window: Window::default(), inflate, crc, count: 0, sink })
    }

    /// The next state: what was fetched; at first, nothing.
    pub(super) fn resume(
        &mut self,
        member: &Member,
        bytes: Option<&[u8]>,
        scope: &mut Scope<'_>,
    ) -> Next<Outcome> {
        let end = member.range().and_then(|range| range.end()).unwrap_or_default();
        if let Some(bytes) = bytes {
            self.position = self.position.saturating_add(bytes.len() as u64);
            if !self.take(bytes, member, scope) {
                return Next::Done(self.finish(member, false, scope));
            }
        }
        let left = end.saturating_sub(self.position);
        if left == 0 {
            return Next::Done(self.finish(member, true, scope));
        }
        Next::Fetch(vec![Range::new(self.position, self.window.next(1, left))])
    }

    /// Takes stored bytes; answers whether more are of use.
    fn take(&mut self, mut bytes: &[u8], member: &Member, scope: &mut Scope<'_>) -> bool {
        let Some(mut stream) = self.inflate.take() else {
            return self.accept(bytes, member, scope);
        };
        let more = loop {
            let Some(piece) = stream.next(&mut bytes) else {
                inflate::report("no deflate stream", member, scope);
                break false;
            };
            if piece.is_empty() {
                break true;
            }
            scope.budget.inflatable = scope.budget.inflatable.saturating_sub(piece.len() as u64);
            if self.count.saturating_add(piece.len() as u64) > member.size {
                inflate::report(
                    &format!("it decompresses to more than the {} bytes the directory says", member.size),
                    member,
                    scope,
                );
                self.accept(piece, member, scope);
                break false;
            }
            if !self.accept(piece, member, scope) {
                break false;
            }
        };
        if more && !bytes.is_empty() {
            inflate::report("bytes after the end of the deflate stream", member, scope);
        }
        self.inflate = Some(stream);
        more && bytes.is_empty()
    }

    /// Takes bytes as the member has them; answers whether more are of use.
    fn accept(&mut self, bytes: &[u8], member: &Member, scope: &mut Scope<'_>) -> bool {
        let before = self.count;
        self.count = before.saturating_add(bytes.len() as u64);
        if let Some(crc) = &mut self.crc {
            crc.update(bytes);
        }
        match &mut self.sink {
            Sink::Keep(kept, most) => {
                let room = most.saturating_sub(kept.len()).min(bytes.len());
                kept.extend_from_slice(bytes.get(..room).unwrap_or_default());
                true
            }
            Sink::Pickle(pickle) => {
                let mut bytes = bytes;
                if matches!(pickle.fed, Fed::More(_)) {
                    pickle.fed = pickle.run.feed(bytes, scope);
                    let Fed::Stopped(length) = pickle.fed else { return pickle.fed != Fed::Broken };
                    let used = usize::try_from(length.saturating_sub(before)).unwrap_or(usize::MAX);
                    bytes = bytes.get(used..).unwrap_or_default();
                }
                // What follows in the file is looked at where it is.
                if member.method == STORED {
                    return bytes.is_empty();
                }
                let room = REST.saturating_sub(pickle.rest.len()).min(bytes.len());
                pickle.rest.extend_from_slice(bytes.get(..room).unwrap_or_default());
                true
            }
        }
    }

    /// The member is read, `whole` or as far as it is of use.
    fn finish(&mut self, member: &Member, whole: bool, scope: &mut Scope<'_>) -> Outcome {
        if self.inflate.as_ref().is_some_and(Inflate::has_empty_blocks) {
            inflate::report("blocks that hold nothing, one after another", member, scope);
        }
        if let Some(stream) = &self.inflate
            && whole
            && (!stream.is_over() || self.count != member.size)
        {
            let message =
                format!("it decompresses to {} bytes, where the directory says {}", self.count, member.size);
            inflate::report(&message, member, scope);
        } else if let Some(crc) = self.crc.take().filter(|_| whole) {
            crc::check(member, crc.finalize(), scope);
        }
        match core::mem::replace(&mut self.sink, Sink::Keep(Vec::new(), 0)) {
            Sink::Keep(bytes, _) => Outcome::Bytes(bytes),
            Sink::Pickle(mut pickle) => {
                pickle.run.end(self.count, scope);
                let rest = rest(&pickle, member, scope);
                Outcome::Pickle(pickle.run.into_graph().map(Box::new), rest)
            }
        }
    }
}

/// Reports what follows a pickle, and looks into it: whoever loads the first
/// may go on to load another.
fn rest(pickle: &Pickle, member: &Member, scope: &mut Scope<'_>) -> Option<Child> {
    let Fed::Stopped(length) = pickle.fed else { return None };
    let left = member.size.saturating_sub(length);
    if left == 0 {
        return None;
    }
    trailing::report(length, left, &member.content(), scope);
    let start = member.payload?;
    if member.method == STORED {
        let left = member.compressed.saturating_sub(length);
        return Hidden::member(
            &*member.name,
            Range::new(start.saturating_add(length), left),
            Suspicion::Strong,
        );
    }
    Hidden::inflated(&*member.name, start, pickle.rest.clone(), Suspicion::Strong)
}

/// Bytes that are kept of what follows a compressed pickle.
const REST: usize = 1 << 20;
