//! Writing: payloads in parallel, each byte touched once.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::error::Unfit;
use crate::file::carry::{self, Carried};
use crate::file::drive;
use crate::file::protected;
use crate::file::readback::{self, ReadBack};
use crate::payload::checksum::CHUNK;
use crate::sandbox::bindings::writer as wit;
use crate::state::StateDict;
use crate::store::{Local, Sink, Store};
use crate::{Engine, Error, Result};

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
    /// `.safetensors`, in any case. None for any other.
    pub fn for_path(path: &Path) -> Option<Self> {
        let format = match &*path.extension()?.to_str()?.to_ascii_lowercase() {
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
    /// What the tensors in a safetensors file are no more.
    pub flattened: Flattened,
}

/// What a safetensors file does not keep of tensors that are in it: it holds their names,
/// dtypes, shapes and elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Flattened {
    /// Tensors that were parameters.
    pub parameters: usize,
    /// Tensors, parameters among them, that autograd recorded operations on.
    pub requires_grad: usize,
    /// Tensors that had elements in common with one before them, and now have copies.
    pub tied: usize,
    /// Storages with elements that no tensor shows: those are not in it.
    pub partly_shown: usize,
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
    let create = |length| {
        let sink = store.create(path, length)?;
        // A link may lead elsewhere by now.
        protected::outside_checkpoints(store, sink.place())?;
        protected::apart_from_sources(store, sink.place(), state)?;
        Ok(sink)
    };
    write(engine, path, state, options, false, create).map(|(written, _)| written)
}

/// What [`save_with`] would leave out, or the error about what does not fit. Nothing is
/// written.
pub fn left_out(
    engine: &Engine,
    path: &Path,
    state: &StateDict<'_>,
    options: &WriteOptions,
) -> Result<Vec<Unfit>> {
    let writing = drive::plan(engine, path, state, &contract(path, state, options))?;
    Ok(writing.plan.left_out.into_iter().map(Unfit::from).collect())
}

/// Plans, writes and seals the file `path` into the sink that `create` makes. Before it
/// is finished, what it will be is read again, which is answered too, with digests of the
/// payloads if they are asked for.
pub(crate) fn write(
    engine: &Engine,
    path: &Path,
    state: &StateDict<'_>,
    options: &WriteOptions,
    digests: bool,
    create: impl FnOnce(u64) -> Result<Box<dyn Sink>>,
) -> Result<(Written, ReadBack)> {
    let mut writing = drive::plan(engine, path, state, &contract(path, state, options))?;
    let sink = create(writing.plan.length)?;
    let carried = carry::carry(&*sink, state, &writing.slots, writing.plan.seal, digests);
    // Of a file that somebody writes to, no checksum says what is wrong with it.
    let carried = carried.map_err(|error| state.unchanged().err().unwrap_or(state.naming_tensors(error)))?;
    let checksums: Vec<wit::Checksum> = carried.iter().map(|carried| carried.checksum).collect();
    writing.seal(state, &checksums)?;
    let layout = writing.into_layout();
    let (read_back, rest) = rayon::join(
        || readback::read_back(engine, path, state, options, &layout, &checksums),
        || rest(&*sink, &layout, &carried),
    );
    let mut read_back = read_back?;
    read_back.digests = digests.then(|| read_back.in_order(&layout.slots, &carried));
    rest?;
    state.confirmed()?;
    let (length, left_out) = (layout.plan.length, layout.plan.left_out);
    sink.finish(options.durable)?;
    let left_out = left_out.into_iter().map(Unfit::from).collect();
    Ok((Written { length, left_out, flattened: read_back.flattened }, read_back))
}

fn contract(path: &Path, state: &StateDict<'_>, options: &WriteOptions) -> wit::WriteOptions {
    match &options.format {
        WriteFormat::Torch(TorchOptions { alignment, checksums, file_name }) => {
            // Without what may follow the name: `model.pt/` has one, too.
            let plain: PathBuf = path.components().collect();
            let own = || plain.file_name().map(|_| plain.to_string_lossy().into_owned());
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

/// Writes all segments, and with them the small payloads between: neighbours are
/// put together, so that a file of many small tensors is not as many writes.
fn rest(sink: &dyn Sink, layout: &drive::Layout, carried: &[Carried]) -> Result<()> {
    let segments =
        layout.segments.iter().map(|segment| Piece { offset: segment.offset, bytes: &segment.bytes });
    let kept = layout.slots.iter().zip(carried);
    let kept = kept.map(|(slot, carried)| Piece { offset: slot.offset, bytes: &carried.kept });
    let mut pieces: Vec<Piece<'_>> = segments.chain(kept).filter(|piece| !piece.bytes.is_empty()).collect();
    pieces.sort_by_key(|piece| piece.offset);
    let together = |a: &Piece<'_>, b: &Piece<'_>| {
        a.end() == b.offset && a.offset / CHUNK as u64 == b.offset / CHUNK as u64
    };
    let runs: Vec<&[Piece<'_>]> = pieces.chunk_by(together).collect();
    runs.into_par_iter().try_for_each_init(Vec::new, |buffer, run| {
        buffer.clear();
        run.iter().for_each(|piece| buffer.extend_from_slice(piece.bytes));
        run.first().map_or(Ok(()), |first| sink.write_at(first.offset, buffer))
    })
}

/// Bytes that wait in memory, and where they go.
struct Piece<'p> {
    offset: u64,
    bytes: &'p [u8],
}

impl Piece<'_> {
    fn end(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }
}
