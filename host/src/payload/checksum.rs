//! CRC-32, in chunks that stay in cache and blocks that all cores share.

use rayon::prelude::*;

use crate::Result;
use crate::payload::Stored;
use crate::payload::digest;
use crate::store::Source;

pub(crate) use crc32fast::Hasher;

/// What one thread takes at a time. A multiple of [`CHUNK`].
pub(crate) const BLOCK: usize = 8 << 20;

/// What is read or written, and hashed while in cache. A multiple of any number's width.
pub(crate) const CHUNK: usize = 1 << 20;

/// The checksum of consecutive blocks.
pub(crate) fn combine(hashers: impl IntoIterator<Item = Hasher>) -> u32 {
    let mut whole = Hasher::new();
    for hasher in hashers {
        whole.combine(&hasher);
    }
    whole.finalize()
}

/// The checksum of some bytes.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes)
}

/// The checksum of many bytes, with all cores.
pub(crate) fn bytes(bytes: &[u8]) -> u32 {
    let blocks = bytes.par_chunks(BLOCK).map(|block| {
        let mut hasher = Hasher::new();
        hasher.update(block);
        hasher
    });
    combine(blocks.collect::<Vec<_>>())
}

/// The checksum of a payload as it lies in its file.
pub(crate) fn stored(part: &Stored) -> Result<u32> {
    Ok(combine(blocks(part, |_| Hasher::new(), Hasher::update)?))
}

/// The same and its digest, of one reading.
pub(crate) fn stored_and_digest(part: &Stored) -> Result<(u32, String)> {
    let start = |offset| (Hasher::new(), digest::block(offset));
    let blocks = blocks(part, start, |(hasher, digest), bytes| {
        hasher.update(bytes);
        digest.update(bytes);
    })?;
    let (hashers, digests): (Vec<Hasher>, Vec<blake3::Hasher>) = blocks.into_iter().unzip();
    Ok((combine(hashers), digest::of_blocks(&digests, BLOCK as u64, part.length)))
}

/// Reads a payload in blocks, each with a hasher that `start` makes for its offset.
fn blocks<H: Send>(
    part: &Stored,
    start: impl Fn(u64) -> H + Sync,
    update: impl Fn(&mut H, &[u8]) + Sync,
) -> Result<Vec<H>> {
    let hash = |buffer: &mut Vec<u8>, block: u64| {
        let offset = block * BLOCK as u64;
        let end = part.length.min(offset + BLOCK as u64);
        let (mut hasher, mut at) = (start(offset), offset);
        while at < end {
            let length = usize::try_from(end - at).unwrap_or(usize::MAX).min(CHUNK);
            buffer.resize(length, 0);
            part.read_at(at, buffer)?;
            update(&mut hasher, buffer);
            at += length as u64;
        }
        Ok(hasher)
    };
    (0..part.length.div_ceil(BLOCK as u64)).into_par_iter().map_init(Vec::new, hash).collect()
}

/// Goes over the bytes of a file that are in none of `payloads`, offsets and lengths in
/// any order.
pub(crate) fn outside(
    source: &dyn Source,
    payloads: impl Iterator<Item = (u64, u64)>,
    mut each: impl FnMut(&[u8]),
) -> Result<()> {
    let mut payloads: Vec<(u64, u64)> = payloads.collect();
    payloads.sort_unstable();
    let (mut buffer, mut at) = (Vec::new(), 0);
    for (start, length) in payloads.into_iter().chain([(source.length(), 0)]) {
        while at < start {
            let length = usize::try_from(start - at).unwrap_or(usize::MAX).min(CHUNK);
            buffer.resize(length, 0);
            source.read_at(at, &mut buffer)?;
            each(&buffer);
            at += length as u64;
        }
        // A file may say that payloads lie in one another.
        at = at.max(start.saturating_add(length));
    }
    Ok(())
}
