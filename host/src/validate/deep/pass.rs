use rayon::prelude::*;

use super::float::Special;
use super::interval::Intervals;
use super::sum;
use crate::Result;
use crate::file::read::reverse;
use crate::payload::Stored;
use crate::payload::checksum::{self, BLOCK, CHUNK, Hasher};

/// What one pass over a payload found.
pub(super) struct Passed {
    /// The checksum of its bytes as they lie in the file.
    pub(super) crc32: u32,
    /// What is special in the intervals of each [`Intervals`] over it, in their order.
    pub(super) counts: Vec<Vec<Special>>,
}

/// What one block gave.
struct Block {
    part: usize,
    hasher: Hasher,
    /// Which intervals, of those, and what is in them.
    found: Vec<(usize, usize, Special)>,
}

/// Reads each payload once, with all cores, and hashes and counts each chunk while
/// it is in cache. `intervals` are in the order of their storages.
pub(super) fn run(parts: &[Stored], intervals: &[Intervals]) -> Result<Vec<Passed>> {
    let blocks: Vec<(usize, u64)> = parts
        .iter()
        .enumerate()
        .flat_map(|(part, stored)| (0..stored.length.div_ceil(BLOCK as u64)).map(move |block| (part, block)))
        .collect();
    let over = |part: usize| {
        let start = intervals.partition_point(|intervals| intervals.storage < part);
        let end = intervals.partition_point(|intervals| intervals.storage <= part);
        intervals.get(start..end).unwrap_or_default()
    };
    let mut passed: Vec<Passed> = (0..parts.len())
        .map(|part| {
            let counts =
                over(part).iter().map(|intervals| vec![Special::default(); intervals.len()]).collect();
            Passed { crc32: 0, counts }
        })
        .collect();
    let done: Vec<Block> = blocks
        .into_par_iter()
        .map_init(Vec::new, |buffer, (part, block)| {
            let stored =
                parts.get(part).ok_or_else(|| crate::Error::Value("a block of no payload".into()))?;
            block_of(stored, part, block, over(part), buffer)
        })
        .collect::<Result<_>>()?;
    let mut hashers: Vec<Hasher> = parts.iter().map(|_| Hasher::new()).collect();
    for Block { part, hasher, found } in done {
        if let Some(whole) = hashers.get_mut(part) {
            whole.combine(&hasher);
        }
        for (intervals, index, special) in found {
            let count =
                passed.get_mut(part).and_then(|passed| passed.counts.get_mut(intervals)?.get_mut(index));
            if let Some(count) = count {
                *count = sum(*count, special);
            }
        }
    }
    for (passed, hasher) in passed.iter_mut().zip(hashers) {
        passed.crc32 = checksum::combine([hasher]);
    }
    Ok(passed)
}

fn block_of(
    stored: &Stored,
    part: usize,
    block: u64,
    intervals: &[Intervals],
    buffer: &mut Vec<u8>,
) -> Result<Block> {
    let mut done = Block { part, hasher: Hasher::new(), found: Vec::new() };
    let mut at = block * BLOCK as u64;
    let end = stored.length.min(at + BLOCK as u64);
    while at < end {
        let length = usize::try_from(end - at).unwrap_or(usize::MAX).min(CHUNK);
        buffer.resize(length, 0);
        stored.source.read_at(stored.offset + at, buffer)?;
        for piece in buffer.chunks_mut(PIECE) {
            if stored.checksum.is_some() {
                done.hasher.update(piece);
            }
            if !intervals.is_empty() {
                reverse(piece, stored.swap);
            }
            for (which, intervals) in intervals.iter().enumerate() {
                intervals.count(at, piece, |index, special| done.found.push((which, index, special)));
            }
            at += piece.len() as u64;
        }
    }
    Ok(done)
}

/// What is hashed and then counted: it is in a core's first cache the second time.
/// A multiple of any element's width.
const PIECE: usize = 32 << 10;
