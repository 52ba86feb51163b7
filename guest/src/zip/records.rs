//! The fixed part of each kind of zip record. All integers are little-endian.
//! Fields named `-` say nothing a checkpoint depends on.

/// ```text
/// 0         4    6       8       10     14      18     22     26         28
/// PK 03 04 | - | flags | method | - - | crc32 | csize | size | name len | extra len | name, extra
/// ```
#[derive(Clone, Copy, Debug)]
pub(crate) struct LocalHeader {
    pub(crate) flags: u16,
    pub(crate) method: u16,
    pub(crate) crc32: u32,
    pub(crate) compressed: u32,
    pub(crate) size: u32,
    pub(crate) name: u16,
    pub(crate) extra: u16,
}

/// ```text
/// 0         4         6   8       10      12     16      20      24     28         30
/// PK 01 02 | made by | - | flags | method | - - | crc32 | csize | size | name len | extra len | …
///     32            34     36  38           42
/// … | comment len | disk | - | attributes | header offset | name, extra, comment
/// ```
#[derive(Clone, Copy, Debug)]
pub(crate) struct CentralEntry {
    pub(crate) made_by: u16,
    pub(crate) flags: u16,
    pub(crate) method: u16,
    pub(crate) crc32: u32,
    pub(crate) compressed: u32,
    pub(crate) size: u32,
    pub(crate) name: u16,
    pub(crate) extra: u16,
    pub(crate) comment: u16,
    pub(crate) disk: u16,
    pub(crate) attributes: u32,
    pub(crate) header: u32,
}

/// ```text
/// 0         4      6                8              10        12               16                 20
/// PK 05 06 | disk | directory disk | entries here | entries | directory size | directory offset | comment len
/// ```
#[derive(Clone, Copy, Debug)]
pub(crate) struct EndRecord {
    pub(crate) disk: u16,
    pub(crate) directory_disk: u16,
    pub(crate) entries_here: u16,
    pub(crate) entries: u16,
    pub(crate) directory_size: u32,
    pub(crate) directory_offset: u32,
    pub(crate) comment: u16,
}

/// ```text
/// 0         4      8                 16
/// PK 06 07 | disk | zip64 end offset | disks
/// ```
#[derive(Clone, Copy, Debug)]
pub(crate) struct Zip64Locator {
    pub(crate) disk: u32,
    pub(crate) offset: u64,
    pub(crate) disks: u32,
}

/// ```text
/// 0         4          12    16     20               24             32        40               48
/// PK 06 06 | size: 44 | - - | disk | directory disk | entries here | entries | directory size | directory offset
/// ```
#[derive(Clone, Copy, Debug)]
pub(crate) struct Zip64End {
    pub(crate) size: u64,
    pub(crate) disk: u32,
    pub(crate) directory_disk: u32,
    pub(crate) entries_here: u64,
    pub(crate) entries: u64,
    pub(crate) directory_size: u64,
    pub(crate) directory_offset: u64,
}

impl LocalHeader {
    /// The header at the start of `bytes` and what follows; None for another
    /// signature or too few.
    pub(crate) fn parse(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let mut fields = Fields::after(LOCAL_HEADER, bytes)?;
        fields.u16()?;
        let (flags, method) = (fields.u16()?, fields.u16()?);
        fields.u32()?;
        let (crc32, compressed, size) = (fields.u32()?, fields.u32()?, fields.u32()?);
        let (name, extra) = (fields.u16()?, fields.u16()?);
        Some((Self { flags, method, crc32, compressed, size, name, extra }, fields.0))
    }

    /// Whether the zip64 field holds the sizes.
    pub(crate) fn is_clamped(self) -> bool {
        [self.compressed, self.size].contains(&CLAMPED)
    }
}

impl CentralEntry {
    /// The entry at the start of `bytes` and what follows; None for another
    /// signature or too few.
    pub(crate) fn parse(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let mut fields = Fields::after(CENTRAL_ENTRY, bytes)?;
        let made_by = fields.u16()?;
        fields.u16()?;
        let (flags, method) = (fields.u16()?, fields.u16()?);
        fields.u32()?;
        let (crc32, compressed, size) = (fields.u32()?, fields.u32()?, fields.u32()?);
        let (name, extra, comment) = (fields.u16()?, fields.u16()?, fields.u16()?);
        let disk = fields.u16()?;
        fields.u16()?;
        let (attributes, header) = (fields.u32()?, fields.u32()?);
        let entry = Self {
            made_by,
            flags,
            method,
            crc32,
            compressed,
            size,
            name,
            extra,
            comment,
            disk,
            attributes,
            header,
        };
        Some((entry, fields.0))
    }
}

impl EndRecord {
    /// The record at the start of `bytes`; None for another signature or too few.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields::after(END_RECORD, bytes)?;
        Some(Self {
            disk: fields.u16()?,
            directory_disk: fields.u16()?,
            entries_here: fields.u16()?,
            entries: fields.u16()?,
            directory_size: fields.u32()?,
            directory_offset: fields.u32()?,
            comment: fields.u16()?,
        })
    }
}

impl Zip64Locator {
    /// The locator at the start of `bytes`; None for another signature or too few.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields::after(ZIP64_LOCATOR, bytes)?;
        Some(Self { disk: fields.u32()?, offset: fields.u64()?, disks: fields.u32()? })
    }
}

impl Zip64End {
    /// The record at the start of `bytes`; None for another signature or too few.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields::after(ZIP64_END, bytes)?;
        let size = fields.u64()?;
        fields.u32()?;
        Some(Self {
            size,
            disk: fields.u32()?,
            directory_disk: fields.u32()?,
            entries_here: fields.u64()?,
            entries: fields.u64()?,
            directory_size: fields.u64()?,
            directory_offset: fields.u64()?,
        })
    }
}

/// Takes little-endian integers off the front of a slice.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    /// What follows `signature` in `bytes`.
    fn after(signature: [u8; 4], bytes: &'a [u8]) -> Option<Self> {
        bytes.strip_prefix(&signature).map(Self)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }
}

/// First bytes of each kind of record.
pub(crate) const LOCAL_HEADER: [u8; 4] = *b"PK\x03\x04";
pub(crate) const DESCRIPTOR: [u8; 4] = *b"PK\x07\x08";
pub(crate) const CENTRAL_ENTRY: [u8; 4] = *b"PK\x01\x02";
pub(crate) const ZIP64_END: [u8; 4] = *b"PK\x06\x06";
pub(crate) const ZIP64_LOCATOR: [u8; 4] = *b"PK\x06\x07";
pub(crate) const END_RECORD: [u8; 4] = *b"PK\x05\x06";

/// Bytes of each fixed part.
pub(crate) const LOCAL_HEADER_BYTES: u64 = 30;
pub(crate) const CENTRAL_ENTRY_BYTES: u64 = 46;
pub(crate) const ZIP64_END_BYTES: u64 = 56;
pub(crate) const ZIP64_LOCATOR_BYTES: u64 = 20;
pub(crate) const END_RECORD_BYTES: u64 = 22;

/// What the size field of a [`Zip64End`] counts: all but itself and the signature.
pub(crate) const ZIP64_END_SIZE: u64 = ZIP64_END_BYTES - 12;

/// The id of the extra field with 64-bit numbers.
pub(crate) const ZIP64_FIELD: u16 = 0x0001;

/// Flag: crc and sizes follow the payload, in a data descriptor.
pub(crate) const FLAG_DESCRIPTOR: u16 = 1 << 3;
/// Flag: the name is UTF-8.
pub(crate) const FLAG_UTF8: u16 = 1 << 11;

/// A 32-bit field whose value stands in a [`ZIP64_FIELD`] instead.
pub(crate) const CLAMPED: u32 = u32::MAX;
