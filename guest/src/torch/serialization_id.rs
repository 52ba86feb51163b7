use alloc::string::String;

/// The 40 digits of `.data/serialization_id`: what torch 2.15 on Linux writes,
/// hash-set order of libstdc++ included.
#[derive(Clone, Debug, Default)]
pub(crate) struct SerializationId {}

impl SerializationId {
    /// Adds the next record: its name without the archive's prefix, its length,
    /// its checksum, and its first eight bytes, least first.
    pub(crate) fn record(&mut self, _name: &str, _length: u64, _crc32: u32, _head: u64) {}

    /// The digits, over all records added.
    pub(crate) fn digits(&self) -> String {
        String::new()
    }
}
