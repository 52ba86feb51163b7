//! Memory that two processes map. One of them writes into it, the other is given
//! its descriptor, and can neither write nor make it shorter.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use memmap2::{Advice, Mmap, MmapMut};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, memfd_create};

/// The side that writes.
#[derive(Debug)]
pub(crate) struct SharedMemory {
    map: MmapMut,
    descriptor: File,
}

/// The side that was given the descriptor. It keeps the mapping alone.
#[derive(Debug)]
pub(crate) struct ReceivedMemory {
    map: Mmap,
}

impl SharedMemory {
    /// Zeros.
    pub(crate) fn new(length: usize) -> io::Result<Self> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let descriptor = File::from(memfd_create("strongroom-staging", flags)?);
        descriptor.set_len(length as u64)?;
        fcntl_add_seals(&descriptor, SealFlags::SHRINK | SealFlags::GROW)?;
        // SAFETY: The memory was made here, so nobody else maps it yet. Nobody can
        // make it shorter, by the seals above, nor write to it otherwise than by
        // this mapping, by the one below: Rust's rules for this mapping are enough.
        #[allow(unsafe_code)]
        let map = unsafe { MmapMut::map_mut(&descriptor)? };
        fcntl_add_seals(&descriptor, SealFlags::FUTURE_WRITE | SealFlags::SEAL)?;
        // Few machines have huge pages for shared memory; the others say so.
        let _ = map.advise(Advice::HugePage);
        Ok(Self { map, descriptor })
    }

    /// What the other process is given.
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl AsRef<[u8]> for SharedMemory {
    fn as_ref(&self) -> &[u8] {
        &self.map
    }
}

impl AsMut<[u8]> for SharedMemory {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.map
    }
}

impl ReceivedMemory {
    /// Maps what was received. An error if it is no memory of which the sender
    /// promised not to make it shorter: a look into it could end this process.
    pub(crate) fn new(descriptor: &File) -> io::Result<Self> {
        let seals = fcntl_get_seals(descriptor)?;
        if !seals.contains(SealFlags::SHRINK | SealFlags::FUTURE_WRITE) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is not sealed"));
        }
        // SAFETY: Nobody can make it shorter, by the seal. The one mapping that can
        // be written to is the sender's, who started this process and does not
        // touch a staged state dict until this process has answered, or is gone.
        #[allow(unsafe_code)]
        let map = unsafe { Mmap::map(descriptor)? };
        Ok(Self { map })
    }
}

impl AsRef<[u8]> for ReceivedMemory {
    fn as_ref(&self) -> &[u8] {
        &self.map
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_side_writes_the_other_reads() {
        let mut memory = SharedMemory::new(8192).unwrap();
        memory.as_mut()[4096] = 7;
        let received =
            ReceivedMemory::new(&File::from(memory.descriptor().try_clone_to_owned().unwrap())).unwrap();
        assert_eq!(received.as_ref()[4096], 7);
        memory.as_mut()[4097] = 8;
        drop(memory);
        assert_eq!(received.as_ref()[4097], 8);
        assert_eq!(received.as_ref().len(), 8192);
    }

    #[test]
    fn who_is_given_it_can_neither_write_nor_shorten_it() {
        let memory = SharedMemory::new(4096).unwrap();
        let given = File::from(memory.descriptor().try_clone_to_owned().unwrap());
        given.set_len(0).unwrap_err();
        std::os::unix::fs::FileExt::write_at(&given, &[1], 0).unwrap_err();
        assert_eq!(memory.as_ref()[0], 0);
    }

    #[test]
    fn what_could_be_shortened_is_not_mapped() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(4096).unwrap();
        ReceivedMemory::new(&file).unwrap_err();
        let unsealed = File::from(memfd_create("test", MemfdFlags::ALLOW_SEALING).unwrap());
        unsealed.set_len(4096).unwrap();
        assert_eq!(ReceivedMemory::new(&unsealed).unwrap_err().to_string(), "it is not sealed");
    }
}
