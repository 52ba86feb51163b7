use alloc::string::String;
use alloc::vec::Vec;

use crate::step::{Next, Range};
use crate::{Error, Limits};

/// Reads the directory of a zip archive and checks every record's local header
/// and data descriptor against it.
#[derive(Debug)]
pub struct Opening {}

/// The records of an archive, none overlapping another, in directory order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// The records.
    pub entries: Vec<Entry>,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its whole name.
    pub name: String,
    /// Where its local header starts.
    pub header: u64,
    /// Where its bytes lie, as stored.
    pub payload: Range,
    /// Its bytes when decompressed; the payload's length for method 0.
    pub size: u64,
    /// Its compression method; 0 is none.
    pub method: u16,
    /// CRC-32 of its decompressed bytes.
    pub crc32: u32,
}

impl Opening {
    /// Starts on a file of `length` bytes.
    pub fn new(_length: u64, _limits: &Limits) -> Self {
        Self {}
    }

    /// The next state: what was fetched, in the order asked for; at first, nothing.
    pub fn resume(&mut self, _parts: Vec<Vec<u8>>) -> Result<Next<Directory>, Error> {
        Err(Error::misuse("stub"))
    }
}
