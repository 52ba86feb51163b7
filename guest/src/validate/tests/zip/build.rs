//! Builds archives of which any number can be a lie.

use alloc::vec;
use alloc::vec::Vec;

/// An archive: by default what `torch.save` would have written, packed again.
#[derive(Clone, Debug, Default)]
pub(super) struct Zip {
    pub(super) records: Vec<Record>,
    /// In front of the directory and in front of the end record.
    pub(super) before_directory: Vec<u8>,
    pub(super) before_end: Vec<u8>,
    pub(super) end: End,
    pub(super) after: Vec<u8>,
}

/// One record.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    pub(super) local: Header,
    pub(super) central: Header,
    pub(super) payload: Vec<u8>,
    /// What follows the payload: a descriptor, or what does not belong.
    pub(super) after: Vec<u8>,
    pub(super) comment: Vec<u8>,
    pub(super) made_by: u16,
    pub(super) disk: u16,
    pub(super) attributes: u32,
    /// Where the directory says it is, if not where it is.
    pub(super) header: Option<u32>,
    pub(super) unlisted: bool,
}

/// What both headers of a record say.
#[derive(Clone, Debug, Default)]
pub(super) struct Header {
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) crc32: u32,
    pub(super) compressed: u32,
    pub(super) size: u32,
    pub(super) name: Vec<u8>,
    pub(super) extra: Vec<u8>,
}

/// What the end record says, beyond the truth.
#[derive(Clone, Debug, Default)]
pub(super) struct End {
    pub(super) disk: u16,
    pub(super) entries: u16,
    pub(super) size: u32,
    pub(super) offset: u32,
    pub(super) comment: Vec<u8>,
    /// Bytes of comment beyond those that are there.
    pub(super) longer: u16,
}

impl Record {
    /// A stored record.
    pub(super) fn new(name: &str, payload: &[u8]) -> Self {
        let length = u32::try_from(payload.len()).unwrap();
        let header = Header {
            crc32: crc32fast::hash(payload),
            compressed: length,
            size: length,
            name: name.into(),
            ..Header::default()
        };
        Self { local: header.clone(), central: header, payload: payload.into(), ..Self::default() }
    }

    /// The same record, deflated.
    pub(super) fn deflated(name: &str, payload: &[u8]) -> Self {
        let mut record = Self::new(name, payload);
        record.payload = miniz_oxide::deflate::compress_to_vec(payload, 6);
        let length = u32::try_from(record.payload.len()).unwrap();
        record.both(|header| {
            header.method = 8;
            header.compressed = length;
        });
        record
    }

    /// Changes both headers.
    pub(super) fn both(&mut self, change: impl Fn(&mut Header)) {
        change(&mut self.local);
        change(&mut self.central);
    }
}

impl Zip {
    /// A checkpoint of one tensor of two zeros.
    pub(super) fn torch() -> Self {
        let zeros = include_bytes!("../../../zip/testdata/zeros.pt");
        Self::of(vec![
            Record::new("a/data.pkl", &zeros[64..214]),
            Record::new("a/byteorder", b"little"),
            Record::new("a/data/0", &[0; 8]),
            Record::new("a/version", b"3\n"),
        ])
    }

    pub(super) fn of(records: Vec<Record>) -> Self {
        Self { records, ..Self::default() }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut directory = Vec::new();
        for record in &self.records {
            let start = u32::try_from(bytes.len()).unwrap();
            let Header { flags, method, crc32, compressed, size, name, extra } = &record.local;
            bytes.extend_from_slice(b"PK\x03\x04\x14\0");
            shorts(&mut bytes, &[*flags, *method, 0, 0]);
            longs(&mut bytes, &[*crc32, *compressed, *size]);
            shorts(&mut bytes, &[length(name), length(extra)]);
            bytes.extend([name, extra, &record.payload, &record.after].into_iter().flatten());
            if !record.unlisted {
                entry(&mut directory, record, start);
            }
        }
        bytes.extend_from_slice(&self.before_directory);
        let start = u32::try_from(bytes.len()).unwrap();
        let size = u32::try_from(directory.len()).unwrap();
        let listed = self.records.iter().filter(|record| !record.unlisted).count();
        let entries = u16::try_from(listed).unwrap().wrapping_add(self.end.entries);
        bytes.extend([&directory, &self.before_end].into_iter().flatten());
        bytes.extend_from_slice(b"PK\x05\x06");
        shorts(&mut bytes, &[self.end.disk, self.end.disk, entries, entries]);
        longs(&mut bytes, &[size.wrapping_add(self.end.size), start.wrapping_add(self.end.offset)]);
        shorts(&mut bytes, &[length(&self.end.comment) + self.end.longer]);
        bytes.extend([&self.end.comment, &self.after].into_iter().flatten());
        bytes
    }
}

fn entry(directory: &mut Vec<u8>, record: &Record, start: u32) {
    let Header { flags, method, crc32, compressed, size, name, extra } = &record.central;
    directory.extend_from_slice(b"PK\x01\x02");
    shorts(directory, &[record.made_by, 20, *flags, *method, 0, 0]);
    longs(directory, &[*crc32, *compressed, *size]);
    shorts(directory, &[length(name), length(extra), length(&record.comment), record.disk, 0]);
    longs(directory, &[record.attributes, record.header.unwrap_or(start)]);
    directory.extend([name, extra, &record.comment].into_iter().flatten());
}

fn length(bytes: &[u8]) -> u16 {
    u16::try_from(bytes.len()).unwrap()
}

fn shorts(bytes: &mut Vec<u8>, numbers: &[u16]) {
    numbers.iter().for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()));
}

fn longs(bytes: &mut Vec<u8>, numbers: &[u32]) {
    numbers.iter().for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()));
}
