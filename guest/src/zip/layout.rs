use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::Error;
use crate::model::Segment;
use crate::zip::Segments;
use crate::zip::records::{
    CENTRAL_ENTRY, CENTRAL_ENTRY_BYTES, DESCRIPTOR, END_RECORD, END_RECORD_BYTES, FLAG_DESCRIPTOR, FLAG_UTF8,
    LOCAL_HEADER, LOCAL_HEADER_BYTES, ZIP64_END, ZIP64_END_BYTES, ZIP64_END_SIZE, ZIP64_FIELD, ZIP64_LOCATOR,
    ZIP64_LOCATOR_BYTES,
};

/// A record to be laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its whole name, archive prefix included.
    pub name: String,
    /// Bytes of its payload.
    pub length: u64,
}

/// Where torch's zip writer puts each record of an archive: local headers with
/// their alignment padding, payloads, data descriptors, directory and tail.
/// Lengths are known before any payload; descriptors and directory need the
/// payloads' checksums.
///
/// ```text
/// header | name | [zip64] | padding | payload | [descriptor] … directory | zip64 end | locator | end record
///                                   ^ a multiple of the alignment
/// ```
#[derive(Clone, Debug)]
pub struct Layout {
    places: Vec<Place>,
    directory: u64,
    directory_bytes: u64,
    length: u64,
}

/// A record and its place.
#[derive(Clone, Debug)]
struct Place {
    name: String,
    length: u64,
    header: u64,
    /// Bytes of filling, without the four that announce them.
    padding: u16,
    payload: u64,
}

impl Layout {
    /// Lays `records` out in order, payloads at multiples of `alignment`.
    pub fn new(records: Vec<Record>, alignment: u32) -> Result<Self, Error> {
        // Beyond, the padding of one record need not fit its field.
        if !(1..=MAX_ALIGNMENT).contains(&alignment) {
            return Err(Error::misuse(format!("alignment {alignment} is not in 1..={MAX_ALIGNMENT}")));
        }
        let too_long = || Error::misuse("the archive would be longer than 64 bits can say");
        let mut end = 0;
        let mut places = Vec::new();
        let (mut directory_bytes, mut padding) = (0u64, 0u64);
        for record in records {
            if record.name.len() > usize::from(u16::MAX) {
                return Err(Error::misuse("a record's name is longer than 65535 bytes"));
            }
            let place = Place::new(record, end, alignment).ok_or_else(too_long)?;
            end = place.end().ok_or_else(too_long)?;
            directory_bytes = directory_bytes.saturating_add(place.entry_bytes());
            padding = padding.saturating_add(place.padding.into());
            places.push(place);
        }
        // All of it passes through memory.
        if padding > MAX_PADDING {
            return Err(Error::misuse(format!("alignment {alignment} takes {padding} bytes of padding")));
        }
        let tail = ZIP64_END_BYTES + ZIP64_LOCATOR_BYTES + END_RECORD_BYTES;
        let length = end.checked_add(directory_bytes).and_then(|end| end.checked_add(tail));
        Ok(Self { places, directory: end, directory_bytes, length: length.ok_or_else(too_long)? })
    }

    /// Bytes of the whole file.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Where the payload of record `index` goes.
    pub fn payload(&self, index: usize) -> Option<u64> {
        self.places.get(index).map(|place| place.payload)
    }

    /// The local header of record `index`, padding included.
    pub fn header(&self, index: usize) -> Option<Segment> {
        let place = self.places.get(index)?;
        Some(Segment { offset: place.header, bytes: place.local_header() })
    }

    /// The data descriptor of record `index`; an empty payload has none.
    pub fn descriptor(&self, index: usize, crc32: u32) -> Option<Segment> {
        let place = self.places.get(index).filter(|place| place.length > 0)?;
        let offset = place.payload.checked_add(place.length)?;
        Some(Segment { offset, bytes: place.descriptor(crc32) })
    }

    /// The directory and the tail, given each record's CRC-32 in order.
    pub fn directory(&self, crc32: &[u32]) -> Result<Vec<Segment>, Error> {
        if crc32.len() != self.places.len() {
            return Err(Error::misuse(format!(
                "{} checksums for {} records",
                crc32.len(),
                self.places.len()
            )));
        }
        let mut segments = Segments::default();
        let mut offset = self.directory;
        for (place, &crc32) in self.places.iter().zip(crc32) {
            segments.push(offset, &place.central_entry(crc32));
            offset = offset.saturating_add(place.entry_bytes());
        }
        segments.push(offset, &self.tail());
        Ok(segments.into_vec())
    }

    /// The end records: torch writes all three, needed or not.
    fn tail(&self) -> Vec<u8> {
        let entries = self.places.len() as u64;
        let zip64_end = self.directory.saturating_add(self.directory_bytes);
        let short_entries = u16::try_from(entries).unwrap_or(u16::MAX);
        let mut bytes = Bytes::default();
        bytes.raw(&ZIP64_END).u64(ZIP64_END_SIZE).u16(MADE_BY).u16(VERSION_ZIP64).u32(0).u32(0);
        bytes.u64(entries).u64(entries).u64(self.directory_bytes).u64(self.directory);
        bytes.raw(&ZIP64_LOCATOR).u32(0).u64(zip64_end).u32(1);
        bytes.raw(&END_RECORD).u16(0).u16(0).u16(short_entries).u16(short_entries);
        bytes.u32(clamp(self.directory_bytes)).u32(clamp(self.directory)).u16(0);
        bytes.0
    }
}

/// Where the payload of a record starts whose header is at `header`, and where the record ends,
/// in an archive that torch wrote.
pub(crate) fn placed(record: Record, header: u64, alignment: u32) -> Option<(u64, u64)> {
    let place = Place::new(record, header, alignment)?;
    Some((place.payload, place.end()?))
}

/// Where a record ends whose payload is at `payload`.
pub(crate) fn end_of(record: Record, header: u64, payload: u64) -> Option<u64> {
    let Record { name, length } = record;
    Place { name, length, header, padding: 0, payload }.end()
}

impl Place {
    fn new(record: Record, header: u64, alignment: u32) -> Option<Self> {
        let Record { name, length } = record;
        let mut place = Self { name, length, header, padding: 0, payload: 0 };
        let fixed = LOCAL_HEADER_BYTES + place.name.len() as u64 + place.local_zip64() + FILLING_HEAD;
        let unpadded = header.checked_add(fixed)?;
        place.payload = unpadded.checked_next_multiple_of(alignment.into())?;
        place.padding = u16::try_from(place.payload.checked_sub(unpadded)?).ok()?;
        Some(place)
    }

    /// The first offset after the record.
    fn end(&self) -> Option<u64> {
        let descriptor = match (self.length, self.is_zip64()) {
            (0, _) => 0,
            (_, false) => 16,
            (_, true) => 24,
        };
        self.payload.checked_add(self.length)?.checked_add(descriptor)
    }

    fn is_big(&self) -> bool {
        self.length >= u32::MAX.into()
    }

    fn is_far(&self) -> bool {
        self.header >= u32::MAX.into()
    }

    fn is_zip64(&self) -> bool {
        self.is_big() || self.is_far()
    }

    /// Bytes of the zip64 field, the same in header and directory.
    fn local_zip64(&self) -> u64 {
        match (self.is_big(), self.is_far()) {
            (false, false) => 0,
            (false, true) => 4 + 8,
            (true, false) => 4 + 16,
            (true, true) => 4 + 24,
        }
    }

    fn entry_bytes(&self) -> u64 {
        CENTRAL_ENTRY_BYTES + self.name.len() as u64 + self.local_zip64()
    }

    fn flags(&self) -> u16 {
        if self.length == 0 { FLAG_UTF8 } else { FLAG_UTF8 | FLAG_DESCRIPTOR }
    }

    fn local_header(&self) -> Vec<u8> {
        let mut bytes = Bytes::default();
        bytes.raw(&LOCAL_HEADER).u16(0).u16(self.flags()).u16(0).u32(0);
        bytes.u32(0).u32(0).u32(0);
        let extra = self.local_zip64() + FILLING_HEAD + u64::from(self.padding);
        bytes.length(self.name.len() as u64).length(extra).raw(self.name.as_bytes());
        // torch has compressed nothing yet when it writes this: the compressed
        // size stays zero.
        self.zip64(&mut bytes, 0);
        bytes.raw(b"FB").u16(self.padding);
        let filled = bytes.0.len() + usize::from(self.padding);
        bytes.0.resize(filled, b'Z');
        bytes.0
    }

    fn descriptor(&self, crc32: u32) -> Vec<u8> {
        let mut bytes = Bytes::default();
        bytes.raw(&DESCRIPTOR).u32(crc32);
        if self.is_zip64() {
            bytes.u64(self.length).u64(self.length);
        } else {
            bytes.u32(clamp(self.length)).u32(clamp(self.length));
        }
        bytes.0
    }

    fn central_entry(&self, crc32: u32) -> Vec<u8> {
        let mut bytes = Bytes::default();
        bytes.raw(&CENTRAL_ENTRY).u16(0).u16(0).u16(self.flags()).u16(0).u32(0);
        bytes.u32(if self.length == 0 { 0 } else { crc32 });
        bytes.u32(clamp(self.length)).u32(clamp(self.length));
        bytes.length(self.name.len() as u64).length(self.local_zip64());
        bytes.u16(0).u16(0).u16(0).u32(0).u32(clamp(self.header)).raw(self.name.as_bytes());
        self.zip64(&mut bytes, self.length);
        bytes.0
    }

    fn zip64(&self, bytes: &mut Bytes, compressed: u64) {
        if !self.is_zip64() {
            return;
        }
        bytes.u16(ZIP64_FIELD).length(self.local_zip64().saturating_sub(4));
        if self.is_big() {
            bytes.u64(self.length).u64(compressed);
        }
        if self.is_far() {
            bytes.u64(self.header);
        }
    }
}

/// Appends little-endian integers.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn u16(&mut self, value: u16) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }

    fn u32(&mut self, value: u32) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }

    fn u64(&mut self, value: u64) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }

    /// A 16-bit length. [`Layout::new`] has seen that it fits.
    fn length(&mut self, value: u64) -> &mut Self {
        self.u16(u16::try_from(value).unwrap_or(u16::MAX))
    }
}

/// What a 32-bit field holds where the number may be larger.
fn clamp(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// What torch fills up to the alignment with: an extra field of its own kind.
const FILLING_HEAD: u64 = 4;

const MAX_ALIGNMENT: u32 = 32768;
const MAX_PADDING: u64 = 1 << 30;

/// What torch's zip library says of itself and of zip64 in the tail; elsewhere
/// it says zero.
const MADE_BY: u16 = 0x031e;
const VERSION_ZIP64: u16 = 0x002d;
