use alloc::string::String;

use crate::step::Range;
use crate::validate::examine::Part;
use crate::validate::pickle::Suspicion;
use crate::zip::records::FLAG_DESCRIPTOR;

/// A record of an archive: what its directory entry says, and where its bytes
/// turned out to be.
#[derive(Clone, Debug)]
pub(in crate::validate::zip) struct Member {
    /// Its whole name; what is not UTF-8 replaced.
    pub(in crate::validate::zip) name: String,
    /// Where its directory entry starts.
    pub(in crate::validate::zip) entry: u64,
    /// Where its local header starts.
    pub(in crate::validate::zip) header: u64,
    pub(in crate::validate::zip) flags: u16,
    pub(in crate::validate::zip) method: u16,
    pub(in crate::validate::zip) crc32: u32,
    /// Bytes as stored.
    pub(in crate::validate::zip) compressed: u64,
    /// Bytes when decompressed.
    pub(in crate::validate::zip) size: u64,
    /// Where its bytes start, if it has a local header and they are in the file.
    pub(in crate::validate::zip) payload: Option<u64>,
    /// The first byte after all that is its own.
    pub(in crate::validate::zip) end: u64,
    /// Whether its first bytes could be a pickle's.
    pub(in crate::validate::zip) suspicion: Suspicion,
    /// Whether its first bytes are a numpy array's.
    pub(in crate::validate::zip) numpy: bool,
}

impl Member {
    /// Where its bytes are, if they are in the file.
    pub(in crate::validate::zip) fn range(&self) -> Option<Range> {
        self.payload.map(|start| Range::new(start, self.compressed))
    }

    /// Where its bytes are, if they are in the file as they are.
    pub(in crate::validate::zip) fn stored(&self) -> Option<Range> {
        self.range().filter(|_| self.method == STORED)
    }

    /// Whether crc and sizes follow its bytes.
    pub(in crate::validate::zip) fn is_described(&self) -> bool {
        self.flags & FLAG_DESCRIPTOR != 0
    }

    /// Whether it is a folder and no file.
    pub(in crate::validate::zip) fn is_folder(&self) -> bool {
        self.name.ends_with('/') && self.size == 0
    }

    /// Its directory entry, for a finding.
    pub(in crate::validate::zip) fn in_directory(&self) -> Part {
        Part::at(&*self.name, self.entry)
    }

    /// Its local header, for a finding.
    pub(in crate::validate::zip) fn in_place(&self) -> Part {
        Part::at(&*self.name, self.header)
    }

    /// Its bytes, for a finding.
    pub(in crate::validate::zip) fn content(&self) -> Part {
        let start = self.payload.unwrap_or(self.header);
        if self.method == STORED { Part::at(&*self.name, start) } else { Part::inflated(&*self.name, start) }
    }
}

/// Compression methods.
pub(in crate::validate::zip) const STORED: u16 = 0;
pub(in crate::validate::zip) const DEFLATED: u16 = 8;

/// The first bytes of a numpy array.
pub(in crate::validate::zip) const NUMPY: &[u8] = b"\x93NUMPY";
