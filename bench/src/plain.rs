//! The same bytes moved by nothing but plain system calls.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result};
use rayon::prelude::*;
use strongroom::StateDict;

const CHUNK: usize = 1 << 20;

/// Writes all storages one after another into a new file, on all cores, without
/// checksums, names or anything else.
pub fn write(path: &Path, state: &StateDict<'_>) -> Result<()> {
    let file = File::create_new(path)?;
    let mut offset = 0;
    let mut chunks = Vec::new();
    for storage in state.storages() {
        for chunk in storage.bytes()?.chunks(CHUNK) {
            chunks.push((offset, chunk));
            offset += chunk.len() as u64;
        }
    }
    chunks.into_par_iter().try_for_each(|(offset, chunk)| file.write_all_at(chunk, offset))?;
    Ok(())
}

/// Copies all storages one after another into `buffer`, on all cores.
pub fn copy(state: &StateDict<'_>, buffer: &mut [u8]) -> Result<()> {
    let mut rest = buffer;
    for storage in state.storages() {
        let from = storage.bytes()?;
        let (to, after) = rest.split_at_mut(from.len());
        to.par_chunks_mut(CHUNK).zip(from.par_chunks(CHUNK)).for_each(|(to, from)| to.copy_from_slice(from));
        rest = after;
    }
    Ok(())
}

/// Reads a whole file on all cores and computes the CRC-32 of its bytes.
pub fn checksum(path: &Path) -> Result<u32> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let hash = |buffer: &mut Vec<u8>, block: u64| -> Result<crc32fast::Hasher> {
        let start = block * CHUNK as u64;
        buffer.resize(usize::try_from((length - start).min(CHUNK as u64))?, 0);
        file.read_exact_at(buffer, start)?;
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(buffer);
        Ok(hasher)
    };
    let blocks = 0..length.div_ceil(CHUNK as u64);
    let hashers: Vec<_> = blocks.into_par_iter().map_init(Vec::new, hash).collect::<Result<_>>()?;
    let sum = hashers.into_iter().reduce(|mut sum, next| {
        sum.combine(&next);
        sum
    });
    Ok(sum.context("the file is empty")?.finalize())
}
