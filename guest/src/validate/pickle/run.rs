use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

use super::allowed::{Dtypes, check_random, is_quiet, runs};
use super::{
    Objects, arguments, attributes, broken, call, costly, discarded, encoding, import, items, joblib, keys,
    late, left, loaded, objects, opcode, persistent, rows, state, target,
};
use crate::model::Construct;
use crate::pickle::{Graph, Loaded, Machine, Object, ObjectId, Progress};
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
    /// What calls make of files in its bytes.
    loaded: BTreeMap<ObjectId, Loaded>,
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

/// What tells a pickle from bytes that only look like one.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::validate) struct Events {
    /// It looked a name up.
    pub(in crate::validate) named: bool,
    /// It looked a code of the extension registry up. In other formats' numbers a
    /// byte that does so is common, and no codes are registered unless somebody did.
    pub(in crate::validate) coded: bool,
    /// It has a persistent id. Any line that starts with `P` is one, and no reader
    /// of plain pickles takes it.
    pub(in crate::validate) identified: bool,
    /// It called something, or changed a module, a class or a function. A state may hand a module a
    /// `__setstate__` of any function, and the next calls it: no instruction is needed that calls.
    pub(in crate::validate) acted: bool,
}

impl Events {
    /// Whether there was any.
    pub(in crate::validate) fn any(self) -> bool {
        self.named || self.coded || self.identified || self.acted
    }
}

fn events(objects: &[Object]) -> Events {
    let mut events = Events::default();
    for object in objects {
        match object {
            Object::Global(global) => events.named |= !global.module.is_empty(),
            Object::Extension(_) => events.coded = true,
            Object::Instance(instance) if instance.construct == Construct::Persistent => {
                events.identified = true;
            }
            Object::Instance(_) => events.acted = true,
            _ => {}
        }
    }
    events
}

/// Whether every reader fails at it. A name cannot be looked up if no file of a module is called so: a
/// text that begins with `(i` or `(c` has one by chance. Nor is there anyone who gives a plain pickle
/// what its persistent ids stand for: a line that begins with `P` is one.
fn is_impossible(object: &Object) -> bool {
    let is_part = |c: char| c == '_' || c == '-' || c == '.' || !c.is_ascii() || c.is_ascii_alphanumeric();
    match object {
        Object::Global(global) => !global.module.chars().all(is_part),
        Object::Instance(instance) => instance.construct == Construct::Persistent,
        _ => false,
    }
}

impl PickleRun {
    /// A run of the pickle that starts where `part` does and has at most `length`
    /// bytes.
    pub(in crate::validate) fn new(part: Part, dialect: Dialect, length: u64, scope: &Scope<'_>) -> Self {
        let machine = Machine::tolerant(0, part.name(), &scope.options.limits, length);
        Self { part, dialect, machine, seen: 0, imports: 0, loaded: BTreeMap::new(), state: State::Running }
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
                match self.machine.trace().and_then(|trace| trace.array_of_joblib) {
                    Some(offset) => joblib::report(&self.part, offset, scope),
                    None => broken::report(&error, self.dialect, &self.part, scope),
                }
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
            broken::truncated(self.dialect, &self.part, offset, "expected STOP, found the end", scope);
            self.conclude(scope);
        }
    }

    /// What it did besides building plain values.
    pub(in crate::validate) fn events(&self) -> Events {
        let events = events(self.machine.objects());
        Events { acted: events.acted || self.changes_before(u64::MAX), ..events }
    }

    /// The same up to where every reader fails: nothing after it is ever run.
    pub(in crate::validate) fn reached(&self) -> Events {
        let objects = self.machine.objects();
        let Some(end) = objects.iter().position(is_impossible) else { return self.events() };
        let mut imports = self.machine.imports().iter();
        let place = match objects.get(end) {
            Some(Object::Instance(instance)) => Some(instance.offset),
            _ => imports.find(|(_, id)| usize::try_from(*id) == Ok(end)).map(|(offset, _)| *offset),
        };
        let events = events(objects.get(..end).unwrap_or_default());
        Events { acted: events.acted || self.changes_before(place.unwrap_or(u64::MAX)), ..events }
    }

    /// Whether an instruction before an offset changes what it looked up.
    fn changes_before(&self, end: u64) -> bool {
        let objects = Objects(self.machine.objects());
        let oddities = self.machine.trace().map(|trace| trace.oddities.as_slice()).unwrap_or_default();
        let is_global = |value| matches!(objects.get(value), Some(Object::Global(_)));
        oddities.iter().any(|oddity| oddity.offset < end && oddity.target.is_some_and(is_global))
    }

    /// Whether there is anything at which every reader fails.
    pub(in crate::validate) fn fails(&self) -> bool {
        self.machine.objects().iter().any(is_impossible)
    }

    /// What looking its names up does beside finding them, before readers fail.
    pub(in crate::validate) fn effect(&self) -> Option<String> {
        let objects = self.machine.objects().iter().take_while(|object| !is_impossible(object));
        let mut named = objects.filter_map(|object| match object {
            Object::Global(global) if !global.module.is_empty() => Some(global),
            _ => None,
        });
        let effective = named.find(|global| runs(&global.module, &global.name) && !is_quiet(&global.module));
        effective.map(|global| format!("imports {}", objects::named(global)))
    }

    /// What it built, if it came to its end.
    pub(in crate::validate) fn into_graph(self) -> Option<Graph> {
        if self.state != State::Stopped {
            return None;
        }
        let graph = self.machine.finish().ok()?;
        Some(Graph { loaded: self.loaded, ..graph })
    }

    /// Looks at what is new: names and calls that are not allowed.
    fn look(&mut self, scope: &mut Scope<'_>) {
        let objects = Objects(self.machine.objects());
        let imports = self.machine.imports();
        for &(offset, id) in imports.get(self.imports..).unwrap_or_default() {
            if let Some(object) = usize::try_from(id).ok().and_then(|id| objects.0.get(id)) {
                import::check(object, self.dialect, &self.part, offset, scope);
            }
        }
        for object in objects.0.get(self.seen..).unwrap_or_default() {
            if let Object::Instance(instance) = object {
                call::check(objects, instance, self.dialect, &self.part, scope);
            }
        }
        self.imports = imports.len();
        self.seen = objects.0.len();
    }

    /// Looks at what each object has become.
    fn conclude(&mut self, scope: &mut Scope<'_>) {
        let objects = Objects(self.machine.objects());
        // What costs its readers too much would cost the looks below as much.
        if let Some(trace) = self.machine.trace()
            && !costly::check(&self.machine, trace, &self.part, scope)
        {
            return;
        }
        if self.dialect == Dialect::Plain {
            self.loaded = loaded::check(objects, self.machine.root(), &self.part, scope);
        }
        let dtypes = Dtypes::default();
        for object in objects.0 {
            if let Object::Instance(instance) = object {
                arguments::check(objects, instance, &self.part, scope);
                persistent::check(objects, instance, self.dialect, &self.part, scope);
                items::check(objects, instance, &self.part, scope);
                rows::check(objects, instance, (self.machine.changed(), &dtypes), &self.part, scope);
                state::check(objects, instance, &self.part, scope);
                attributes::check(objects, instance, &self.part, scope);
            }
        }
        costly::spend(dtypes.cost(), 0, &self.part, scope);
        keys::check(objects, &self.part, scope);
        late::check(objects, self.machine.changed(), &self.part, scope);
        check_random(objects, &self.part, scope);
        let Some(trace) = self.machine.trace() else { return };
        trace.oddities.iter().for_each(|oddity| target::check(objects, oddity, &self.part, scope));
        opcode::check(trace, self.dialect, &self.part, scope);
        encoding::check(trace, self.dialect, &self.part, scope);
        if let Some(root) = self.machine.root() {
            discarded::check(objects, root, self.machine.again(), &self.part, scope);
            left::check(trace, &self.part, scope);
        }
    }
}
