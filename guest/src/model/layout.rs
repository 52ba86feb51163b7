//! What a writer says of a file.

use alloc::string::String;
use alloc::vec::Vec;

use super::{StorageId, Tensor};
use crate::error::Unfit;

/// Options of the torch zip writer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TorchOptions {
    /// The file's name or path: torch names the archive after it. None for what
    /// `torch.save` writes into a buffer.
    pub file_name: Option<String>,
    /// Payloads start at multiples of this.
    pub alignment: u32,
    /// False writes zeros for checksums.
    pub checksums: bool,
}

impl Default for TorchOptions {
    fn default() -> Self {
        Self { file_name: None, alignment: 64, checksums: true }
    }
}

/// Options of the safetensors writer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SafetensorsOptions {
    /// The `__metadata__` of the file.
    pub metadata: Vec<(String, String)>,
    /// Leave out what the format cannot hold, and write ties out in full.
    pub tensors_only: bool,
}

/// Where everything goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Bytes of the whole file.
    pub length: u64,
    /// Bytes of the format known before any payload.
    pub segments: Vec<Segment>,
    /// Places for payloads, in order of offset.
    pub slots: Vec<Slot>,
    /// Whether [`Writing::seal`](crate::Writing::seal) wants the slots' checksums.
    pub seal: bool,
    /// What was left out under `tensors_only`.
    pub left_out: Vec<Unfit>,
}

/// Bytes of the format, and where they go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Bytes from the start of the file.
    pub offset: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// A place for a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Bytes from the start of the file.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
    /// What fills it.
    pub source: Source,
}

/// What fills a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A storage, whole.
    Storage(StorageId),
    /// A tensor's elements in row-major order.
    Tensor(Tensor),
}

/// A fact about a slot's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checksum {
    /// CRC-32 of the payload.
    pub crc32: u32,
    /// Its first eight bytes, least first, zeros beyond its end.
    pub head: u64,
}
