use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::model::{Checksum, FileLayout as Layout, Segment, Slot, Source, TorchOptions};
use crate::model::{Node, NodeId, Storage, StorageId};
use crate::torch::emit::{Emitted, emit};
use crate::torch::serialization_id::SerializationId;
use crate::zip::{self, Segments};
use crate::{Error, show};

/// Lays out the zip archive of `torch.save`.
#[derive(Debug)]
pub(crate) struct ArchiveWriter {
    archive: String,
    /// False writes zeros for checksums.
    checksums: bool,
    records: Vec<Record>,
    zip: zip::Layout,
}

/// A record of the archive.
#[derive(Debug)]
struct Record {
    /// Its name without the archive's prefix.
    name: String,
    length: u64,
    payload: Payload,
}

/// What fills a record.
#[derive(Debug)]
enum Payload {
    /// Bytes known before any storage; emptied once they are laid out.
    Known(Vec<u8>, Checksum),
    Storage(StorageId),
    /// The serialization id, which depends on all of them.
    Id,
}

impl ArchiveWriter {
    /// Lays out the state dict under `root`.
    pub(crate) fn new(
        options: &TorchOptions,
        nodes: &[Node],
        storages: &[Storage],
        root: NodeId,
    ) -> Result<(Self, Layout), Error> {
        Self::lay_out(options, emit(nodes, storages, root)?, storages)
    }

    /// Lays out a pickle and its storages.
    pub(crate) fn lay_out(
        options: &TorchOptions,
        emitted: Emitted,
        storages: &[Storage],
    ) -> Result<(Self, Layout), Error> {
        let archive = archive_name(options.file_name.as_deref())?;
        let records = records(options, emitted, storages)?;
        let full = |record: &Record| zip::Record {
            name: format!("{archive}/{}", record.name),
            length: record.length,
        };
        let zip = zip::Layout::new(records.iter().map(full).collect(), options.alignment)?;
        let mut writer = Self { archive, checksums: options.checksums, records, zip };
        let layout = writer.plan();
        Ok((writer, layout))
    }

    /// The segments that depend on the payloads' checksums, one for each slot.
    pub(crate) fn seal(&self, checksums: &[Checksum]) -> Result<Vec<Segment>, Error> {
        let mut slots = checksums.iter();
        let mut id = SerializationId::new(&self.archive);
        let mut crc32 = Vec::new();
        let mut segments = Segments::default();
        for (index, Record { name, length, payload }) in self.records.iter().enumerate() {
            let known = match payload {
                Payload::Known(_, known) => *known,
                Payload::Storage(_) => *slots.next().ok_or_else(too_few)?,
                Payload::Id => {
                    let digits = id.digits();
                    segments.push(self.zip.payload(index).unwrap_or_default(), digits.as_bytes());
                    Checksum::of(digits.as_bytes())
                }
            };
            let crc = self.crc32(*length, known);
            id.record(name, *length, crc, known.head);
            crc32.push(crc);
            if !matches!(payload, Payload::Known(..)) {
                self.descriptor(index, crc, &mut segments);
            }
        }
        let directory = self.zip.directory(&crc32)?;
        directory.into_iter().for_each(|segment| segments.push(segment.offset, &segment.bytes));
        Ok(segments.into_vec())
    }

    /// Everything that is known up front, and a slot for each storage.
    fn plan(&mut self) -> Layout {
        let mut segments = Segments::default();
        let mut slots = Vec::new();
        for index in 0..self.records.len() {
            if let Some(header) = self.zip.header(index) {
                segments.push(header.offset, &header.bytes);
            }
            let Some(record) = self.records.get_mut(index) else { continue };
            let (offset, length) = (self.zip.payload(index).unwrap_or_default(), record.length);
            match &mut record.payload {
                Payload::Known(bytes, known) => {
                    let known = *known;
                    segments.push(offset, &core::mem::take(bytes));
                    self.descriptor(index, self.crc32(length, known), &mut segments);
                }
                Payload::Storage(storage) => {
                    slots.push(Slot { offset, length, source: Source::Storage(*storage) });
                }
                Payload::Id => {}
            }
        }
        let segments = segments.into_vec();
        Layout { length: self.zip.length(), segments, slots, seal: true, left_out: Vec::new() }
    }

    fn descriptor(&self, index: usize, crc32: u32, segments: &mut Segments) {
        if let Some(descriptor) = self.zip.descriptor(index, crc32) {
            segments.push(descriptor.offset, &descriptor.bytes);
        }
    }

    /// The checksum to write for a payload.
    fn crc32(&self, length: u64, known: Checksum) -> u32 {
        if self.checksums && length > 0 { known.crc32 } else { 0 }
    }
}

impl Checksum {
    /// The facts about these bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let head = bytes.iter().zip(0..8u32).fold(0, |head, (&byte, at)| head | u64::from(byte) << (8 * at));
        Self { crc32: crc32fast::hash(bytes), head }
    }
}

/// All records, in the order torch writes them.
fn records(options: &TorchOptions, emitted: Emitted, storages: &[Storage]) -> Result<Vec<Record>, Error> {
    let mut records = Vec::from([
        Record::known("data.pkl", emitted.bytes),
        Record::known(".format_version", b"1".to_vec()),
        Record::known(".storage_alignment", options.alignment.to_string().into_bytes()),
        Record::known("byteorder", b"little".to_vec()),
    ]);
    for (key, &id) in emitted.order.iter().enumerate() {
        let storage = usize::try_from(id).ok().and_then(|index| storages.get(index));
        let length = storage.ok_or_else(|| Error::misuse(format!("there is no storage {id}")))?.length;
        records.push(Record { name: format!("data/{key}"), length, payload: Payload::Storage(id) });
    }
    records.push(Record::known("version", b"3\n".to_vec()));
    records.push(Record { name: ".data/serialization_id".into(), length: ID_DIGITS, payload: Payload::Id });
    Ok(records)
}

impl Record {
    fn known(name: &str, bytes: Vec<u8>) -> Self {
        let facts = Checksum::of(&bytes);
        Self { name: name.into(), length: bytes.len() as u64, payload: Payload::Known(bytes, facts) }
    }
}

/// What torch calls the archive in a file of this name: the last component up to
/// its last dot. A name that is not ASCII takes another way through torch, as a
/// buffer does.
fn archive_name(file_name: Option<&str>) -> Result<String, Error> {
    let Some(path) = file_name.filter(|path| path.is_ascii()) else {
        return Ok("archive".into());
    };
    let last = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let stem = last.rsplit_once('.').map_or(last, |(stem, _)| stem);
    if stem.is_empty() || stem.contains('\0') {
        return Err(Error::misuse(format!(
            "the file name {} gives the archive no name: something must stand before the last dot",
            show::name(path)
        )));
    }
    Ok(stem.into())
}

fn too_few() -> Error {
    Error::misuse("fewer checksums than slots")
}

const ID_DIGITS: u64 = 40;
