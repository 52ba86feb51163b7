use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use crate::model::Checkpoint;
use crate::pickle::{Machine, Progress};
use crate::step::{Next, Range};
use crate::torch::order;
use crate::torch::records::Records;
use crate::zip::{Directory, Entry, Opening};
use crate::{Error, Limits, show};

/// Reads the zip archive that `torch.save` writes since torch 1.6.
#[derive(Debug)]
pub(crate) struct ArchiveReader {
    limits: Limits,
    state: State,
}

#[derive(Debug)]
enum State {
    Directory(Opening),
    /// The small records are on their way, and the pickle's first bytes.
    Notes(Records),
    /// More of the pickle is on its way.
    Pickle(Records, Box<Unpickling>),
    Over,
}

/// The pickle, as far as it has come.
#[derive(Debug)]
struct Unpickling {
    entry: Entry,
    machine: Machine,
    /// Bytes fed to the machine.
    fed: u64,
    crc32: crc32fast::Hasher,
}

impl ArchiveReader {
    /// Starts on a file of `length` bytes.
    pub(crate) fn new(length: u64, limits: Limits) -> Self {
        Self { limits, state: State::Directory(Opening::new(length, &limits)) }
    }

    /// The next state: what was fetched, in the order asked for; at first, nothing.
    pub(crate) fn resume(&mut self, parts: Vec<Vec<u8>>) -> Result<Next<Checkpoint>, Error> {
        match core::mem::replace(&mut self.state, State::Over) {
            State::Directory(mut opening) => match opening.resume(parts)? {
                Next::Fetch(ranges) => {
                    self.state = State::Directory(opening);
                    Ok(Next::Fetch(ranges))
                }
                Next::Done(directory) => self.directory(directory),
            },
            State::Notes(records) => self.notes(records, parts),
            State::Pickle(records, unpickling) => self.pickle(records, unpickling, parts),
            State::Over => Err(Error::misuse("the archive is read")),
        }
    }

    fn directory(&mut self, directory: Directory) -> Result<Next<Checkpoint>, Error> {
        let records = Records::new(directory)?;
        let Range { offset, length } = records.pickle()?.payload;
        if length > self.limits.pickle_bytes {
            return Err(Error::limit(offset, "pickle_bytes", self.limits.pickle_bytes));
        }
        let mut ranges: Vec<_> = records.notes()?.into_iter().map(|(_, entry)| entry.payload).collect();
        ranges.push(Range::new(offset, length.min(WINDOW)));
        self.state = State::Notes(records);
        Ok(Next::Fetch(ranges))
    }

    fn notes(&mut self, mut records: Records, mut parts: Vec<Vec<u8>>) -> Result<Next<Checkpoint>, Error> {
        let first = parts.pop().into_iter().collect();
        records.learn(&parts)?;
        let entry = records.pickle()?.clone();
        let machine = Machine::new(entry.payload.offset, &entry.name, &self.limits);
        let unpickling = Unpickling { entry, machine, fed: 0, crc32: crc32fast::Hasher::new() };
        self.pickle(records, Box::new(unpickling), first)
    }

    fn pickle(
        &mut self,
        records: Records,
        mut unpickling: Box<Unpickling>,
        parts: Vec<Vec<u8>>,
    ) -> Result<Next<Checkpoint>, Error> {
        if let Some(range) = unpickling.feed(parts.first().map_or(&[], Vec::as_slice))? {
            self.state = State::Pickle(records, unpickling);
            return Ok(Next::Fetch(vec![range]));
        }
        // The window may be large, and what the pickle built is larger.
        drop(parts);
        let Unpickling { entry, machine, crc32, .. } = *unpickling;
        records.check(&entry, crc32.finalize())?;
        let graph = machine.finish()?;
        let interpreted = order::interpret(&graph, entry.payload.length, &entry.name, &self.limits)?;
        records.checkpoint(interpreted).map(Next::Done)
    }
}

impl Unpickling {
    /// Feeds the next bytes; answers what to fetch next, if not at the end.
    fn feed(&mut self, bytes: &[u8]) -> Result<Option<Range>, Error> {
        let Range { offset, length } = self.entry.payload;
        let name = &*self.entry.name;
        self.crc32.update(bytes);
        self.fed = self.fed.saturating_add(bytes.len() as u64);
        let left = length.saturating_sub(self.fed);
        match self.machine.feed(bytes)? {
            Progress::Done(used) if used == length => Ok(None),
            Progress::Done(used) => {
                let found = show::count(length.saturating_sub(used), "more ");
                Err(Error::malformed(
                    offset.saturating_add(used),
                    name,
                    "the record to end after STOP",
                    found,
                ))
            }
            Progress::More(_) if left == 0 => {
                let end = offset.saturating_add(length);
                Err(Error::truncated(end, name, "a pickle that ends with STOP", "the end of the record"))
            }
            Progress::More(least) => {
                Ok(Some(Range::new(offset.saturating_add(self.fed), left.min(least.max(WINDOW)))))
            }
        }
    }
}

/// Bytes of the pickle fetched at a time.
const WINDOW: u64 = 1 << 20;
