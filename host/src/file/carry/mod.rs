//! Payloads on their way into a file.
//!
//! A chunk is brought once, into a buffer of our own. That buffer is what is hashed and
//! what is written, so that a checksum is always the one of the bytes that it stands for,
//! whoever writes to their source meanwhile.

mod span;

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::file::read::reverse;
use crate::payload::Stored;
use crate::payload::checksum::{BLOCK, CHUNK, Hasher};
use crate::payload::digest;
use crate::payload::gather;
use crate::payload::layout::is_contiguous;
use crate::sandbox::bindings::types::Tensor;
use crate::sandbox::bindings::writer::{Checksum, Slot, Source as Fill};
use crate::state::{Content, StateDict, Storage};
use crate::store::Sink;
use crate::{Error, Result};
use span::Span;

/// What has become of a payload.
pub(crate) struct Carried {
    /// Computed where it was asked for.
    pub(crate) checksum: Checksum,
    /// Its digest, if it was asked for.
    pub(crate) digest: Option<String>,
    /// The bytes of a small one, which are still to be written; empty for others.
    pub(crate) kept: Vec<u8>,
}

/// Carries the payloads of all slots to `sink`, and computes their checksums if `hash`
/// says so: answers for each slot what has become of it.
///
/// A payload that comes from a file with a checksum is held against it, all of it, even
/// if only parts go out: damage must not get a right checksum elsewhere.
pub(crate) fn carry(
    sink: &dyn Sink,
    state: &StateDict<'_>,
    slots: &[Slot],
    hash: bool,
    digests: bool,
) -> Result<Vec<Carried>> {
    let mut by_storage: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (index, slot) in slots.iter().enumerate() {
        by_storage.entry(storage_of(slot)?).or_default().push(index);
    }
    let carrier = Carrier { sink, state, slots, kept: small(slots), hash, digests };
    // One after another that of which much may have to be in memory.
    let (held, streamed): (Vec<_>, Vec<_>) =
        by_storage.into_iter().partition(|(id, slots)| carrier.is_held(*id, slots));
    let mut carried =
        held.into_iter().map(|(id, slots)| carrier.carry_storage(id, &slots)).collect::<Result<Vec<_>>>()?;
    let streamed = streamed.into_par_iter().map(|(id, slots)| carrier.carry_storage(id, &slots));
    carried.append(&mut streamed.collect::<Result<Vec<_>>>()?);
    let mut carried: Vec<(usize, Carried)> = carried.into_iter().flatten().collect();
    carried.sort_unstable_by_key(|(index, _)| *index);
    Ok(carried.into_iter().map(|(_, carried)| carried).collect())
}

/// Which payloads wait in memory, to be written with what lies around them: so that a
/// file of many small tensors is not as many writes.
fn small(slots: &[Slot]) -> Vec<bool> {
    let mut order: Vec<usize> = (0..slots.len()).filter(|&index| slots[index].length < SMALL).collect();
    order.sort_unstable_by_key(|&index| slots[index].length);
    let mut small = vec![false; slots.len()];
    let mut room = KEPT;
    for index in order {
        let Some(left) = room.checked_sub(slots[index].length) else { break };
        room = left;
        small[index] = true;
    }
    small
}

/// Bytes of a payload that goes out by itself.
const SMALL: u64 = 256 << 10;

/// Bytes that wait in memory in all.
const KEPT: u64 = 32 << 20;

/// The storage that a slot is filled from.
fn storage_of(slot: &Slot) -> Result<u32> {
    let storage = match &slot.source {
        Fill::Storage(id) => Some(*id),
        Fill::Tensor(tensor) => tensor.storage,
    };
    storage.ok_or_else(|| Error::Value("a meta tensor has no data".into()))
}

struct Carrier<'c> {
    sink: &'c dyn Sink,
    state: &'c StateDict<'c>,
    slots: &'c [Slot],
    /// Which slots are [`small`].
    kept: Vec<bool>,
    hash: bool,
    digests: bool,
}

/// The bytes of a slot in those of its storage.
enum Place<'p> {
    /// In order, from an offset on.
    From(u64),
    /// Elements to be brought into order.
    Strided(&'p Tensor),
}

/// A slot that takes the bytes of something from `start` to `end`.
struct Taker {
    slot: usize,
    start: u64,
    end: u64,
}

/// A slot's share of some consecutive bytes.
#[derive(Default)]
struct Share {
    hasher: Hasher,
    /// One for each block, where digests are asked for.
    digests: Vec<blake3::Hasher>,
    head: u64,
    kept: Vec<u8>,
}

/// Bytes that can be brought from any place on, and what is to be known of them.
struct Origin<'o> {
    length: u64,
    /// Fills a buffer from an offset on.
    bring: &'o (dyn Fn(u64, &mut [u8]) -> Result<()> + Sync),
    /// The payload in a file that it is.
    stored: Option<&'o Stored>,
}

impl Carrier<'_> {
    /// Whether a part of the storage has to be in memory: its file has it in one order, and it
    /// goes out in another.
    fn is_held(&self, id: u32, slots: &[usize]) -> bool {
        let stored = |storage: &Storage<'_>| matches!(storage.content(), Content::Stored(_));
        let strided = |&slot: &usize| matches!(place(&self.slots[slot]), Ok(Place::Strided(_)));
        self.state.storages().get(id as usize).is_some_and(stored) && slots.iter().any(strided)
    }

    /// All slots that are filled from one storage.
    fn carry_storage(&self, id: u32, slots: &[usize]) -> Result<Vec<(usize, Carried)>> {
        let storage = self.state.storages().get(id as usize).ok_or_else(misplaced)?;
        match storage.content() {
            Content::Stored(stored) => self.carry_file(stored, slots),
            Content::Bytes(..) => {
                let bytes = storage.bytes()?;
                let carried =
                    slots.par_iter().map(|&slot| self.carry_memory(bytes, slot, place(&self.slots[slot])?));
                Ok(carried.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
            }
        }
    }

    /// Reads a payload through, in order, and hands each slot its part on the way. What strided
    /// views look at is kept for afterwards.
    fn carry_file(&self, stored: &Stored, slots: &[usize]) -> Result<Vec<(usize, Carried)>> {
        let (mut takers, mut views) = (Vec::new(), Vec::new());
        for &slot in slots {
            match place(&self.slots[slot])? {
                Place::From(start) => takers.push(self.taker(slot, start)?),
                Place::Strided(view) => views.push((slot, view)),
            }
        }
        let all: Vec<&Tensor> = views.iter().map(|&(_, view)| view).collect();
        let span = if all.is_empty() { None } else { Some(Span::of(&all, stored.length)?) };
        let bring = |at, buffer: &mut [u8]| {
            stored.read_at(at, buffer)?;
            span.as_ref().map_or(Ok(()), |span| span.keep(at, buffer, stored.swap))
        };
        let origin = Origin { length: stored.length, bring: &bring, stored: Some(stored) };
        let mut carried = self.hand_out(&origin, &takers)?;
        let Some((start, bytes)) = span.map(Span::into_parts) else { return Ok(carried) };
        for (slot, view) in views {
            let view = span::shifted(view, start).ok_or_else(misplaced)?;
            carried.append(&mut self.carry_memory(&bytes, slot, Place::Strided(&view))?);
        }
        Ok(carried)
    }

    /// Copies what one slot takes of a storage that is in memory, which others may write
    /// to: they may be training.
    fn carry_memory(&self, bytes: &[u8], slot: usize, place: Place<'_>) -> Result<Vec<(usize, Carried)>> {
        let bring = |at: u64, buffer: &mut [u8]| match place {
            Place::From(start) => {
                let start = start.checked_add(at).and_then(|start| usize::try_from(start).ok());
                let range = start.and_then(|start| Some(start..start.checked_add(buffer.len())?));
                buffer.copy_from_slice(range.and_then(|range| bytes.get(range)).ok_or_else(misplaced)?);
                Ok(())
            }
            Place::Strided(tensor) => gather::part(tensor, bytes, at, buffer).ok_or_else(misplaced),
        };
        let origin = Origin { length: self.slots[slot].length, bring: &bring, stored: None };
        self.hand_out(&origin, &[self.taker(slot, 0)?])
    }

    fn taker(&self, slot: usize, start: u64) -> Result<Taker> {
        let end = start.checked_add(self.slots[slot].length).ok_or_else(misplaced)?;
        Ok(Taker { slot, start, end })
    }

    /// Brings all of `origin`, with all cores, and hands each taker its part.
    fn hand_out(&self, origin: &Origin<'_>, takers: &[Taker]) -> Result<Vec<(usize, Carried)>> {
        if takers.iter().any(|taker| taker.end > origin.length) {
            return Err(misplaced());
        }
        let checked = origin.stored.filter(|stored| stored.checksum.is_some());
        // Who takes all of it as it is has its checksum.
        let as_it_is = origin.stored.is_none_or(|stored| stored.swap <= 1);
        let takes_all = |taker: &Taker| as_it_is && (taker.start, taker.end) == (0, origin.length);
        let whole = checked.and_then(|_| takers.iter().position(takes_all));
        // Which takers are in which block: as many pairs as there is to write.
        let mut due: Vec<(u64, usize)> = Vec::new();
        for (index, taker) in takers.iter().enumerate() {
            let blocks = taker.start / BLOCK as u64..taker.end.div_ceil(BLOCK as u64);
            due.extend(blocks.map(|block| (block, index)));
        }
        due.sort_unstable();
        let block = |buffer: &mut Vec<u8>, block: u64| {
            let due =
                &due[due.partition_point(|due| due.0 < block)..due.partition_point(|due| due.0 <= block)];
            let mut shares: Vec<(usize, Share)> =
                due.iter().map(|&(_, taker)| (taker, self.share(block * BLOCK as u64))).collect();
            let mut raw = Hasher::new();
            let start = block * BLOCK as u64;
            let end = origin.length.min(start + BLOCK as u64);
            for at in (start..end).step_by(CHUNK) {
                let length = (end - at).min(CHUNK as u64);
                // At most a chunk.
                buffer.resize(usize::try_from(length).unwrap_or(CHUNK), 0);
                (origin.bring)(at, buffer)?;
                if checked.is_some() && whole.is_none() {
                    raw.update(buffer);
                }
                reverse(buffer, origin.stored.map_or(1, |stored| stored.swap));
                for (index, share) in &mut shares {
                    let hash = self.hash || whole == Some(*index);
                    self.hand(&takers[*index], hash, share, at, buffer)?;
                }
            }
            Ok((raw, shares))
        };
        let blocks = 0..origin.length.div_ceil(BLOCK as u64);
        let blocks = blocks.into_par_iter().map_init(Vec::new, block).collect::<Result<Vec<_>>>()?;
        let mut raw = Hasher::new();
        let mut whole_shares: Vec<Option<Share>> = takers.iter().map(|_| None).collect();
        for (hasher, shares) in blocks {
            raw.combine(&hasher);
            for (index, mut share) in shares {
                match &mut whole_shares[index] {
                    Some(before) => {
                        before.hasher.combine(&share.hasher);
                        before.digests.append(&mut share.digests);
                        before.head |= share.head;
                        before.kept.append(&mut share.kept);
                    }
                    none => *none = Some(share),
                }
            }
        }
        let carried = takers.iter().zip(whole_shares).map(|(taker, share)| {
            let Share { hasher, digests, head, kept } = share.unwrap_or_default();
            let length = taker.end - taker.start;
            let digest = self.digests.then(|| digest::of_blocks(&digests, BLOCK as u64, length));
            (taker.slot, Carried { checksum: Checksum { crc32: hasher.finalize(), head }, digest, kept })
        });
        let carried: Vec<(usize, Carried)> = carried.collect();
        if let Some(stored) = checked {
            stored.matches(whole.map_or_else(|| raw.finalize(), |index| carried[index].1.checksum.crc32))?;
        }
        Ok(carried)
    }

    /// What a taker gets of the block that starts at `offset`. Digests are of payloads that
    /// start where their storage does, so that blocks are theirs too.
    fn share(&self, offset: u64) -> Share {
        let digests = if self.digests { vec![digest::block(offset)] } else { Vec::new() };
        Share { digests, ..Share::default() }
    }

    /// Hands a taker its part of a chunk that starts at `at`.
    fn hand(&self, taker: &Taker, hash: bool, share: &mut Share, at: u64, chunk: &[u8]) -> Result<()> {
        let end = at + chunk.len() as u64;
        let (from, to) = (taker.start.max(at), taker.end.min(end));
        let range =
            usize::try_from(from.saturating_sub(at)).ok().zip(usize::try_from(to.saturating_sub(at)).ok());
        let part = range.and_then(|(from, to)| chunk.get(from..to)).unwrap_or_default();
        if part.is_empty() {
            return Ok(());
        }
        if hash {
            share.hasher.update(part);
        }
        if let Some(digest) = share.digests.last_mut() {
            digest.update(part);
        }
        let place = from - taker.start;
        for (byte, place) in part.iter().zip(place..8) {
            share.head |= u64::from(*byte) << (8 * place);
        }
        if self.kept[taker.slot] {
            share.kept.extend_from_slice(part);
            return Ok(());
        }
        self.sink.write_at(self.slots[taker.slot].offset + place, part)
    }
}

fn place(slot: &Slot) -> Result<Place<'_>> {
    match &slot.source {
        Fill::Storage(_) => Ok(Place::From(0)),
        Fill::Tensor(_) if slot.length == 0 => Ok(Place::From(0)),
        Fill::Tensor(tensor) if is_contiguous(tensor) => {
            let bits = tensor.offset.checked_mul(tensor.dtype.bits()).filter(|bits| bits % 8 == 0);
            bits.map(|bits| Place::From(bits / 8)).ok_or_else(misplaced)
        }
        Fill::Tensor(tensor) => Ok(Place::Strided(tensor)),
    }
}

fn misplaced() -> Error {
    Error::Value("a payload does not lie in its storage".into())
}
