use super::copies::Copies;
use super::{
    Objects, arguments, broken, call, collisions, discarded, import, items, keys, opcode, persistent, state,
    target,
};
use crate::model::Construct;
use crate::pickle::{Graph, Machine, Object, Progress};
use crate::validate::examine::{Part, Scope};

/// Which reader a pickle is meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::validate) enum Dialect {
    /// `torch.load` of an archive: persistent ids are storages, and it knows few
    /// instructions.
    Torch,
    /// The same in a legacy stream, where a storage's id has a view besides.
    Legacy,
    /// `pickle.load`, in a file of its own or inside a numpy array.
    Plain,
}

/// One pickle, run as its bytes arrive and judged at once: whatever stops the
/// rest, what was found stays found.
#[derive(Debug)]
pub(in crate::validate) struct PickleRun {
    part: Part,
    dialect: Dialect,
    machine: Machine,
    /// Objects looked at so far.
    seen: usize,
    /// Imports looked at so far.
    imports: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    Stopped,
    Broken,
}

/// How far a [`PickleRun`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::validate) enum Fed {
    /// At least so many bytes more.
    More(u64),
    /// STOP was reached after this many bytes of the pickle; all is reported.
    Stopped(u64),
    /// Nothing can follow; all is reported.
    Broken,
}

impl PickleRun {
    /// A run of the pickle that starts where `part` does and has at most `length`
    /// bytes.
    pub(in crate::validate) fn new(part: Part, dialect: Dialect, length: u64, scope: &Scope<'_>) -> Self {
        let machine = Machine::tolerant(0, part.name(), &scope.options.limits, length);
        Self { part, dialect, machine, seen: 0, imports: 0, state: State::Running }
    }

    /// Takes the next bytes. Those after STOP are not looked at.
    pub(in crate::validate) fn feed(&mut self, bytes: &[u8], scope: &mut Scope<'_>) -> Fed {
        let fed = self.machine.feed(bytes);
        self.look(scope);
        match fed {
            Ok(Progress::More(missing)) => Fed::More(missing),
            Ok(Progress::Done(length)) => {
                self.state = State::Stopped;
                self.conclude(scope);
                Fed::Stopped(length)
            }
            Err(error) => {
                self.state = State::Broken;
                broken::report(&error, &self.part, scope);
                self.conclude(scope);
                Fed::Broken
            }
        }
    }

    /// The bytes have ended. Reports a pickle that has not.
    pub(in crate::validate) fn end(&mut self, offset: u64, scope: &mut Scope<'_>) {
        if self.state == State::Running {
            self.state = State::Broken;
            self.machine.close();
            self.look(scope);
            scope.find(&broken::TRUNCATED, &self.part, offset, "expected STOP, found the end");
            self.conclude(scope);
        }
    }

    /// Whether it named or made anything: bytes that only look like a pickle
    /// end before.
    pub(in crate::validate) fn is_eventful(&self) -> bool {
        let event = |object: &Object| {
            matches!(object, Object::Global(_) | Object::Extension(_) | Object::Instance(_))
        };
        self.machine.objects().iter().any(event)
    }

    /// Whether it named or called something. Extension codes do not count: in other
    /// formats' numbers a byte that is one is common, and no codes are registered
    /// unless somebody did so.
    pub(in crate::validate) fn is_telling(&self) -> bool {
        let telling = |object: &Object| match object {
            Object::Global(global) => !global.module.is_empty(),
            object => matches!(object, Object::Instance(_)),
        };
        self.machine.objects().iter().any(telling)
    }

    /// Whether it called something, or had a persistent id.
    pub(in crate::validate) fn has_made(&self) -> bool {
        self.machine.objects().iter().any(|object| matches!(object, Object::Instance(_)))
    }

    /// Whether it called something. A persistent id is no call: any line that starts
    /// with `P` is one, and no reader of plain pickles takes it.
    pub(in crate::validate) fn has_called(&self) -> bool {
        let call = |object: &Object| match object {
            Object::Instance(instance) => instance.construct != Construct::Persistent,
            _ => false,
        };
        self.machine.objects().iter().any(call)
    }

    /// What it built, if it came to its end.
    pub(in crate::validate) fn into_graph(self) -> Option<Graph> {
        if self.state == State::Stopped { self.machine.finish().ok() } else { None }
    }

    /// Looks at what is new: names and calls that are not allowed.
    fn look(&mut self, scope: &mut Scope<'_>) {
        let objects = Objects(self.machine.objects());
        let imports = self.machine.trace().map_or(&[][..], |trace| &trace.imports);
        for &(offset, id) in imports.get(self.imports..).unwrap_or_default() {
            if let Some(object) = usize::try_from(id).ok().and_then(|id| objects.0.get(id)) {
                import::check(object, &self.part, offset, scope);
            }
        }
        for object in objects.0.get(self.seen..).unwrap_or_default() {
            if let Object::Instance(instance) = object {
                call::check(objects, instance, &self.part, scope);
            }
        }
        self.imports = imports.len();
        self.seen = objects.0.len();
    }

    /// Looks at what each object has become.
    fn conclude(&self, scope: &mut Scope<'_>) {
        let objects = Objects(self.machine.objects());
        let mut copies = Copies::default();
        for object in objects.0 {
            if let Object::Instance(instance) = object {
                arguments::check(objects, instance, &self.part, scope);
                persistent::check(objects, instance, self.dialect, &self.part, scope);
                items::check(objects, instance, &self.part, scope);
                state::check(objects, instance, &self.part, scope);
                state::check_arguments(objects, instance, &self.part, scope);
                copies.check(objects, instance, &self.part, scope);
            }
        }
        keys::check(objects, &self.part, scope);
        collisions::check(objects, &self.part, scope);
        let Some(trace) = self.machine.trace() else { return };
        trace.oddities.iter().for_each(|oddity| target::check(objects, oddity, &self.part, scope));
        opcode::check(trace, self.dialect, &self.part, scope);
        if let Some(root) = self.machine.root() {
            discarded::check(objects, root, trace, &self.part, scope);
        }
    }
}

/// How the bytes of a pickle are fetched: a window at a time, wider each time.
#[derive(Debug)]
pub(in crate::validate) struct Window(u64);

impl Default for Window {
    fn default() -> Self {
        Self(FIRST)
    }
}

impl Window {
    /// Bytes to fetch next, where at least `missing` are needed and `left` are there.
    pub(in crate::validate) fn next(&mut self, missing: u64, left: u64) -> u64 {
        let length = missing.max(self.0).min(left);
        self.0 = self.0.saturating_mul(2).min(WIDEST);
        length
    }
}

/// The first window: most pickles fit.
const FIRST: u64 = 64 << 10;
/// The widest window.
const WIDEST: u64 = 1 << 20;
