use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::interpret::Interpreted;
use super::order;
use crate::extras::Extras;
use crate::model::{Checkpoint, Format};
use crate::model::{StorageId, Stored};
use crate::pickle::{Graph, Machine, Object, Progress, Value};
use crate::step::{Next, Range, Window};
use crate::{Error, Limits, show};

/// Reads the stream that `torch.save` wrote before torch 1.6.
///
/// ```text
/// pickle: 0x1950a86a20f9469cfc6c
/// pickle: 1001
/// pickle: {'protocol_version': 1001, 'little_endian': …, 'type_sizes': …}
/// pickle: the state dict
/// pickle: [storage keys]
/// for each key: i64 element count, the elements
/// ```
///
/// Only a pickle's STOP says where it ends, so they are fetched in windows. The
/// rest lies where the state dict's storages say it must.
#[derive(Debug)]
pub(crate) struct LegacyReader {
    length: u64,
    limits: Limits,
    stage: Stage,
    machine: Machine,
    /// Where the current pickle starts.
    start: u64,
    /// Where the next window starts.
    position: u64,
    window: Window,
    /// Entries of the system information that torch does not write.
    odd: u64,
}

/// Which pickle the machine is at, or what comes after them.
#[derive(Debug)]
enum Stage {
    Magic,
    Version,
    System,
    State,
    Keys(Interpreted),
    Counts(Placed),
    /// What follows where the file should end is on its way: its first bytes.
    Behind(u64),
    Over,
}

/// A state dict and where its storages lie.
#[derive(Debug)]
struct Placed {
    interpreted: Interpreted,
    /// The storages in the file's order.
    order: Vec<StorageId>,
    /// Where the bytes of each storage lie; their element count is before them.
    ranges: BTreeMap<StorageId, Range>,
    /// Where the last of them ends.
    end: u64,
    extras: Extras,
}

impl LegacyReader {
    /// Starts on a file of `length` bytes.
    pub(crate) fn new(length: u64, limits: Limits) -> Self {
        let machine = Machine::new(0, Stage::Magic.part(), &limits);
        Self {
            length,
            limits,
            stage: Stage::Magic,
            machine,
            start: 0,
            position: 0,
            window: Window::default(),
            odd: 0,
        }
    }

    /// Whether a file of this kind starts so: with the magic number, under any protocol.
    pub(crate) fn begins(head: &[u8]) -> bool {
        head.windows(LONG.len()).any(|bytes| bytes == LONG) || head.starts_with(b"L119547")
    }

    /// The next state: what was fetched, in the order asked for; at first, nothing.
    pub(crate) fn resume(&mut self, parts: Vec<Vec<u8>>) -> Result<Next<Checkpoint>, Error> {
        match core::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Counts(placed) => placed.finish(&parts).map(Next::Done),
            Stage::Behind(end) => Err(self.goes_on(end, parts.first().map_or(&[], Vec::as_slice))),
            stage => {
                self.stage = stage;
                self.feed(parts.first().map_or(&[], Vec::as_slice))
            }
        }
    }

    /// Runs pickles over a window, as far as it goes.
    fn feed(&mut self, mut bytes: &[u8]) -> Result<Next<Checkpoint>, Error> {
        loop {
            match self.machine.feed(bytes)? {
                Progress::More(missing) => {
                    self.position = self.position.saturating_add(bytes.len() as u64);
                    return self.fetch(missing);
                }
                Progress::Done(total) => {
                    let end = self.start.saturating_add(total);
                    let used = usize::try_from(end.saturating_sub(self.position));
                    bytes = used.ok().and_then(|used| bytes.get(used..)).unwrap_or_default();
                    self.position = end;
                    if let Some(next) = self.accept(end)? {
                        return Ok(next);
                    }
                }
            }
        }
    }

    fn fetch(&mut self, missing: u64) -> Result<Next<Checkpoint>, Error> {
        let left = self.length.saturating_sub(self.position);
        if left == 0 {
            let found = "the end of the file";
            return Err(Error::truncated(self.position, self.stage.part(), "the rest of a pickle", found));
        }
        Ok(Next::Fetch(vec![Range::new(self.position, self.window.next(missing, left))]))
    }

    /// Takes what a pickle built, and turns to the next one, at `end`. After the
    /// last, the answer is what to do.
    fn accept(&mut self, end: u64) -> Result<Option<Next<Checkpoint>>, Error> {
        let stage = core::mem::replace(&mut self.stage, Stage::Over);
        let (part, limits) = (stage.part(), self.limits);
        let machine = core::mem::replace(&mut self.machine, Machine::new(0, "", &limits));
        let graph = machine.finish()?;
        if !matches!(stage, Stage::State) {
            order::expect_nothing_lost(&graph, part)?;
        }
        let wrong = |expected, found| Err(Error::malformed(self.start, part, expected, found));
        self.stage = match stage {
            Stage::Magic => match graph.object(graph.root) {
                Some(Object::BigInt(bytes)) if bytes == &MAGIC => Stage::Version,
                _ => return wrong("torch's magic number 0x1950a86a20f9469cfc6c", "another value"),
            },
            Stage::Version if graph.root == Value::Int(1001) => Stage::System,
            Stage::Version => return wrong("protocol version 1001", "another value"),
            Stage::System if is_system(&graph) => {
                self.odd = odd_entries(&graph);
                Stage::State
            }
            Stage::System => return wrong("a dict with `little_endian`, a bool", "another value"),
            Stage::State => {
                let length = end.saturating_sub(self.start);
                Stage::Keys(order::interpret(&graph, length, part, &self.limits)?)
            }
            Stage::Keys(interpreted) => {
                let placed = self.place(interpreted, &graph, end)?;
                let left = self.length.saturating_sub(placed.end);
                if left > 0 {
                    self.stage = Stage::Behind(placed.end);
                    return Ok(Some(Next::Fetch(vec![Range::new(placed.end, left.min(SEAM))])));
                }
                let counts = placed.counts();
                if counts.is_empty() {
                    return placed.finish(&[]).map(Next::Done).map(Some);
                }
                self.stage = Stage::Counts(placed);
                return Ok(Some(Next::Fetch(counts)));
            }
            Stage::Counts(_) | Stage::Behind(_) | Stage::Over => {
                return Err(Error::misuse("the reading is over"));
            }
        };
        self.machine = Machine::new(end, self.stage.part(), &self.limits);
        self.start = end;
        Ok(None)
    }

    /// Finds the storages, which lie from `end` on in the order of their keys.
    fn place(&self, interpreted: Interpreted, graph: &Graph, mut end: u64) -> Result<Placed, Error> {
        let part = "storage keys";
        let wrong = |expected: &str, found: String| Err(Error::malformed(self.start, part, expected, found));
        let Some(Object::List(keys)) = graph.object(graph.root) else {
            return wrong("a list of storage keys", "another value".into());
        };
        let known: BTreeMap<&str, StorageId> =
            interpreted.storages.iter().map(|storage| storage.key.as_str()).zip(0..).collect();
        let unused: BTreeMap<&str, u64> =
            interpreted.unused.iter().map(|storage| (storage.key.as_str(), storage.length)).collect();
        let (mut order, mut ranges, mut extras) = (Vec::new(), BTreeMap::new(), Extras::default());
        for &key in keys {
            let Some(Object::Text(key)) = graph.object(key) else {
                return wrong("storage keys, each a str", "another value".into());
            };
            if let Some(&length) = unused.get(key.as_str()) {
                end = self.payload(end, length, key)?.end().unwrap_or(u64::MAX);
                let reason = || format!("a payload of {length} bytes that belongs to no value");
                extras.add(&format!("storage {key}"), reason);
                continue;
            }
            let storage = known.get(key.as_str()).copied();
            let Some((id, length)) = storage.and_then(|id| Some((id, length(&interpreted, id)?))) else {
                return wrong("keys of storages in the state dict", show::name(key));
            };
            let range = self.payload(end, length, key)?;
            if ranges.insert(id, range).is_some() {
                return wrong("each key once", format!("{} twice", show::name(key)));
            }
            end = range.end().unwrap_or(u64::MAX);
            order.push(id);
        }
        if let Some(storage) = (0..).zip(&interpreted.storages).find(|(id, _)| !ranges.contains_key(id)) {
            let found = format!("{} storages, not {}", ranges.len(), show::name(&storage.1.key));
            return wrong("all storages of the state dict", found);
        }
        extras.sources(&interpreted.sources);
        if self.odd > 0 {
            extras.add("system information", || format!("{} that torch does not write", entries(self.odd)));
        }
        Ok(Placed { interpreted, order, ranges, end, extras })
    }

    /// The error of a file that goes on at `end` with these bytes.
    fn goes_on(&self, end: u64, bytes: &[u8]) -> Error {
        let expected = "its end after the last storage";
        if Self::begins(bytes) {
            let found = "another file, as where `torch.save` was called several times on one open file: \
                         `torch.load` on it open gives one after the other, each to be saved by itself";
            return Error::unsupported(end, "file", expected, found);
        }
        let found = show::count(self.length.saturating_sub(end), "more ");
        Error::malformed(end, "file", expected, found)
    }

    /// Where a storage's bytes lie when its element count lies at `offset`.
    fn payload(&self, offset: u64, length: u64, key: &str) -> Result<Range, Error> {
        let range = offset.checked_add(COUNT).map(|start| Range::new(start, length));
        let inside = |range: &Range| range.end().is_some_and(|end| end <= self.length);
        range.filter(inside).ok_or_else(|| {
            let left = self.length.saturating_sub(offset);
            let expected = format!("a count and {length} bytes");
            Error::truncated(
                offset,
                format!("storage {}", show::name(key)),
                expected,
                format!("{left} bytes"),
            )
        })
    }
}

impl Placed {
    /// Where the element counts lie, in the file's order.
    fn counts(&self) -> Vec<Range> {
        let ranges = self.order.iter().filter_map(|id| self.ranges.get(id));
        ranges.map(|range| Range::new(range.offset.saturating_sub(COUNT), COUNT)).collect()
    }

    /// Compares the element counts with the state dict's.
    fn finish(self, counts: &[Vec<u8>]) -> Result<Checkpoint, Error> {
        for (range, (id, count)) in self.counts().iter().zip(self.order.iter().zip(counts)) {
            let storage = usize::try_from(*id).ok().and_then(|id| self.interpreted.storages.get(id));
            let found = <[u8; 8]>::try_from(count.as_slice()).map(u64::from_le_bytes).ok();
            if let Some(storage) = storage.filter(|storage| found != Some(storage.elements)) {
                return Err(Error::malformed(
                    range.offset,
                    format!("storage {}", show::name(&storage.key)),
                    format!("an element count of {}, as in the state dict", storage.elements),
                    show::bytes(count),
                ));
            }
        }
        let Self { interpreted, ranges, extras, .. } = self;
        let stored = (0..).zip(interpreted.storages).filter_map(|(id, storage)| {
            let range = *ranges.get(&id)?;
            // Not swapped, whatever `little_endian` says: it describes the machine
            // that wrote the stream, and torch wrote all numbers least byte first.
            Some(Stored { range, checksum: None, swap: 1, location: storage.location, name: storage.key })
        });
        Ok(Checkpoint {
            format: Format::TorchLegacy,
            archive: String::new(),
            alignment: None,
            checksums: false,
            metadata: Vec::new(),
            extras: extras.into_vec(),
            irreproducible: interpreted.irreproducible,
            undecoded: interpreted.undecoded,
            root: 0,
            storages: stored.collect(),
            nodes: interpreted.nodes,
        })
    }
}

impl Stage {
    /// What errors call the part.
    fn part(&self) -> &'static str {
        match self {
            Self::Magic => "magic number",
            Self::Version => "protocol version",
            Self::System => "system information",
            Self::State => "state dict",
            Self::Keys(_) => "storage keys",
            Self::Counts(_) | Self::Behind(_) | Self::Over => "storages",
        }
    }
}

/// Whether the third pickle is a dict that says the writer's byte order.
fn is_system(graph: &Graph) -> bool {
    let Some(Object::Dict(pairs)) = graph.object(graph.root) else { return false };
    pairs.iter().any(|(key, value)| {
        let named = matches!(graph.object(*key), Some(Object::Text(key)) if key == "little_endian");
        named && matches!(value, Value::Bool(_))
    })
}

/// Entries of the third pickle that somebody added to torch's own.
fn odd_entries(graph: &Graph) -> u64 {
    let Some(Object::Dict(pairs)) = graph.object(graph.root) else { return 0 };
    let own = ["protocol_version", "little_endian", "type_sizes"];
    let is_own = |key| matches!(graph.object(key), Some(Object::Text(key)) if own.contains(&key.as_str()));
    pairs.iter().filter(|(key, _)| !is_own(*key)).count() as u64
}

fn entries(count: u64) -> String {
    format!("{count} {}", if count == 1 { "entry" } else { "entries" })
}

fn length(interpreted: &Interpreted, id: StorageId) -> Option<u64> {
    interpreted.storages.get(usize::try_from(id).ok()?).map(|storage| storage.length)
}

/// `LONG1` of the magic number.
const LONG: [u8; 12] = [0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
/// Enough to see it behind the frame of any protocol.
const SEAM: u64 = 32;
/// The first pickle's number, least byte first.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
/// Bytes of an element count.
const COUNT: u64 = 8;

#[cfg(test)]
mod tests;
