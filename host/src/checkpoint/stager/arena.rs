use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use memmap2::MmapMut;

use crate::payload::buffer::{self, Pages};
use crate::sys::shared_memory::SharedMemory;
use crate::{Error, Result};

/// The memory that one staged state dict lies in.
pub(crate) struct Arena {
    memory: Memory,
    name: Arc<u64>,
}

enum Memory {
    Own(MmapMut),
    Shared(SharedMemory),
}

impl Arena {
    /// Zeros.
    pub(super) fn new(length: usize, shared: bool) -> Result<Self> {
        static NAMES: AtomicU64 = AtomicU64::new(0);
        let memory = if shared {
            SharedMemory::new(length).map(Memory::Shared)
        } else {
            buffer::map(&Pages::default(), length).map(Memory::Own)
        };
        let place = Path::new("staging memory");
        let memory = memory.map_err(|source| Error::io(place, format!("allocate {length} bytes"), source))?;
        Ok(Self { memory, name: Arc::new(NAMES.fetch_add(1, Ordering::Relaxed)) })
    }

    /// A number that no other arena of this process ever has.
    pub(crate) fn name(&self) -> u64 {
        *self.name
    }

    /// What is gone when the arena is. A weak reference to the arena itself would
    /// keep it from being used again.
    pub(crate) fn life(&self) -> Weak<u64> {
        Arc::downgrade(&self.name)
    }

    /// The memory that another process can be given, if it is of that kind.
    pub(crate) fn shared(&self) -> Option<&SharedMemory> {
        match &self.memory {
            Memory::Own(_) => None,
            Memory::Shared(memory) => Some(memory),
        }
    }
}

impl AsRef<[u8]> for Arena {
    fn as_ref(&self) -> &[u8] {
        match &self.memory {
            Memory::Own(map) => map,
            Memory::Shared(memory) => memory.as_ref(),
        }
    }
}

impl AsMut<[u8]> for Arena {
    fn as_mut(&mut self) -> &mut [u8] {
        match &mut self.memory {
            Memory::Own(map) => map,
            Memory::Shared(memory) => memory.as_mut(),
        }
    }
}

impl fmt::Debug for Arena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (length, shared) = (self.as_ref().len(), self.shared().is_some());
        f.debug_struct("Arena").field("length", &length).field("shared", &shared).finish()
    }
}
