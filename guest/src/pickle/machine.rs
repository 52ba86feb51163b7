use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::execute::Execution;
use super::flaw::Flaw;
use super::opcode::{self, Extent, Scan};
use super::{Graph, Object, ObjectId, Trace, Value};
use crate::{Error, Limits};

/// Runs a pickle's instructions as its bytes arrive.
///
/// Call [`feed`](Self::feed) with the bytes in order, in pieces of any size,
/// until it answers [`Progress::Done`]; then [`finish`](Self::finish).
///
/// An instruction runs once all its bytes are there. Those of one that is not
/// whole are kept; all others are read where they lie.
#[derive(Debug)]
pub struct Machine {
    /// Where the pickle starts in its file.
    offset: u64,
    part: String,
    limits: Limits,
    /// Bytes the pickle can have.
    length: u64,
    execution: Execution,
    /// Bytes of all instructions run.
    position: u64,
    /// How many they were.
    opcodes: u64,
    /// The start of an instruction whose end has not come.
    pending: Vec<u8>,
    /// How far the search for its end has come.
    scan: Scan,
    state: State,
}

/// How far a [`Machine`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Not at the end. The next instruction cannot run before this many more
    /// bytes have come; at least 1.
    More(u64),
    /// STOP was reached after this many bytes of the pickle, STOP included.
    Done(u64),
}

#[derive(Clone, Copy, Debug)]
enum State {
    Running,
    /// STOP was reached; what the pickle evaluates to.
    Stopped(Value),
    /// An error was returned.
    Refused,
}

/// What became of the instruction at the start of some bytes.
enum Step {
    /// It ran, and was this long.
    Ran(usize),
    /// It was STOP.
    Stopped,
    /// It lacks at least this many bytes.
    Short(u64),
    /// It lacks the end of a line.
    OpenLine,
}

impl Machine {
    /// A machine for a pickle that starts at `offset` of its file, in `part`.
    pub fn new(offset: u64, part: &str, limits: &Limits) -> Self {
        Self {
            offset,
            part: part.into(),
            limits: *limits,
            length: u64::MAX,
            execution: Execution::new(limits),
            position: 0,
            opcodes: 0,
            pending: Vec::new(),
            scan: Scan::default(),
            state: State::Running,
        }
    }

    /// A machine that goes on wherever some reader of pickles might, and keeps a
    /// trace of what it saw. The pickle has at most `length` bytes: what claims to
    /// have more is malformed, not too large.
    pub fn tolerant(offset: u64, part: &str, limits: &Limits, length: u64) -> Self {
        let mut machine = Self::new(offset, part, limits);
        machine.execution.trace = Some(Trace::default());
        machine.length = length;
        machine
    }

    /// The objects made so far, whatever became of the pickle since.
    pub fn objects(&self) -> &[Object] {
        self.execution.objects()
    }

    /// What a [`tolerant`](Self::tolerant) machine noted.
    pub fn trace(&self) -> Option<&Trace> {
        self.execution.trace.as_ref()
    }

    /// The names looked up so far: where, and what object stands for each. The second
    /// time of the same name is not noted.
    pub fn imports(&self) -> &[(u64, ObjectId)] {
        self.execution.imports()
    }

    /// Objects that are made once more because a value leads back to itself, and then
    /// dropped.
    pub fn again(&self) -> &BTreeSet<ObjectId> {
        self.execution.again()
    }

    /// Objects that were changed after a call had taken them.
    pub fn changed(&self) -> &BTreeSet<ObjectId> {
        self.execution.changed()
    }

    /// Bytes that were run.
    pub fn ran(&self) -> u64 {
        self.position
    }

    /// What the pickle evaluates to, once it is [`Progress::Done`].
    pub fn root(&self) -> Option<Value> {
        match self.state {
            State::Stopped(root) => Some(root),
            State::Running | State::Refused => None,
        }
    }

    /// Takes the pickle's next bytes and runs all whole instructions. Bytes after
    /// STOP are not looked at.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Progress, Error> {
        if !matches!(self.state, State::Running) {
            return Err(Error::misuse("the pickle has ended; nothing more can be fed"));
        }
        let mut rest = bytes;
        let progress = self.complete(&mut rest).and_then(|progress| match progress {
            Some(progress) => Ok(progress),
            None => self.advance(rest),
        });
        if progress.is_err() {
            self.state = State::Refused;
        }
        progress
    }

    /// No more bytes will come. Python's own unpickler takes the end for the end of
    /// a line, and the last byte for its newline: INST calls what is named there. A
    /// tolerant machine follows it. Not so with GLOBAL: any checkpoint that was cut
    /// may end in one.
    pub fn close(&mut self) {
        let named = matches!(self.pending.as_slice(), [opcode::INST, _, _, ..]);
        if !named || self.trace().is_none() || !matches!(self.state, State::Running) {
            return;
        }
        if let Some(last) = self.pending.last_mut() {
            *last = b'\n';
        }
        let mut pending = core::mem::take(&mut self.pending);
        self.scan = Scan::default();
        if matches!(self.step(&pending), Ok(Step::OpenLine)) {
            pending.push(b'\n');
            // Whatever comes of it: the pickle has ended.
            let _ = self.step(&pending);
        }
        self.state = State::Refused;
    }

    /// What the pickle built. An error before [`Progress::Done`].
    pub fn finish(self) -> Result<Graph, Error> {
        match self.state {
            State::Stopped(root) => Ok(self.execution.into_graph(root)),
            State::Refused => Err(Error::misuse("the pickle was refused; it built nothing")),
            State::Running => {
                let length = self.position.saturating_add(self.pending.len() as u64);
                let (expected, found) = match self.pending.first().and_then(|&code| opcode::name(code)) {
                    Some(name) => (format!("the rest of {name}"), "the end"),
                    None => ("STOP".into(), "the end"),
                };
                Err(Error::truncated(self.offset.saturating_add(length), self.part, expected, found))
            }
        }
    }

    /// Completes and runs the instruction that earlier bytes began, if any. An
    /// answer means that there is no more to do.
    fn complete(&mut self, bytes: &mut &[u8]) -> Result<Option<Progress>, Error> {
        if self.pending.is_empty() {
            return Ok(None);
        }
        let mut pending = core::mem::take(&mut self.pending);
        loop {
            let (missing, taken) = match self.step(&pending)? {
                Step::Ran(_) => return Ok(None),
                Step::Stopped => return Ok(Some(Progress::Done(self.position))),
                Step::Short(missing) => (missing, usize::try_from(missing).unwrap_or(usize::MAX)),
                Step::OpenLine => (1, line_length(bytes)),
            };
            if bytes.is_empty() {
                self.pending = pending;
                return Ok(Some(Progress::More(missing)));
            }
            let (taken, rest) = bytes.split_at_checked(taken).unwrap_or((bytes, &[]));
            pending.extend_from_slice(taken);
            *bytes = rest;
        }
    }

    /// Runs instructions where they lie, and keeps the start of one that is not
    /// whole.
    fn advance(&mut self, mut bytes: &[u8]) -> Result<Progress, Error> {
        loop {
            let missing = match self.step(bytes)? {
                Step::Ran(length) => {
                    bytes = bytes.get(length..).unwrap_or_default();
                    continue;
                }
                Step::Stopped => return Ok(Progress::Done(self.position)),
                Step::Short(missing) => missing,
                Step::OpenLine => 1,
            };
            self.pending.extend_from_slice(bytes);
            return Ok(Progress::More(missing));
        }
    }

    /// Runs the instruction at the start of `bytes` if it is whole.
    fn step(&mut self, bytes: &[u8]) -> Result<Step, Error> {
        self.try_step(bytes).map_err(|flaw| {
            let name = bytes.first().and_then(|&code| opcode::name(code));
            flaw.at(self.offset.saturating_add(self.position), &self.part, name)
        })
    }

    fn try_step(&mut self, bytes: &[u8]) -> Result<Step, Flaw> {
        let left = self.length.saturating_sub(self.position);
        let extent = opcode::measure(bytes, &mut self.scan, self.limits.string_bytes, left)?;
        let here = bytes.len() as u64;
        match extent {
            Extent::Whole { operand, length } => {
                self.afford(length as u64)?;
                let code = bytes.first().copied().unwrap_or_default();
                let operand = bytes.get(operand).unwrap_or_default();
                self.run(code, operand, length)
            }
            Extent::Short(missing) => {
                self.afford(here.saturating_add(missing)).map(|()| Step::Short(missing))
            }
            Extent::OpenLine => self.afford(here.saturating_add(1)).map(|()| Step::OpenLine),
        }
    }

    fn run(&mut self, code: u8, operand: &[u8], length: usize) -> Result<Step, Flaw> {
        if self.opcodes >= self.limits.opcodes {
            return Err(Flaw::Limit("opcodes", self.limits.opcodes));
        }
        let offset = self.offset.saturating_add(self.position);
        if let Some(trace) = &mut self.execution.trace {
            let end = offset.saturating_add(length as u64);
            trace.ran(code, offset, end);
            if code == opcode::FRAME {
                trace.framed(offset, end, opcode::unsigned(operand));
            }
        }
        let stopped = self.execution.run(code, operand, offset)?;
        self.opcodes += 1;
        self.position = self.position.saturating_add(length as u64);
        self.scan = Scan::default();
        match stopped {
            None => Ok(Step::Ran(length)),
            Some(root) => {
                self.state = State::Stopped(root);
                Ok(Step::Stopped)
            }
        }
    }

    /// Whether the pickle may have `length` bytes more.
    fn afford(&self, length: u64) -> Result<(), Flaw> {
        if self.position.saturating_add(length) > self.limits.pickle_bytes {
            return Err(Flaw::Limit("pickle_bytes", self.limits.pickle_bytes));
        }
        Ok(())
    }
}

/// The length of the line that `bytes` start with, newline included.
fn line_length(bytes: &[u8]) -> usize {
    bytes.iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |end| end + 1)
}
