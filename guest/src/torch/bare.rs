use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::emit::emit;
use super::interpret::NamedStorage;
use super::order;
use crate::extras::Extras;
use crate::model::{Checkpoint, Format};
use crate::model::{FileLayout as Layout, Segment};
use crate::model::{Node, NodeId, Storage, Stored};
use crate::pickle::{Machine, Progress};
use crate::step::{Next, Range, Window};
use crate::{Error, Limits, foreign, show};

/// Reads a pickle that is a file by itself: the `data.pkl` of an archive, without the
/// storages that it names.
#[derive(Debug)]
pub(crate) struct BareReader {
    length: u64,
    limits: Limits,
    machine: Option<Machine>,
    /// Bytes fed to the machine.
    fed: u64,
    window: Window,
    /// Where the file goes on behind its pickle, once that is known.
    behind: Option<u64>,
}

impl BareReader {
    /// Starts on a file of `length` bytes.
    pub(crate) fn new(length: u64, limits: Limits) -> Self {
        let machine = Some(Machine::new(0, PART, &limits));
        Self { length, limits, machine, fed: 0, window: Window::default(), behind: None }
    }

    /// The next state: what was fetched, in the order asked for; at first, nothing.
    pub(crate) fn resume(&mut self, parts: Vec<Vec<u8>>) -> Result<Next<Checkpoint>, Error> {
        let bytes = parts.first().map_or(&[][..], Vec::as_slice);
        if let Some(end) = self.behind.take() {
            return Err(self.goes_on(end, bytes));
        }
        let Some(mut machine) = self.machine.take() else {
            return Err(Error::misuse("the pickle is read"));
        };
        let progress = machine.feed(bytes)?;
        self.fed = self.fed.saturating_add(bytes.len() as u64);
        match progress {
            Progress::Done(used) if used == self.length => {
                let graph = machine.finish()?;
                if let Some(what) = foreign::describe_pickle(&graph) {
                    return Err(foreign::unsupported(what));
                }
                let interpreted = order::interpret(&graph, used, PART, &self.limits)?;
                let (nodes, storages) = (interpreted.nodes, interpreted.storages);
                let mut extras = Extras::default();
                extras.sources(&interpreted.sources);
                Ok(Next::Done(Checkpoint {
                    format: Format::Pickle,
                    archive: String::new(),
                    alignment: None,
                    checksums: false,
                    metadata: Vec::new(),
                    extras: extras.into_vec(),
                    irreproducible: interpreted.irreproducible,
                    undecoded: interpreted.undecoded,
                    root: 0,
                    nodes,
                    storages: storages.into_iter().map(elsewhere).collect(),
                }))
            }
            Progress::Done(used) => {
                self.behind = Some(used);
                let left = self.length.saturating_sub(used);
                Ok(Next::Fetch(vec![Range::new(used, left.min(foreign::HEAD))]))
            }
            Progress::More(missing) => {
                let left = self.length.saturating_sub(self.fed);
                if left == 0 {
                    return Err(Error::truncated(
                        self.fed,
                        PART,
                        "the rest of a pickle",
                        "the end of the file",
                    ));
                }
                self.machine = Some(machine);
                Ok(Next::Fetch(vec![Range::new(self.fed, self.window.next(missing, left))]))
            }
        }
    }

    /// The error of a file that goes on at `end` with these bytes.
    fn goes_on(&self, end: u64, bytes: &[u8]) -> Error {
        let (expected, left) = ("the file to end after STOP", self.length.saturating_sub(end));
        // Old pickles do not say what they are: one of these is told where nothing follows it.
        if matches!(bytes, [0x80, 1..=5, ..]) || foreign::may_be_pickle(bytes, left, &self.limits) {
            let found = "another pickle, as where `pickle.dump` was called several times on one open file: \
                         `pickle.load` on it open gives one after the other, each to be saved by itself";
            return Error::unsupported(end, PART, expected, found);
        }
        Error::malformed(end, PART, expected, show::count(left, "more "))
    }
}

/// Lays out the pickle of the state dict under `root`: the bytes that `torch.save` has
/// in `data.pkl`, and no storage.
pub(crate) fn lay_out(nodes: &[Node], storages: &[Storage], root: NodeId) -> Result<Layout, Error> {
    let bytes = emit(nodes, storages, root)?.bytes;
    let length = bytes.len() as u64;
    let segments = vec![Segment { offset: 0, bytes }];
    Ok(Layout { length, segments, slots: Vec::new(), seal: false, left_out: Vec::new() })
}

/// A storage whose bytes are in another file.
fn elsewhere(named: NamedStorage) -> Stored {
    Stored {
        range: Range::new(0, named.length),
        checksum: None,
        swap: 1,
        location: named.location,
        name: named.key,
    }
}

const PART: &str = "pickle";
