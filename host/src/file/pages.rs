//! What crosses to the component and back: bytes of a file in calls of bounded size, and its answers
//! in pages.

use std::path::Path;

use crate::file::weigh::Weigh;
use crate::sandbox::bindings::reader::Chunk;
use crate::sandbox::bindings::types::Range;
use crate::sandbox::instance::Instance;
use crate::store::Source;
use crate::{Error, Result};

/// How much was brought to the component. Each round brings something new, so an
/// honest one ends long before the end of this.
pub(crate) struct Brought {
    left: u64,
}

impl Brought {
    /// Room for each byte of `source` so many times, and a little more.
    pub(crate) fn new(source: &dyn Source, times: u64) -> Self {
        Self { left: source.length().saturating_mul(times).saturating_add(SLACK) }
    }

    pub(crate) fn count(&mut self, path: &Path, chunks: &[Chunk]) -> Result<()> {
        let bytes = chunks.iter().map(|chunk| chunk.bytes.len() as u64).sum::<u64>();
        let left = self.left.checked_sub(bytes).filter(|_| bytes > 0);
        let again = || Error::untrue(path, "it asks for the same bytes again and again");
        self.left = left.ok_or_else(again)?;
        Ok(())
    }
}

/// Reads what was asked for, as much of it as one call should carry.
pub(crate) fn fetch(source: &dyn Source, ranges: &[Range]) -> Result<Vec<Chunk>> {
    let mut room = CALL_BYTES;
    let mut chunks = Vec::new();
    for range in ranges {
        let length = range.length.min(room);
        if length == 0 && range.length > 0 {
            break;
        }
        room -= length;
        // No more than CALL_BYTES, which fits.
        let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
        source.read_at(range.offset, &mut bytes)?;
        chunks.push(Chunk { offset: range.offset, bytes });
    }
    Ok(chunks)
}

/// Pages a list of `total` items out.
pub(crate) fn pages<T: Weigh>(
    instance: &mut Instance,
    total: u32,
    mut page: impl FnMut(&mut Instance, u32, u32) -> Result<Vec<T>>,
) -> Result<Vec<T>> {
    let mut items = Vec::new();
    loop {
        let have = u32::try_from(items.len()).unwrap_or(u32::MAX);
        let count = total.saturating_sub(have).min(PAGE);
        if count == 0 {
            return Ok(items);
        }
        let next = page(instance, have, count)?;
        if next.is_empty() || next.len() > count as usize {
            let what = format!("a page of {} where 1 to {count} were due", next.len());
            return Err(Error::untrue(instance.path(), what));
        }
        instance.answered(next.iter().map(Weigh::weight).sum())?;
        items.extend(next);
    }
}

/// Items in one call: more would exceed what wasmtime lets a call copy.
pub(crate) const PAGE: u32 = 1 << 16;

/// Bytes brought in one call.
const CALL_BYTES: u64 = 8 << 20;

/// Bytes that may be fetched beyond that.
const SLACK: u64 = 1 << 20;
