//! Tensors' elements, from their storages into memory, in parallel.

use std::collections::{BTreeMap, HashMap};

use rayon::prelude::*;

use super::lazy::{is_resolvable, resolve};
use crate::payload::Stored;
use crate::payload::buffer::{Buffer, Pages};
use crate::payload::checksum::CHUNK;
use crate::payload::gather;
use crate::payload::layout::{extent, is_contiguous};
use crate::sandbox::bindings::types as wit;
use crate::state::{Content, Storage, Tensor};
use crate::{Error, Result};

/// A tensor whose payload is still in its file, and memory for its elements.
pub(super) struct Transfer<'t> {
    pub(super) tensor: Tensor<'static>,
    /// Of exactly the tensor's length.
    pub(super) out: &'t mut [u8],
}

/// Storages that are in memory already, by the [`id`](Storage::id) of the stored one.
pub(super) type Loaded = HashMap<usize, Storage<'static>>;

/// Whether the tensor's values can be told by their elements in its storage.
pub(super) fn is_readable(tensor: &Tensor<'_>) -> bool {
    let (view, bits) = (tensor.raw(), tensor.dtype().bits());
    let starts_whole = view.offset.checked_mul(bits).is_some_and(|bit| bit.is_multiple_of(8));
    starts_whole && (bits.is_multiple_of(8) || is_contiguous(view)) && is_resolvable(view)
}

/// Fills all memory, each with its tensor's elements in row-major order.
///
/// What is in memory is copied. With `verify`, a storage that has a checksum is read
/// whole, once, and verified. Otherwise only the bytes from a tensor's first element to its last are read.
pub(super) fn run(pages: &Pages, transfers: Vec<Transfer<'_>>, loaded: &Loaded, verify: bool) -> Result<()> {
    let mut by_storage: BTreeMap<usize, Vec<Transfer<'_>>> = BTreeMap::new();
    for transfer in transfers.into_iter().filter(|transfer| !transfer.out.is_empty()) {
        let storage = transfer.tensor.storage().map_or(0, Storage::id);
        by_storage.entry(storage).or_default().push(transfer);
    }
    let storages: Vec<Vec<Transfer<'_>>> = by_storage.into_values().collect();
    storages.into_par_iter().try_for_each(|transfers| from_storage(pages, transfers, loaded, verify))
}

/// All transfers from one storage.
fn from_storage(
    pages: &Pages,
    mut transfers: Vec<Transfer<'_>>,
    loaded: &Loaded,
    verify: bool,
) -> Result<()> {
    let storage = transfers.first().and_then(|transfer| transfer.tensor.storage().cloned());
    let storage = storage.ok_or_else(|| Error::Value("a meta tensor has no data".into()))?;
    let storage = loaded.get(&storage.id()).unwrap_or(&storage);
    match storage.content() {
        Content::Stored(part) if verify && part.checksum.is_some() => match transfers.as_mut_slice() {
            [only] if only.is_whole(part) => {
                part.load_into(only.out, true)?;
                only.resolve()
            }
            _ => {
                let loaded = storage.load(pages, true)?;
                let bytes = loaded.bytes()?;
                transfers.into_par_iter().try_for_each(|mut transfer| transfer.copy(bytes))
            }
        },
        Content::Stored(part) => {
            transfers.into_par_iter().try_for_each(|mut transfer| transfer.read(pages, part))
        }
        Content::Bytes(..) => {
            let bytes = storage.bytes()?;
            transfers.into_par_iter().try_for_each(|mut transfer| transfer.copy(bytes))
        }
    }
}

impl Transfer<'_> {
    /// Whether the payload is exactly the tensor's elements in row-major order.
    fn is_whole(&self, part: &Stored) -> bool {
        let view = self.tensor.raw();
        view.offset == 0 && is_contiguous(view) && part.length == self.out.len() as u64
    }

    /// Reads the part of the payload that the tensor looks into.
    fn read(&mut self, pages: &Pages, part: &Stored) -> Result<()> {
        let view = self.tensor.raw().clone();
        let (start, end) = span(&view, part).ok_or_else(|| self.misplaced())?;
        if is_contiguous(&view) && end - start == self.out.len() as u64 {
            part.part_into(start, self.out)?;
            return self.resolve();
        }
        let mut bytes = Buffer::new(pages, part.source.path(), end - start)?;
        part.part_into(start, bytes.as_mut())?;
        let skipped = start * 8 / view.dtype.bits();
        self.gather(&wit::Tensor { offset: view.offset - skipped, ..view }, bytes.as_ref())
    }

    /// Copies from the bytes of the whole storage.
    fn copy(&mut self, storage: &[u8]) -> Result<()> {
        self.gather(&self.tensor.raw().clone(), storage)
    }

    fn gather(&mut self, view: &wit::Tensor, bytes: &[u8]) -> Result<()> {
        gather::fill(view, bytes, self.out).ok_or_else(|| self.misplaced())?;
        self.resolve()
    }

    /// Makes values of what the storage holds.
    fn resolve(&mut self) -> Result<()> {
        if !self.tensor.is_lazy_view() {
            return Ok(());
        }
        let view = self.tensor.raw();
        let resolved =
            self.out.par_chunks_mut(CHUNK).map(|chunk| resolve(view, chunk)).collect::<Option<()>>();
        let reason = || Error::Value(format!("a negative view of {} elements has no values", view.dtype));
        resolved.ok_or_else(reason)
    }

    fn misplaced(&self) -> Error {
        Error::Value(format!(
            "a {} tensor of shape {:?} and stride {:?} cannot be read by its elements: ask for it whole",
            self.tensor.dtype(),
            self.tensor.shape(),
            self.tensor.stride()
        ))
    }
}

/// The bytes of a payload from the first element of a view to its last, led to the
/// ends of the numbers that have another byte order in the file. None if the view
/// does not begin with a whole byte.
fn span(view: &wit::Tensor, part: &Stored) -> Option<(u64, u64)> {
    let (bits, swap) = (view.dtype.bits(), u64::from(part.swap.max(1)));
    let first = view.offset.checked_mul(bits).filter(|bit| bit.is_multiple_of(8))? / 8;
    let end = extent(view)?.checked_next_multiple_of(swap)?.min(part.length);
    let start = first - first % swap;
    // What precedes the view in the span must be whole elements.
    let start = if (start * 8).is_multiple_of(bits) { start } else { 0 };
    (start <= end).then_some((start, end))
}
