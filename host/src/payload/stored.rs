use std::sync::Arc;

use super::witness::Witness;
use crate::store::Source;

/// A payload in its file.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) source: Arc<dyn Source>,
    pub(crate) offset: u64,
    pub(crate) length: u64,
    /// CRC-32 of the bytes as they lie in the file.
    pub(crate) checksum: Option<u32>,
    /// The width of the numbers to reverse before use; 1 for none.
    pub(crate) swap: u8,
    /// The part of the file that holds it.
    pub(crate) name: String,
    /// Who remembers what was read of the file, if it has no checksums.
    pub(crate) witness: Option<Arc<Witness>>,
}
