use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::vec::Vec;
use core::str;

use super::deeds::Given;
use super::drops::Drops;
use super::effects::{self, Lost};
use super::flaw::Flaw;
use super::heap::{self, Heap, Time};
use super::literal::{Literal, literal};
use super::memo::Memo;
use super::opcode as op;
use super::stack::Stack;
use super::{Graph, Instance, Object, ObjectId, Trace, Value, integer, lenient, python3_name};
use crate::model::Construct;
use crate::{Limits, show};

/// What instructions work on.
#[derive(Debug)]
pub(super) struct Execution {
    stack: Stack,
    memo: Memo,
    heap: Heap,
    drops: Drops,
    /// Names that were looked up: where, and what object stands for each. The second
    /// time of the same name is not noted.
    imports: Vec<(u64, ObjectId)>,
    /// What is executed and kept nowhere, once the pickle has ended.
    lost: Option<Lost>,
    /// What is made once more and dropped.
    again: BTreeSet<ObjectId>,
    undecoded: u64,
    protocol: u8,
    pickle_bytes: u64,
    /// Kept by a tolerant machine only.
    pub(super) trace: Option<Trace>,
}

impl Execution {
    /// Nothing on the stack, nothing in the memo.
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            stack: Stack::default(),
            memo: Memo::new(limits.memo),
            heap: Heap::new(limits.nodes),
            drops: Drops::default(),
            imports: Vec::new(),
            lost: None,
            again: BTreeSet::new(),
            undecoded: 0,
            protocol: 0,
            pickle_bytes: limits.pickle_bytes,
            trace: None,
        }
    }

    /// What was built, under `root`.
    pub(super) fn into_graph(self, root: Value) -> Graph {
        let (objects, changed, deeds) = self.heap.into_objects();
        let Self { again, lost, protocol, undecoded, .. } = self;
        let loaded = BTreeMap::new();
        Graph { objects, root, protocol, changed, deeds, again, undecoded, lost, loaded }
    }

    /// What is made once more and dropped, once the pickle has ended.
    pub(super) fn again(&self) -> &BTreeSet<ObjectId> {
        &self.again
    }

    /// Objects that were changed after a call had taken them.
    pub(super) fn changed(&self) -> &BTreeSet<ObjectId> {
        self.heap.changed()
    }

    /// The names looked up so far.
    pub(super) fn imports(&self) -> &[(u64, ObjectId)] {
        &self.imports
    }

    /// The objects made so far.
    pub(super) fn objects(&self) -> &[Object] {
        self.heap.objects()
    }

    /// Runs the instruction at `offset` of the file. STOP answers with a value.
    pub(super) fn run(&mut self, code: u8, operand: &[u8], offset: u64) -> Result<Option<Value>, Flaw> {
        if !matches!(code, op::POP | op::POP_MARK | op::GET | op::BINGET | op::LONG_BINGET) {
            self.drops.close();
        }
        match code {
            op::STOP => return self.stop().map(Some),
            op::PROTO => self.declare(operand).or_else(|flaw| self.tolerate(flaw, code, offset, None))?,
            // A trace minds what frames say.
            op::FRAME if self.trace.is_some() => {}
            op::FRAME => self.frame(operand)?,
            op::MARK => self.stack.mark(),
            op::POP => self.pop()?,
            op::POP_MARK => {
                let values = self.marked()?;
                values.into_iter().rev().for_each(|value| self.drops.dropped(value, None, |_| 0));
            }
            op::DUP => self.push(self.stack.top()?),
            op::GET | op::BINGET | op::LONG_BINGET => {
                let index = self.memo_index(code, operand, offset)?;
                let value = self.memo.get(index)?;
                self.drops.fetched(value);
                self.push(value);
            }
            op::PUT | op::BINPUT | op::LONG_BINPUT => {
                let index = self.memo_index(code, operand, offset)?;
                if let Some(trace) = &mut self.trace {
                    trace.put(offset, code, index, self.memo.len());
                }
                self.memo.put(index, self.stack.top()?)?;
            }
            op::MEMOIZE => self.memo.put(self.memo.len(), self.stack.top()?)?,
            op::APPEND | op::APPENDS | op::ADDITEMS | op::SETITEM | op::SETITEMS | op::BUILD => {
                self.mutate(code, offset)?;
            }
            op::EMPTY_TUPLE | op::TUPLE | op::TUPLE1 | op::TUPLE2 | op::TUPLE3 => self.tuple(code)?,
            op::EMPTY_LIST | op::LIST | op::EMPTY_DICT | op::DICT | op::EMPTY_SET | op::FROZENSET => {
                let object = self.container(code)?;
                self.add(object)?;
            }
            op::GLOBAL | op::STACK_GLOBAL | op::EXT1 | op::EXT2 | op::EXT4 => {
                let global = self.import(code, operand, offset)?;
                self.push(global);
            }
            // Whoever gives buffers to the reader decides what they are.
            op::NEXT_BUFFER | op::READONLY_BUFFER if self.trace.is_some() => {
                let flaw = Flaw::unsupported("all data inside the pickle", "an out-of-band buffer");
                self.tolerate(flaw, code, offset, None)?;
                if code == op::NEXT_BUFFER {
                    self.add(Object::ByteArray(Vec::new()))?;
                }
            }
            op::REDUCE | op::NEWOBJ | op::NEWOBJ_EX | op::INST | op::OBJ | op::PERSID | op::BINPERSID => {
                let (instance, since) = self.instance(code, operand, offset)?;
                let given = [Some(instance.callable), instance.args, instance.kwargs];
                let instance = self.heap.instance(instance)?;
                given.into_iter().flatten().for_each(|value| self.heap.take(value));
                self.drops.called(instance, since);
                self.push(instance);
            }
            _ => match self.literal(code, operand, offset)? {
                Literal::Value(value) => self.push(value),
                Literal::Object(object) => self.add(object)?,
            },
        }
        Ok(None)
    }

    fn push(&mut self, value: Value) {
        self.stack.push(value, self.heap.now());
    }

    fn pop(&mut self) -> Result<(), Flaw> {
        if let Some(value) = self.stack.pop_value_or_mark()? {
            let (end, on) = (self.stack.len(), self.stack.top().ok());
            let on = on.map(|on| (on, self.heap.objects_at(self.stack.since_under(end))));
            self.drops.dropped(value, on, |moment| self.heap.objects_at(moment));
        }
        Ok(())
    }

    fn stop(&mut self) -> Result<Value, Flaw> {
        let root = self.stack.pop()?;
        for &value in self.stack.from(0) {
            self.drops.dropped(value, None, |_| 0);
        }
        (self.again, self.lost) = effects::settle(self.heap.objects_mut(), root, &self.drops, &self.imports);
        if let Some(trace) = &mut self.trace {
            trace.left = self.stack.len();
            trace.marks = self.stack.marks();
        }
        Ok(root)
    }

    /// Notes what a strict machine refuses, and goes on; a strict one refuses it.
    fn tolerate(&mut self, flaw: Flaw, code: u8, offset: u64, target: Option<Value>) -> Result<(), Flaw> {
        match (&mut self.trace, flaw) {
            (Some(trace), Flaw::Malformed(expected, found) | Flaw::Unsupported(expected, found)) => {
                let message = format!("expected {expected}, found {found}");
                match target.filter(|target| self.heap.is_named(*target)) {
                    Some(target) => trace.note_change(offset, code, target, message),
                    None => trace.note(offset, code, target, message),
                }
                Ok(())
            }
            (_, flaw) => Err(flaw),
        }
    }

    /// A literal. A tolerant machine takes 0 for a number that only some reader can
    /// read: that one goes on behind it.
    fn literal(&mut self, code: u8, operand: &[u8], offset: u64) -> Result<Literal, Flaw> {
        let read = literal(code, operand);
        let is = |what: fn(u8, &Literal) -> bool| read.as_ref().is_ok_and(|literal| what(code, literal));
        let (bytes, text) = (is(lenient::is_python2_bytes), is(lenient::is_python2_text));
        self.undecoded = self.undecoded.saturating_add((bytes || text).into());
        if let (Some(trace), Ok(literal)) = (&mut self.trace, &read) {
            if let Some(doubt) = lenient::doubt(code, operand, literal) {
                trace.note(offset, code, None, doubt.into());
            }
            if bytes {
                trace.python2_bytes.get_or_insert(offset);
            }
            if text {
                trace.python2_text.get_or_insert(offset);
            }
        }
        match read {
            Err(flaw) if self.trace.is_some() && lenient::some_reader_reads(code, operand) => {
                self.tolerate(flaw, code, offset, None)?;
                Ok(Literal::Value(Value::Int(0)))
            }
            read => read,
        }
    }

    /// The index that a PUT or GET of any kind names.
    fn memo_index(&mut self, code: u8, operand: &[u8], offset: u64) -> Result<u64, Flaw> {
        if !matches!(code, op::GET | op::PUT) {
            return Ok(op::unsigned(operand));
        }
        let index = integer::memo_index(operand);
        match (index, integer::memo_index(lenient::until_nul(operand))) {
            (Err(flaw), Ok(index)) => self.tolerate(flaw, code, offset, None).map(|()| index),
            (index, _) => index,
        }
    }

    fn add(&mut self, object: Object) -> Result<(), Flaw> {
        let value = self.heap.add(object)?;
        self.push(value);
        Ok(())
    }

    fn declare(&mut self, operand: &[u8]) -> Result<(), Flaw> {
        match operand.first() {
            Some(&protocol) if protocol <= HIGHEST_PROTOCOL => {
                self.protocol = protocol;
                Ok(())
            }
            found => {
                let expected = format!("a protocol up to {HIGHEST_PROTOCOL}");
                Err(Flaw::malformed(expected, format!("{}", found.copied().unwrap_or_default())))
            }
        }
    }

    /// Frames help readers that fetch ahead; what they hold are instructions as
    /// any. A length that no pickle can have is refused.
    fn frame(&self, operand: &[u8]) -> Result<(), Flaw> {
        if op::unsigned(operand) > self.pickle_bytes {
            return Err(Flaw::Limit("pickle_bytes", self.pickle_bytes));
        }
        Ok(())
    }

    fn mutate(&mut self, code: u8, offset: u64) -> Result<(), Flaw> {
        if code == op::BUILD {
            let state = self.stack.pop()?;
            let target = self.stack.top()?;
            let built = self.heap.build(target, state);
            self.heap.change(target, &[state], Given::State);
            if let Some(trace) = self.trace.as_mut().filter(|_| self.heap.is_array_of_joblib(target)) {
                trace.array_of_joblib = Some(offset);
                return Err(Flaw::unsupported("an instruction behind it", "an array of joblib"));
            }
            return built.or_else(|flaw| self.tolerate(flaw, code, offset, Some(target)));
        }
        let start = match code {
            op::APPEND => self.stack.last(1)?,
            op::SETITEM => self.stack.last(2)?,
            _ => self.stack.unmark()?,
        };
        let target = self.stack.under(start)?;
        let items = self.stack.from(start);
        let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
        let (changed, given) = match code {
            // CPython does not look at the target then, and its pickler ends some
            // dicts like that.
            _ if items.is_empty() => return self.add_nothing(code, target, offset),
            op::SETITEM | op::SETITEMS => (self.heap.set_items(target, items), Given::Pairs(count / 2)),
            op::ADDITEMS => (self.heap.insert(target, items), Given::Members(count)),
            _ => (self.heap.append(target, items), Given::Items(count)),
        };
        self.heap.change(target, items, given);
        changed.or_else(|flaw| self.tolerate(flaw, code, offset, Some(target)))?;
        self.stack.cut(start);
        Ok(())
    }

    /// Nothing is added to a target, which torch and Python's own unpickler look at
    /// all the same.
    fn add_nothing(&mut self, code: u8, target: Value, offset: u64) -> Result<(), Flaw> {
        if self.trace.is_none() {
            return Ok(());
        }
        match self.heap.takes(code, target) {
            Ok(true) => Ok(()),
            Ok(false) => {
                if let Some(trace) = &mut self.trace {
                    trace.note_idle(offset, code, target);
                }
                Ok(())
            }
            // It changes nothing, be it a class.
            Err(flaw) => self.tolerate(flaw, code, offset, None),
        }
    }

    fn tuple(&mut self, code: u8) -> Result<(), Flaw> {
        let start = match code {
            op::TUPLE => self.stack.unmark()?,
            op::EMPTY_TUPLE => self.stack.last(0)?,
            op::TUPLE1 => self.stack.last(1)?,
            op::TUPLE2 => self.stack.last(2)?,
            _ => self.stack.last(3)?,
        };
        let items = self.stack.take(start);
        let tuple = self.heap.tuple(items)?;
        self.push(tuple);
        Ok(())
    }

    fn container(&mut self, code: u8) -> Result<Object, Flaw> {
        Ok(match code {
            op::EMPTY_LIST => Object::List(Vec::new()),
            op::EMPTY_DICT => Object::Dict(Vec::new()),
            op::EMPTY_SET => Object::Set(Vec::new()),
            op::LIST => Object::List(self.marked()?),
            op::DICT => {
                let items = self.marked()?;
                let pairs = heap::pairs(&items)?.collect();
                self.heap.hash(items.iter().step_by(2));
                Object::Dict(pairs)
            }
            _ => {
                let members = self.marked()?;
                self.heap.hash(&members);
                Object::FrozenSet(members)
            }
        })
    }

    /// Takes the topmost mark and the values above it.
    fn marked(&mut self) -> Result<Vec<Value>, Flaw> {
        let start = self.stack.unmark()?;
        Ok(self.stack.take(start))
    }

    /// A class or function. A tolerant machine takes a name that cannot be known
    /// here, because a call would make it, for one nobody allows.
    fn import(&mut self, code: u8, operand: &[u8], offset: u64) -> Result<Value, Flaw> {
        let names = match code {
            op::STACK_GLOBAL => Some((self.stack.pop()?, self.stack.pop()?)),
            _ => None,
        };
        let global = match self.global(code, operand, names) {
            Ok(global) => global,
            Err(flaw) => {
                // What can be no name at run time either ends every reader's work.
                let nameless = |value: &Value| !self.heap.may_be_text(*value);
                if names.iter().flat_map(|(name, module)| [name, module]).any(nameless) {
                    return Err(flaw);
                }
                self.tolerate(flaw, code, offset, None)?;
                self.heap.global("", "")?
            }
        };
        if let Value::Object(id) = global
            // Only what is new is the last of all objects.
            && usize::try_from(id).is_ok_and(|id| id + 1 == self.heap.objects().len())
            && self.imports.last().is_none_or(|&(_, last)| last != id)
        {
            self.imports.push((offset, id));
        }
        Ok(global)
    }

    fn global(&mut self, code: u8, operand: &[u8], names: Option<(Value, Value)>) -> Result<Value, Flaw> {
        match code {
            op::GLOBAL | op::INST => self.named(operand),
            op::STACK_GLOBAL => self.stack_global(names.unwrap_or((Value::None, Value::None))),
            op::EXT4 => {
                let code = operand.first_chunk().copied().map(i32::from_le_bytes);
                self.heap.extension(i64::from(code.unwrap_or_default()))
            }
            _ => self.heap.extension(op::unsigned(operand).cast_signed()),
        }
    }

    /// The global that two lines name.
    fn named(&mut self, operand: &[u8]) -> Result<Value, Flaw> {
        let mut lines = operand.splitn(2, |&byte| byte == b'\n').map(line_name);
        let module = lines.next().unwrap_or(Ok(""))?;
        let name = lines.next().unwrap_or(Ok(""))?;
        let (module, name) = if self.old() { python3_name(module, name) } else { (module, name) };
        self.heap.global(module, name)
    }

    fn stack_global(&mut self, (name, module): (Value, Value)) -> Result<Value, Flaw> {
        let (module, name) = (self.heap.name(module)?, self.heap.name(name)?);
        let (module, name) = if self.old() { python3_name(&module, &name) } else { (&*module, &*name) };
        self.heap.global(module, name)
    }

    /// Whether names are those of Python 2.
    fn old(&self) -> bool {
        self.protocol < 3
    }

    /// An instance, and since when its callable was on the stack.
    fn instance(&mut self, code: u8, operand: &[u8], offset: u64) -> Result<(Instance, Option<Time>), Flaw> {
        let (mut args, mut kwargs, mut since) = (None, None, None);
        let end = self.stack.len();
        let (construct, callable) = match code {
            op::REDUCE => {
                since = Some(self.stack.since_under(end.saturating_sub(1)));
                args = Some(self.stack.pop()?);
                (Construct::Call, self.stack.pop()?)
            }
            op::NEWOBJ => {
                since = Some(self.stack.since_under(end.saturating_sub(1)));
                args = Some(self.stack.pop()?);
                (Construct::New, self.stack.pop()?)
            }
            op::NEWOBJ_EX => {
                since = Some(self.stack.since_under(end.saturating_sub(2)));
                kwargs = Some(self.stack.pop()?);
                args = Some(self.stack.pop()?);
                (Construct::NewEx, self.stack.pop()?)
            }
            op::INST => {
                ascii(operand)?;
                // Python's own unpickler looks the class up before it misses the mark.
                let class = self.import(code, operand, offset)?;
                let items = self.marked()?;
                let construct = instantiated(&items);
                args = Some(self.heap.tuple(items)?);
                (construct, class)
            }
            op::OBJ => {
                let start = self.stack.unmark()?;
                let items = self.stack.take(start.saturating_add(1));
                let class = if self.stack.from(start).is_empty() { None } else { Some(self.stack.pop()?) };
                let class = class.ok_or_else(|| Flaw::malformed("a class", "nothing above the mark"))?;
                let construct = instantiated(&items);
                args = Some(self.heap.tuple(items)?);
                (construct, class)
            }
            op::BINPERSID => (Construct::Persistent, self.stack.pop()?),
            _ => (Construct::Persistent, self.persistent_id(operand)?),
        };
        let (items, pairs, state, effects) = (Vec::new(), Vec::new(), None, Vec::new());
        let instance = Instance { offset, construct, callable, args, kwargs, items, pairs, state, effects };
        Ok((instance, since))
    }

    fn persistent_id(&mut self, operand: &[u8]) -> Result<Value, Flaw> {
        let id = ascii(operand)?;
        self.heap.add(Object::Text(id.into()))
    }
}

/// What INST and OBJ do with these arguments: without any, a class's `__init__` is not called.
fn instantiated(items: &[Value]) -> Construct {
    if items.is_empty() { Construct::Instance } else { Construct::Call }
}

fn line_name(line: &[u8]) -> Result<&str, Flaw> {
    match str::from_utf8(line) {
        Ok(name) if !name.is_empty() => Ok(name),
        _ => Err(Flaw::malformed("a module and a name in UTF-8", show::bytes(line))),
    }
}

fn ascii(line: &[u8]) -> Result<&str, Flaw> {
    let text = str::from_utf8(line).ok().filter(|text| text.is_ascii());
    text.ok_or_else(|| Flaw::malformed("ASCII", show::bytes(line)))
}

/// What CPython 3.8 and later know.
const HIGHEST_PROTOCOL: u8 = 5;
