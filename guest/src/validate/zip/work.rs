use alloc::boxed::Box;
use alloc::vec::Vec;

use super::content::{Content, Outcome, Sink};
use super::member::{DEFLATED, Member, NUMPY};
use super::torch::program::{Program, Script};
use super::torch::{self, Note, Notes, Role, Storages};
use super::{crc, hidden, method};
use crate::foreign::Kind;
use crate::step::{Next, Range};
use crate::validate::examine::{Child, Part, Scope};
use crate::validate::file::{Sniff, unknown};
use crate::validate::pickle::{Hidden, Suspicion};

/// What is to be read of an archive's records, one after another.
#[derive(Debug)]
pub(super) struct Work {
    /// What is still to be read, last first.
    tasks: Vec<Task>,
    current: Option<(Task, Content)>,
    checksums: bool,
    notes: Notes,
    storages: Option<Storages>,
    script: Option<Script>,
    placed: bool,
    /// Whether all records seen so far are numpy arrays.
    numpy: bool,
    torch: bool,
    children: Vec<Child>,
    looks: hidden::Looks,
}

/// A record to be read.
#[derive(Clone, Copy, Debug)]
struct Task {
    member: usize,
    purpose: Purpose,
}

/// What a record is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// It is torch's pickle.
    Pickle,
    /// It says how to read the others.
    Note(Note),
    /// It is a compressed storage: only its start matters, or its numbers.
    Storage,
    /// It is a compressed content of its own.
    Inflate,
    /// It is TorchScript.
    Source,
}

impl Work {
    /// Says what each record is for.
    pub(super) fn new(first: &str, members: &[Member], children: Vec<Child>, scope: &mut Scope<'_>) -> Self {
        let torch = torch::is_torch(members);
        let mut work = Self {
            tasks: Vec::new(),
            current: None,
            checksums: crc::present(members),
            notes: Notes::default(),
            storages: None,
            script: None,
            placed: false,
            numpy: true,
            torch,
            children,
            looks: hidden::Looks::default(),
        };
        match torch::program::check(members, scope) {
            Program::None => {}
            program => {
                work.placed = true;
                work.numpy = false;
                if let Program::Script(script) = program {
                    script.sources.iter().for_each(|source| work.task(*source, Purpose::Source));
                    work.script = Some(script);
                }
                return work;
            }
        }
        if torch {
            scope.kind(Kind::TorchZip);
            torch::prefix::check(first, members, scope);
            method::deflated(members, scope);
            members.iter().enumerate().for_each(|(index, member)| work.record(index, member, scope));
            work.notes.conclude(scope);
            if !work.tasks.iter().any(|task| task.purpose == Purpose::Pickle) {
                scope.find(&torch::storages::PICKLE, &Part::whole(), 0, "no record `data.pkl`");
            }
        } else {
            scope.kind(Kind::Zip);
            work.placed = true;
            let files = members.iter().enumerate().filter(|(_, member)| !member.is_folder());
            files.for_each(|(index, member)| work.content(index, member));
            if members.iter().all(Member::is_folder) {
                scope.find(&unknown::RULE, &Part::whole(), 0, "a zip archive with nothing in it");
            }
        }
        work.tasks.reverse();
        // What it builds tells which storages are looked at.
        work.tasks.sort_by_key(|task| task.purpose == Purpose::Pickle);
        work
    }

    /// A record of a torch archive.
    fn record(&mut self, index: usize, member: &Member, scope: &mut Scope<'_>) {
        match torch::role(member, scope) {
            Role::Pickle => self.task(index, Purpose::Pickle),
            Role::Note(note) => {
                if self.notes.expect(note, member, scope) {
                    self.task(index, Purpose::Note(note));
                } else {
                    self.content(index, member);
                }
            }
            Role::Data if member.method == DEFLATED => self.task(index, Purpose::Storage),
            Role::Data => {
                if let Some(range) = member.stored() {
                    // `skip_data` leaves room for what is filled in later, and a zero.
                    let stated = self.checksums && (member.crc32 != 0 || member.size == 0);
                    scope.payload(&member.name, range, stated.then_some(member.crc32));
                    if self.looks.take(member, member.suspicion, scope) {
                        self.children.extend(Hidden::member(&*member.name, range, member.suspicion));
                    }
                }
            }
            Role::Folder => {}
            Role::Other => {
                torch::other(member, scope);
                self.content(index, member);
            }
        }
    }

    /// A record that is a content of its own.
    fn content(&mut self, index: usize, member: &Member) {
        match member.stored() {
            Some(range) => {
                self.numpy &= member.numpy;
                self.children.push(Child::member(&*member.name, range, Box::new(Sniff::new())));
            }
            None => self.task(index, Purpose::Inflate),
        }
    }

    fn task(&mut self, member: usize, purpose: Purpose) {
        self.tasks.push(Task { member, purpose });
    }

    /// The next state: what was fetched, in the order asked for; at first, nothing.
    pub(super) fn resume(
        &mut self,
        members: &[Member],
        mut parts: Vec<Vec<u8>>,
        scope: &mut Scope<'_>,
    ) -> Next<Vec<Child>> {
        while let Some((task, mut content)) = self.current.take().or_else(|| self.begin(members, scope)) {
            let Some(member) = members.get(task.member) else { continue };
            let bytes = core::mem::take(&mut parts);
            match content.resume(member, bytes.first().map(Vec::as_slice), scope) {
                Next::Fetch(ranges) => {
                    self.current = Some((task, content));
                    return Next::Fetch(ranges);
                }
                Next::Done(outcome) => self.take(task, outcome, member, scope),
            }
        }
        if !self.placed {
            self.placed = true;
            if let Some(storages) = &mut self.storages {
                storages.place(members, scope);
                if let Some(alignment) = self.notes.promised() {
                    storages.keep_promise(members, alignment, scope);
                }
            }
        }
        if let Some(storages) = &mut self.storages
            && let Next::Fetch(ranges) = storages.resume(self.notes.big_endian, parts, scope)
        {
            return Next::Fetch(ranges);
        }
        if let Some(script) = self.script.take() {
            script.conclude(members, scope);
        }
        if !self.torch && self.numpy && !members.is_empty() {
            scope.kind(Kind::Npz);
        }
        Next::Done(core::mem::take(&mut self.children))
    }

    /// Begins the next task that can be done.
    fn begin(&mut self, members: &[Member], scope: &mut Scope<'_>) -> Option<(Task, Content)> {
        while let Some(task) = self.tasks.pop() {
            let Some(member) = members.get(task.member) else { continue };
            let sink = match task.purpose {
                Purpose::Pickle => Sink::pickle(member, scope),
                Purpose::Note(_) | Purpose::Inflate | Purpose::Source => Sink::Keep(Vec::new(), usize::MAX),
                Purpose::Storage if self.storages.as_ref().is_some_and(|all| all.reads(member)) => {
                    Sink::Keep(Vec::new(), usize::MAX)
                }
                Purpose::Storage => Sink::Keep(Vec::new(), STORAGE_START),
            };
            if let Some(content) = Content::open(member, sink, self.checksums, scope) {
                return Some((task, content));
            }
            self.numpy &= task.purpose != Purpose::Inflate;
        }
        None
    }

    /// A task is done.
    fn take(&mut self, task: Task, outcome: Outcome, member: &Member, scope: &mut Scope<'_>) {
        let start = member.payload.unwrap_or(member.header);
        match (task.purpose, outcome) {
            (Purpose::Pickle, Outcome::Pickle(graph, rest)) => {
                self.children.extend(rest);
                if let Some(graph) = graph.filter(|_| self.storages.is_none()) {
                    let storages = Storages::new(&graph, &member.content(), scope);
                    if scope.place.stored {
                        scope.report.root(Range::new(scope.place.start, scope.length), storages.root());
                    }
                    self.storages = Some(storages);
                }
            }
            (Purpose::Note(note), Outcome::Bytes(bytes)) => {
                let good = self.notes.read(note, &bytes, member, scope);
                let suspicion = if good { Suspicion::None } else { Suspicion::Strong };
                self.children.extend(Hidden::inflated(&*member.name, start, bytes, suspicion));
            }
            (Purpose::Storage, Outcome::Bytes(mut bytes)) => {
                if let Some(storages) = self.storages.as_mut().filter(|storages| storages.reads(member)) {
                    storages.keep(task.member, &bytes, scope);
                }
                bytes.truncate(STORAGE_START);
                let head = bytes.get(..16).unwrap_or(&bytes);
                let suspicion = Suspicion::of(head, bytes.len() as u64);
                if self.looks.take(member, suspicion, scope) {
                    self.children.extend(Hidden::inflated(&*member.name, start, bytes, suspicion));
                }
            }
            (Purpose::Source, Outcome::Bytes(bytes)) => {
                if let Some(script) = self.script.as_mut().filter(|_| torch::declares::only(&bytes)) {
                    script.declares(task.member, &member.name);
                }
            }
            (Purpose::Inflate, Outcome::Bytes(bytes)) => {
                self.numpy &= bytes.starts_with(NUMPY);
                let sniff = Box::new(Sniff::new());
                self.children.push(Child::inflated(&*member.name, start, bytes, sniff));
            }
            _ => {}
        }
    }
}

/// Bytes of a compressed storage that are kept, to look for a pickle in it.
const STORAGE_START: usize = 1 << 20;
