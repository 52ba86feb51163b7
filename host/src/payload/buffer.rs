use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use memmap2::{Advice, MmapMut};
use rustix::time::{ClockId, clock_gettime};

use crate::{Error, Result};

/// Memory for one payload, aligned for every dtype.
///
/// Large ones come straight from the kernel in huge pages, unless those are slow
/// to come by. Measured, 1 GiB read and checksummed by two threads: 0.2 s into
/// huge pages, 0.8 s into ordinary ones.
pub(crate) enum Buffer {
    Small(Vec<u128>, usize),
    Large(MmapMut),
}

/// From here on a mapping of its own pays.
const LARGE: usize = 4 << 20;

/// What a thread may spend on getting one huge page. Measured: 0.1 ms as a rule,
/// 5 ms in a virtual machine whose host has taken idle memory back, where 1 GiB
/// then takes 3 s. A kernel that must move memory together first is as slow.
const PATIENCE: Duration = Duration::from_millis(1);

/// The kind of pages the buffers of one load get.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    /// A huge page came slowly. Ordinary ones are made of what lies around and are
    /// never that slow, so one bad experience is enough; the next load asks again.
    ordinary: AtomicBool,
}

impl Buffer {
    /// Zeros. `path` is for the error, should there not be so much memory.
    pub(crate) fn new(pages: &Pages, path: &Path, length: u64) -> Result<Self> {
        let failed = |source| Error::io(path, format!("allocate {length} bytes"), source);
        let bytes = usize::try_from(length).map_err(|_| failed(io::ErrorKind::OutOfMemory.into()))?;
        if bytes < LARGE {
            return Ok(Self::Small(vec![0; bytes.div_ceil(size_of::<u128>())], bytes));
        }
        Ok(Self::Large(map(pages, bytes).map_err(failed)?))
    }
}

/// Zeros in a mapping of their own, in huge pages unless they are slow to come by.
pub(crate) fn map(pages: &Pages, bytes: usize) -> io::Result<MmapMut> {
    let mut map = MmapMut::map_anon(bytes)?;
    if !pages.ordinary.load(Ordering::Relaxed) {
        // A kernel without huge pages serves ordinary ones.
        let _ = map.advise(Advice::HugePage);
        if first_page(&mut map) > PATIENCE {
            pages.ordinary.store(true, Ordering::Relaxed);
            let _ = map.advise(Advice::NoHugePage);
        }
    }
    Ok(map)
}

/// The time it takes to get a page in the middle of a mapping, which is a huge
/// one if any is. Time of this thread: not that of others it waits for.
fn first_page(map: &mut MmapMut) -> Duration {
    let now = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default();
    let start = now();
    let middle = map.len() / 2;
    // Zero it was before; the write is what makes the kernel find a page.
    map[middle] = std::hint::black_box(0);
    now().saturating_sub(start)
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
