//! The header's rules: what it must say for the file to be whole.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::json::{self, Info, Visit};
use super::{LENGTH, METADATA, element};
use crate::dtype::DType;
use crate::error::Unfit;
use crate::extras::Extras;
use crate::{Error, Limits, show};

/// A header whose tensors cover the file's payload without gap or overlap.
#[derive(Debug)]
pub(super) struct Header {
    /// Free text, in file order.
    pub(super) metadata: Vec<(String, String)>,
    /// In order of their bytes.
    pub(super) tensors: Vec<Entry>,
    /// What it says for nobody.
    pub(super) extras: Vec<Unfit>,
}

/// A tensor of a header.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its name.
    pub(super) name: String,
    /// The element type.
    pub(super) dtype: DType,
    /// Elements along each dimension, as the header counts them.
    pub(super) shape: Vec<u64>,
    /// First byte, and first byte after, from the end of the header.
    pub(super) data: (u64, u64),
    /// Which entry of the header it is, counting from 0.
    number: usize,
}

/// Reads the header of a file that has `payload` bytes after it.
pub(super) fn parse(bytes: &[u8], payload: u64, limits: &Limits) -> Result<Header, Error> {
    let text = core::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        Error::malformed(file_offset(at), "header", "UTF-8", show::bytes(bytes.get(at..).unwrap_or(&[])))
    })?;
    // The format asks for the brace; leading spaces would pass the reference, but
    // not those who tell the format by this byte.
    if !text.starts_with('{') {
        return Err(Error::malformed(LENGTH, "header", "`{`", show::bytes(bytes)));
    }
    let mut collector = Collector::new(limits.entries);
    let read = json::read(text, &mut collector);
    if let Some(stop) = collector.stop {
        return Err(stop.error(text, &collector.part, limits));
    }
    read.map_err(|f| Error::malformed(file_offset(f.at), collector.part, f.expected, f.found))?;

    // A repeated name counts as its last entry, as in the reference.
    let (texts, mut extras) = (collector.metadata.len(), collector.extras);
    let metadata = last_of_each(collector.metadata, |(key, _)| key);
    for _ in metadata.len()..texts {
        extras.add(METADATA, || "a text whose key comes again, and counts for no reader".into());
    }
    let mut tensors = last_of_each(collector.tensors, |entry| &entry.name);
    tensors.sort_by_key(|entry| (entry.data, entry.number));
    check(&tensors, text, payload)?;
    Ok(Header { metadata, tensors, extras: extras.into_vec() })
}

impl Entry {
    /// How a fault names the tensor.
    pub(super) fn part(&self) -> String {
        part(&self.name)
    }

    /// Where in the file the header describes it, for a fault's sake.
    pub(super) fn offset(&self, text: &str) -> u64 {
        file_offset(json::locate(text, self.number))
    }

    /// Checks that it starts where the last one ended, and its length.
    fn check(&self, start: u64) -> Result<(), (String, String)> {
        let (first, end) = self.data;
        let found = || format!("data_offsets [{first}, {end}]");
        if first != start {
            return Err((format!("data_offsets from {start} on: tensors have no gaps or overlaps"), found()));
        }
        let length =
            end.checked_sub(first).ok_or_else(|| (String::from("an end after the start"), found()))?;
        let size = element::total_bits(self.dtype, &self.shape)
            .ok_or_else(|| (String::from("a size of less than 2^64 bits"), String::from("a larger shape")))?;
        if !size.is_multiple_of(8) {
            return Err((String::from("elements that fill whole bytes"), format!("{size} bits")));
        }
        let size = size / 8;
        if size != length {
            return Err((format!("{size} bytes for its dtype and shape"), format!("{length} bytes")));
        }
        Ok(())
    }
}

/// Checks that the tensors, in order, cover the payload.
fn check(tensors: &[Entry], text: &str, payload: u64) -> Result<(), Error> {
    let mut start = 0;
    for entry in tensors {
        entry.check(start).map_err(|(expected, found)| {
            Error::malformed(entry.offset(text), entry.part(), expected, found)
        })?;
        start = entry.data.1;
        if start > payload {
            let found = format!("{payload} bytes after the header");
            return Err(Error::truncated(
                entry.offset(text),
                entry.part(),
                format!("{start} bytes of tensors"),
                found,
            ));
        }
    }
    if start < payload {
        let end = file_offset(text.len()).saturating_add(start);
        let found = show::count(payload - start, "more ");
        return Err(Error::malformed(end, "file", "its end after the last tensor", found));
    }
    Ok(())
}

/// What was read of a header, and where the reading is.
#[derive(Debug)]
struct Collector {
    metadata: Vec<(String, String)>,
    tensors: Vec<Entry>,
    extras: Extras,
    /// The part that is being read.
    part: String,
    /// Keys read so far.
    keys: usize,
    /// Room for further texts and tensors.
    room: (u32, u32),
    /// Why the reading ended early.
    stop: Option<Stop>,
}

#[derive(Debug)]
enum Stop {
    Entries,
    UnknownDType { name: String, number: usize },
}

impl Collector {
    fn new(entries: u32) -> Self {
        Self {
            metadata: Vec::new(),
            tensors: Vec::new(),
            extras: Extras::default(),
            part: HEADER.into(),
            keys: 0,
            room: (entries, entries),
            stop: None,
        }
    }

    fn take_room(room: &mut u32, stop: &mut Option<Stop>) -> bool {
        match room.checked_sub(1) {
            Some(left) => *room = left,
            None => *stop = Some(Stop::Entries),
        }
        stop.is_none()
    }
}

impl Visit for Collector {
    fn key(&mut self, key: &str) -> bool {
        self.keys = self.keys.saturating_add(1);
        self.part = if key == METADATA { HEADER.into() } else { part(key) };
        true
    }

    fn tensor(&mut self, name: String, info: Info) -> bool {
        let number = self.keys.saturating_sub(1);
        match info.dtype {
            Err(name) => self.stop = Some(Stop::UnknownDType { name, number }),
            Ok(dtype) if Self::take_room(&mut self.room.1, &mut self.stop) => {
                let Info { shape, data_offsets: data, others, .. } = info;
                if others > 0 {
                    let fields = if others == 1 { "field" } else { "fields" };
                    let reason =
                        || format!("{others} {fields} of the header that no reader of the format knows");
                    self.extras.add(&name, reason);
                }
                self.tensors.push(Entry { name, dtype, shape, data, number });
                self.part = HEADER.into();
            }
            Ok(_) => {}
        }
        self.stop.is_none()
    }

    fn text(&mut self, key: String, value: String) -> bool {
        self.metadata.push((key, value));
        Self::take_room(&mut self.room.0, &mut self.stop)
    }
}

impl Stop {
    fn error(self, text: &str, part: &str, limits: &Limits) -> Error {
        match self {
            Self::Entries => Error::limit(LENGTH, "entries", limits.entries.into()),
            Self::UnknownDType { name, number } => {
                let offset = file_offset(json::locate(text, number));
                Error::unsupported(offset, part, "a dtype of safetensors 0.8", show::name(&name))
            }
        }
    }
}

fn part(name: &str) -> String {
    format!("tensor {}", show::name(name))
}

/// The items, in order, without those whose key comes again.
fn last_of_each<T>(items: Vec<T>, key: impl Fn(&T) -> &str) -> Vec<T> {
    let mut last = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        last.insert(key(item), index);
    }
    if last.len() == items.len() {
        return items;
    }
    let kept: BTreeSet<usize> = last.into_values().collect();
    items.into_iter().enumerate().filter(|(index, _)| kept.contains(index)).map(|(_, item)| item).collect()
}

fn file_offset(at: usize) -> u64 {
    LENGTH.saturating_add(at as u64)
}

const HEADER: &str = "header";
