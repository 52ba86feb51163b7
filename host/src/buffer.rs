use std::io;
use std::path::Path;

use memmap2::{Advice, MmapMut};

use crate::{Error, Result};

/// Memory for one payload, aligned for every dtype.
///
/// Large ones come straight from the kernel in huge pages: the page faults of
/// ordinary ones cost more than reading the file (measured: 1 GiB read in 0.16 s
/// instead of 0.40 s).
pub(crate) enum Buffer {
    Small(Vec<u128>, usize),
    Large(MmapMut),
}

/// From here on a mapping of its own pays.
const LARGE: usize = 4 << 20;

impl Buffer {
    /// Zeros. `path` is for the error, should there not be so much memory.
    pub(crate) fn new(path: &Path, length: u64) -> Result<Self> {
        let failed = |source| Error::io(path, format!("allocate {length} bytes"), source);
        let bytes = usize::try_from(length).map_err(|_| failed(io::ErrorKind::OutOfMemory.into()))?;
        if bytes < LARGE {
            return Ok(Self::Small(vec![0; bytes.div_ceil(size_of::<u128>())], bytes));
        }
        let map = MmapMut::map_anon(bytes).map_err(failed)?;
        // A kernel without huge pages serves ordinary ones.
        let _ = map.advise(Advice::HugePage);
        Ok(Self::Large(map))
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Small(words, length) => &bytemuck::cast_slice(words)[..*length],
            Self::Large(map) => map,
        }
    }
}

impl AsMut<[u8]> for Buffer {
    fn as_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Small(words, length) => &mut bytemuck::cast_slice_mut(words)[..*length],
            Self::Large(map) => map,
        }
    }
}
