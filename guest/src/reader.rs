use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use crate::model::Checkpoint;
use crate::safetensors::SafetensorsReader;
use crate::step::{Chunk, Gather, Next, Range};
use crate::torch::{ArchiveReader, BareReader, LegacyReader};
use crate::{Error, Limits, foreign};

/// Reads a checkpoint without touching it.
///
/// ```text
/// open(length) -> advance([]) -> Fetch(ranges) -> advance(chunks) -> … -> Ready
/// ```
///
/// Chunks may come in pieces: what is still missing is asked for again. After
/// `Ready`, [`checkpoint`](Self::checkpoint) is the result.
#[derive(Debug)]
pub struct Reading {
    length: u64,
    limits: Limits,
    state: State,
    gather: Gather,
}

/// What a [`Reading`] wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Bring these and call [`Reading::advance`] again.
    Fetch(Vec<Range>),
    /// The checkpoint is read.
    Ready,
}

#[derive(Debug)]
enum State {
    Start,
    /// The first bytes, which tell the format, are on their way.
    Sniff,
    /// It is of no format that is read. What it is takes more bytes to tell.
    Foreign {
        asked: bool,
    },
    TorchZip(Box<ArchiveReader>),
    TorchLegacy(Box<LegacyReader>),
    Safetensors(Box<SafetensorsReader>),
    Pickle(Box<BareReader>),
    Ready(Box<Checkpoint>),
    /// An error was returned: nothing more can be asked.
    Failed,
}

/// Enough to tell the formats apart: a zip's signature, a legacy stream's magic
/// number behind the frame of any protocol, a safetensors length and its brace.
const SNIFF: u64 = 32;

impl Reading {
    /// Starts on a file of `length` bytes.
    pub fn open(length: u64, limits: Limits) -> Self {
        Self { length, limits, state: State::Start, gather: Gather::default() }
    }

    /// Takes what was fetched (at first, nothing) and says what comes next.
    pub fn advance(&mut self, chunks: Vec<Chunk>) -> Result<Step, Error> {
        chunks.into_iter().try_for_each(|chunk| self.gather.accept(chunk))?;
        loop {
            let missing = self.gather.missing();
            if !missing.is_empty() {
                return Ok(Step::Fetch(missing));
            }
            if matches!(self.state, State::Ready(_)) {
                return Ok(Step::Ready);
            }
            let parts = core::mem::take(&mut self.gather).into_parts();
            match self.resume(parts) {
                Ok(Next::Fetch(ranges)) => self.gather = Gather::new(ranges)?,
                Ok(Next::Done(checkpoint)) => self.state = State::Ready(Box::new(checkpoint)),
                Err(error) => {
                    self.state = State::Failed;
                    return Err(error);
                }
            }
        }
    }

    /// The result, once [`Step::Ready`].
    pub fn checkpoint(&self) -> Option<&Checkpoint> {
        match &self.state {
            State::Ready(checkpoint) => Some(checkpoint),
            _ => None,
        }
    }

    /// The result itself, once [`Step::Ready`].
    pub fn into_checkpoint(self) -> Option<Checkpoint> {
        match self.state {
            State::Ready(checkpoint) => Some(*checkpoint),
            _ => None,
        }
    }

    fn resume(&mut self, parts: Vec<Vec<u8>>) -> Result<Next<Checkpoint>, Error> {
        match &mut self.state {
            State::Start => {
                self.state = State::Sniff;
                Ok(Next::Fetch(vec![Range::new(0, SNIFF.min(self.length))]))
            }
            State::Sniff => {
                self.state = self.sniff(parts.first().map_or(&[], Vec::as_slice));
                self.resume(Vec::new())
            }
            State::Foreign { asked: asked @ false } => {
                *asked = true;
                Ok(Next::Fetch(vec![Range::new(0, foreign::HEAD.min(self.length))]))
            }
            State::Foreign { asked: true } => {
                let head = parts.first().map_or(&[][..], Vec::as_slice);
                if !foreign::may_be_pickle(head, self.length, &self.limits) {
                    return Err(foreign::error(head, self.length));
                }
                self.state = State::Pickle(Box::new(BareReader::new(self.length, self.limits)));
                self.resume(Vec::new())
            }
            State::TorchZip(reader) => reader.resume(parts),
            State::TorchLegacy(reader) => reader.resume(parts),
            State::Safetensors(reader) => reader.resume(parts),
            State::Pickle(reader) => reader.resume(parts),
            State::Ready(_) | State::Failed => Err(Error::misuse("the reading is over")),
        }
    }

    fn sniff(&self, head: &[u8]) -> State {
        // torch's own rule for zip; safetensors' brace; then a pickle, of the magic
        // number or of anything else.
        if head.starts_with(b"PK\x03\x04") {
            State::TorchZip(Box::new(ArchiveReader::new(self.length, self.limits)))
        } else if foreign::may_be_safetensors(head) {
            State::Safetensors(Box::new(SafetensorsReader::new(self.length, self.limits)))
        } else if LegacyReader::begins(head) {
            State::TorchLegacy(Box::new(LegacyReader::new(self.length, self.limits)))
        } else if matches!(head, [0x80, 1..=5, ..]) {
            State::Pickle(Box::new(BareReader::new(self.length, self.limits)))
        } else {
            State::Foreign { asked: false }
        }
    }
}
