//! Whole archives, against files that torch wrote.

extern crate std;

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::Error;
use crate::model::Storage;
use crate::torch::ArchiveWriter;
use crate::torch::emit::Emitted;
use crate::writer::{Checksum, Layout, Segment, Source, TorchOptions};

const NONE: &[u8] = include_bytes!("../zip/testdata/none.pt");
const ZEROS: &[u8] = include_bytes!("../zip/testdata/zeros.pt");
const MODEL: &[u8] = include_bytes!("../zip/testdata/model.pt");

/// The bytes that fill a layout, and what is left of the file to be filled.
struct Disk {
    bytes: Vec<u8>,
    written: Vec<bool>,
}

impl Disk {
    fn new(layout: &Layout) -> Self {
        let length = usize::try_from(layout.length).unwrap();
        Self { bytes: vec![0; length], written: vec![false; length] }
    }

    fn put(&mut self, offset: u64, bytes: &[u8]) {
        let start = usize::try_from(offset).unwrap();
        let end = start + bytes.len();
        assert!(!self.written[start..end].contains(&true), "{start}..{end} is written twice");
        self.written[start..end].fill(true);
        self.bytes[start..end].copy_from_slice(bytes);
    }

    fn put_all(&mut self, segments: &[Segment]) {
        for (index, segment) in segments.iter().enumerate() {
            assert!(segment.bytes.len() <= 1 << 20);
            if let Some(next) = segments.get(index + 1).filter(|_| segment.bytes.len() < 1 << 20) {
                assert!(segment.offset + (segment.bytes.len() as u64) < next.offset, "neighbours not joined");
            }
            self.put(segment.offset, &segment.bytes);
        }
    }

    fn finished(self) -> Vec<u8> {
        let hole = self.written.iter().position(|written| !written);
        assert_eq!(hole, None, "a byte is never written");
        self.bytes
    }
}

/// The archive of a pickle and its storages, in the order of their keys.
fn archive(options: &TorchOptions, pickle: &[u8], payloads: &[&[u8]]) -> Result<Vec<u8>, Error> {
    // The state dict has them the other way round: slots must follow the keys.
    let storage = |payload: &&[u8]| Storage { length: payload.len() as u64, location: String::from("cpu") };
    let storages: Vec<_> = payloads.iter().rev().map(storage).collect();
    let order = (0..u32::try_from(payloads.len()).unwrap()).rev().collect();
    let emitted = Emitted { bytes: pickle.to_vec(), order };
    let (writer, layout) = ArchiveWriter::lay_out(options, emitted, &storages)?;
    assert!(layout.seal);
    let mut disk = Disk::new(&layout);
    disk.put_all(&layout.segments);
    let mut checksums = Vec::new();
    assert_eq!(layout.slots.len(), payloads.len());
    for slot in &layout.slots {
        let Source::Storage(id) = slot.source else { panic!("{:?}", slot.source) };
        let payload = payloads[payloads.len() - 1 - id as usize];
        assert_eq!(slot.length, payload.len() as u64);
        disk.put(slot.offset, payload);
        checksums.push(Checksum::of(payload));
    }
    disk.put_all(&writer.seal(&checksums)?);
    assert!(writer.seal(&checksums[1.min(checksums.len())..]).is_err() == !checksums.is_empty());
    Ok(disk.finished())
}

/// The first record's payload, as long as `length`.
fn pickle(file: &[u8], length: usize) -> &[u8] {
    &file[64..64 + length]
}

fn named(file_name: &str) -> TorchOptions {
    TorchOptions { file_name: Some(String::from(file_name)), ..TorchOptions::default() }
}

#[test]
fn archives_are_torchs_byte_for_byte() {
    let buffer = TorchOptions::default();
    assert!(archive(&buffer, b"\x80\x02N.", &[]).unwrap() == NONE);
    assert!(archive(&buffer, pickle(ZEROS, 150), &[&[0; 8]]).unwrap() == ZEROS);
    let numbers: Vec<u8> = [0f32, 1., 2., 3.].iter().flat_map(|number| number.to_le_bytes()).collect();
    let length = MODEL.windows(4).position(|bytes| bytes == b"PK\x07\x08").unwrap() - 64;
    let model = archive(&named("some/where/model.pt"), pickle(MODEL, length), &[&numbers]).unwrap();
    assert!(model == MODEL);
}

#[test]
fn the_file_name_gives_the_archive_its_name() {
    let name = |file_name: Option<&str>| {
        let options = TorchOptions { file_name: file_name.map(String::from), ..TorchOptions::default() };
        let bytes = archive(&options, b"\x80\x02N.", &[])?;
        let end = bytes.windows(9).position(|bytes| bytes == b"/data.pkl").unwrap();
        Ok(String::from_utf8(bytes[30..end].to_vec()).unwrap())
    };
    let cases = [
        (None, "archive"),
        (Some("a.b.c.pt"), "a.b.c"),
        (Some("noext"), "noext"),
        (Some("x."), "x"),
        (Some("..pt"), "."),
        (Some(".a.b"), ".a"),
        (Some("d.x/f"), "f"),
        (Some("C:\\d\\e.pt"), "e"),
        (Some("é.pt"), "archive"),
        (Some("é/x.pt"), "archive"),
        (Some("é/.x"), "archive"),
        (Some("PK\x07\x08.pt"), "PK\x07\x08"),
    ];
    for (file_name, expected) in cases {
        assert_eq!(name(file_name), Ok(String::from(expected)), "{file_name:?}");
    }
    for file_name in ["", ".hidden", "d/", "d\\", "a/.b", "a\0b.pt"] {
        assert!(matches!(name(Some(file_name)), Err(Error::Misuse(_))), "{file_name:?}");
    }
}
