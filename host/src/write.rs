//! Writing: payloads in parallel, each byte touched once.

use std::collections::BTreeSet;
use std::path::Path;

use rayon::prelude::*;

use crate::bindings::types::Tensor;
use crate::bindings::writer::{self as wit, Checksum, Slot, Source as Fill};
use crate::checksum::{self, BLOCK, CHUNK, Hasher};
use crate::drive::{self, Writing};
use crate::error::Unfit;
use crate::state::{Content, StateDict, Storage, Stored, is_contiguous};
use crate::store::{Local, Sink, Store};
use crate::{Engine, Error, Result, gather, protected};

/// What to write, and how.
#[derive(Clone, Debug)]
pub struct WriteOptions {
    /// The format and its options.
    pub format: WriteFormat,
    /// Whether the file survives a power cut once the write has returned.
    pub durable: bool,
}

/// A format that can be written.
#[derive(Clone, Debug)]
pub enum WriteFormat {
    /// The zip archive of `torch.save`, byte for byte.
    Torch(TorchOptions),
    /// safetensors, byte for byte as its own serializer.
    Safetensors(SafetensorsOptions),
}

/// Options of `torch.save`.
#[derive(Clone, Debug)]
pub struct TorchOptions {
    /// Payloads start at multiples of this.
    pub alignment: u32,
    /// Whether the archive has checksums.
    pub checksums: bool,
    /// The file name that torch would be given, after which it calls the archive
    /// in the file: `model.pt` has the archive `model`. By default that
    /// of the file, as `torch.save` does.
    pub file_name: Option<String>,
}

/// Options of the safetensors writer.
#[derive(Clone, Debug, Default)]
pub struct SafetensorsOptions {
    /// Leave out what the format cannot hold, and write tied tensors out in
    /// full, where it would be an error otherwise.
    pub tensors_only: bool,
}

impl Default for TorchOptions {
    fn default() -> Self {
        Self { alignment: 64, checksums: true, file_name: None }
    }
}

impl WriteOptions {
    /// The format that a file's extension stands for: `.pt .pth .bin .ckpt` and
    /// `.safetensors`. None for any other.
    pub fn for_path(path: &Path) -> Option<Self> {
        let format = match path.extension()?.to_str()? {
            "pt" | "pth" | "bin" | "ckpt" => WriteFormat::Torch(TorchOptions::default()),
            "safetensors" => WriteFormat::Safetensors(SafetensorsOptions::default()),
            _ => return None,
        };
        Some(Self { format, durable: true })
    }
}

/// What a write did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Bytes of the file.
    pub length: u64,
    /// What was left out, as asked by `tensors_only`.
    pub left_out: Vec<Unfit>,
}

/// Saves a state dict under `path`, in the format of its extension.
///
/// The file appears whole or not at all, and is durable when this returns. It is not
/// written into a committed checkpoint.
pub fn save(path: impl AsRef<Path>, state: &StateDict<'_>) -> Result<Written> {
    let path = path.as_ref();
    let options = WriteOptions::for_path(path).ok_or_else(|| {
        Error::Value(format!(
            "{}: the format is told by the extension, which should be .pt, .pth, .bin, .ckpt or .safetensors",
            path.display()
        ))
    })?;
    save_with(Engine::shared()?, &Local, path, state, &options)
}

/// The same, with an engine, a store and options of one's own.
pub fn save_with(
    engine: &Engine,
    store: &dyn Store,
    path: &Path,
    state: &StateDict<'_>,
    options: &WriteOptions,
) -> Result<Written> {
    protected::outside_checkpoints(store, path)?;
    protected::apart_from_sources(store, path, state)?;
    write(engine, path, state, options, |length| store.create(path, length))
}

/// Plans, writes and seals the file `path` into the sink that `create` makes.
pub(crate) fn write(
    engine: &Engine,
    path: &Path,
    state: &StateDict<'_>,
    options: &WriteOptions,
    create: impl FnOnce(u64) -> Result<Box<dyn Sink>>,
) -> Result<Written> {
    let mut writing = drive::plan(engine, path, state, &contract(path, state, options))?;
    let sink = create(writing.plan.length)?;
    let checksums = payloads(&*sink, state, &writing).map_err(|error| state.naming_tensors(error))?;
    writing.seal(state, &checksums)?;
    rest(&*sink, state, &writing)?;
    let (length, left_out) = (writing.plan.length, std::mem::take(&mut writing.plan.left_out));
    sink.finish(options.durable)?;
    Ok(Written { length, left_out: left_out.into_iter().map(Unfit::from).collect() })
}

fn contract(path: &Path, state: &StateDict<'_>, options: &WriteOptions) -> wit::WriteOptions {
    match &options.format {
        WriteFormat::Torch(TorchOptions { alignment, checksums, file_name }) => {
            let own = || path.file_name().map(|name| name.to_string_lossy().into_owned());
            // A path in bytes that are no UTF-8 is non-ASCII, which torch calls `archive`.
            wit::WriteOptions::TorchZip(wit::TorchOptions {
                file_name: file_name.clone().or_else(own),
                alignment: *alignment,
                checksums: *checksums,
            })
        }
        WriteFormat::Safetensors(SafetensorsOptions { tensors_only }) => {
            wit::WriteOptions::Safetensors(wit::SafetensorsOptions {
                metadata: state.metadata().to_vec(),
                tensors_only: *tensors_only,
            })
        }
    }
}

/// Writes all large payloads and computes the checksums of all: each chunk is
/// hashed and written while it is in cache. A payload that comes from a file with
/// a checksum is held against it: damage must not get a right checksum elsewhere.
fn payloads(sink: &dyn Sink, state: &StateDict<'_>, writing: &Writing) -> Result<Vec<Checksum>> {
    verify_apart(state, &writing.slots)?;
    let seal = writing.plan.seal;
    let slot = |slot: &Slot| {
        let stored = whole_stored(slot, state);
        let hash = seal || stored.is_some();
        if !hash && is_small(slot) {
            return Ok(Checksum { crc32: 0, head: 0 });
        }
        let payload = Payload::of(slot, state)?;
        let blocks = slot.length.div_ceil(BLOCK as u64);
        let block = |buffer: &mut Vec<u8>, index: u64| {
            let mut hasher = Hasher::new();
            let start = index * BLOCK as u64;
            let end = slot.length.min(start + BLOCK as u64);
            payload.chunks(start, end, buffer, |at, chunk| {
                if hash {
                    hasher.update(chunk);
                }
                if is_small(slot) { Ok(()) } else { sink.write_at(slot.offset + at, chunk) }
            })?;
            Ok(hasher)
        };
        let hashers: Vec<Hasher> =
            (0..blocks).into_par_iter().map_init(Vec::new, block).collect::<Result<_>>()?;
        let crc32 = checksum::combine(hashers);
        if let Some(stored) = stored {
            stored.matches(crc32)?;
        }
        let mut head = [0; 8];
        if seal {
            let length = usize::try_from(slot.length).unwrap_or(8).min(8);
            payload.read_at(0, &mut head[..length])?;
        }
        Ok(Checksum { crc32, head: u64::from_le_bytes(head) })
    };
    writing.slots.par_iter().map(slot).collect()
}

/// The payload in its file that fills a slot as it is, if it has a checksum.
fn whole_stored<'p>(slot: &Slot, state: &'p StateDict<'_>) -> Option<&'p Stored> {
    let Fill::Storage(id) = slot.source else { return None };
    stored(state, id).filter(|stored| stored.swap == 1)
}

/// Verifies the payloads that go out in parts or in another byte order, whose
/// checksum the way out does not show.
fn verify_apart(state: &StateDict<'_>, slots: &[Slot]) -> Result<()> {
    let apart = slots.iter().filter(|slot| whole_stored(slot, state).is_none());
    let ids: BTreeSet<u32> = apart
        .filter_map(|slot| match &slot.source {
            Fill::Storage(id) => Some(*id),
            Fill::Tensor(tensor) => tensor.storage,
        })
        .collect();
    ids.into_par_iter().filter_map(|id| stored(state, id)).try_for_each(Stored::verify)
}

fn stored<'p>(state: &'p StateDict<'_>, id: u32) -> Option<&'p Stored> {
    match state.storages().get(id as usize)?.content() {
        Content::Stored(stored) => stored.checksum.is_some().then_some(stored),
        Content::Bytes(..) => None,
    }
}

/// Writes all segments, and with them the small payloads between: neighbours are
/// put together, so that a file of many small tensors is not as many writes.
fn rest(sink: &dyn Sink, state: &StateDict<'_>, writing: &Writing) -> Result<()> {
    let small = writing.slots.iter().filter(|slot| is_small(slot)).map(Piece::Slot);
    let mut pieces: Vec<Piece<'_>> = writing.segments.iter().map(Piece::Segment).chain(small).collect();
    pieces.sort_by_key(Piece::offset);
    let together = |a: &Piece<'_>, b: &Piece<'_>| {
        a.offset() + a.length() == b.offset() && a.offset() / CHUNK as u64 == b.offset() / CHUNK as u64
    };
    let runs: Vec<&[Piece<'_>]> = pieces.chunk_by(together).collect();
    runs.into_par_iter().try_for_each_init(Vec::new, |buffer, run| {
        buffer.clear();
        for piece in run {
            match piece {
                Piece::Segment(segment) => buffer.extend_from_slice(&segment.bytes),
                Piece::Slot(slot) => {
                    let start = buffer.len();
                    buffer.resize(start + usize::try_from(slot.length).unwrap_or(CHUNK), 0);
                    Payload::of(slot, state)?.read_at(0, &mut buffer[start..])?;
                }
            }
        }
        match run.first() {
            Some(first) if !buffer.is_empty() => sink.write_at(first.offset(), buffer),
            _ => Ok(()),
        }
    })
}

/// Whether a payload goes out with its neighbours rather than by itself.
fn is_small(slot: &Slot) -> bool {
    slot.length < SMALL
}

const SMALL: u64 = 256 << 10;

enum Piece<'p> {
    Segment(&'p wit::Segment),
    Slot(&'p Slot),
}

impl Piece<'_> {
    fn offset(&self) -> u64 {
        match self {
            Self::Segment(segment) => segment.offset,
            Self::Slot(slot) => slot.offset,
        }
    }

    fn length(&self) -> u64 {
        match self {
            Self::Segment(segment) => segment.bytes.len() as u64,
            Self::Slot(slot) => slot.length,
        }
    }
}

/// What fills a slot.
enum Payload<'p> {
    /// Bytes in order, in a storage from an offset on.
    Part(&'p Storage<'p>, u64),
    /// Elements to be brought into order: a view of all bytes of a storage.
    Strided(&'p Tensor, Storage<'p>),
}

impl<'p> Payload<'p> {
    fn of(slot: &'p Slot, state: &'p StateDict<'p>) -> Result<Self> {
        let storage = |id: u32| state.storages().get(id as usize);
        let part = match &slot.source {
            Fill::Storage(id) => storage(*id).map(|storage| Self::Part(storage, 0)),
            Fill::Tensor(tensor) => {
                let Some(storage) = tensor.storage.and_then(storage) else {
                    return Err(Error::Value("a meta tensor has no data".into()));
                };
                if slot.length == 0 {
                    Some(Self::Part(storage, 0))
                } else if is_contiguous(tensor) {
                    tensor.dtype.bytes(tensor.offset).map(|start| Self::Part(storage, start))
                } else {
                    Some(Self::Strided(tensor, storage.in_memory()?))
                }
            }
        };
        part.ok_or_else(|| Error::Value("a payload does not lie in its storage".into()))
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        if buffer.is_empty() {
            return Ok(());
        }
        match self {
            Self::Part(storage, start) => storage.read_at(start + offset, buffer),
            Self::Strided(tensor, storage) => gather::part(tensor, storage.bytes()?, offset, buffer)
                .ok_or_else(|| Error::Value("a tensor does not lie in its storage".into())),
        }
    }

    /// Hands the bytes from `start` to `end` on, a chunk at a time, without a
    /// copy where they are in memory.
    fn chunks(
        &self,
        start: u64,
        end: u64,
        buffer: &mut Vec<u8>,
        mut chunk: impl FnMut(u64, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let memory = match self {
            Self::Strided(..) => None,
            Self::Part(storage, first) => storage.bytes().ok().map(|bytes| (bytes, *first)),
        };
        let mut at = start;
        while at < end {
            let length = usize::try_from(end - at).unwrap_or(CHUNK).min(CHUNK);
            match memory {
                Some((bytes, first)) => {
                    let from = usize::try_from(first + at).unwrap_or(usize::MAX);
                    let range = bytes.get(from..).and_then(|rest| rest.get(..length));
                    chunk(at, range.ok_or_else(|| Error::Value("a payload is shorter than said".into()))?)?;
                }
                None => {
                    buffer.resize(length, 0);
                    self.read_at(at, buffer)?;
                    chunk(at, buffer)?;
                }
            }
            at += length as u64;
        }
        Ok(())
    }
}
