//! Whole archives, against files that torch wrote.

extern crate std;

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use crate::model::{Checksum, FileLayout as Layout, Segment, Source, TorchOptions};
use crate::model::{Storage, Stored};
use crate::step::{Next, Range};
use crate::torch::ArchiveWriter;
use crate::torch::emit::Emitted;
use crate::torch::interpret::Interpreted;
use crate::torch::records::Records;
use crate::zip::{self, Directory, Opening};
use crate::{Error, Limits};

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
    let fewer = checksums.split_first().map(|(_, fewer)| writer.seal(fewer));
    assert!(fewer.is_none_or(|sealed| sealed.is_err()));
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

#[test]
fn without_checksums_all_are_zero() {
    let options = TorchOptions { checksums: false, ..TorchOptions::default() };
    let bytes = archive(&options, pickle(ZEROS, 150), &[&[1; 8]]).unwrap();
    let directory = directory(&bytes);
    assert!(directory.entries.iter().all(|entry| entry.crc32 == 0));
    // The first half of the id hashes names only; the second, five zeros and
    // the storage's.
    let id = directory.entries.last().unwrap().payload.offset;
    let id = &bytes[usize::try_from(id).unwrap()..][..40];
    assert_eq!(id, b"1572819951185464302603005401530805769991");
}

#[test]
fn an_empty_storage_has_a_slot_and_a_record() {
    let bytes = archive(&TorchOptions::default(), b"\x80\x02N.", &[&[], &[7; 3], &[]]).unwrap();
    let sizes: Vec<_> = directory(&bytes).entries.iter().map(|entry| entry.size).collect();
    assert_eq!(sizes, [4, 1, 2, 6, 0, 3, 0, 2, 40]);
}

#[test]
fn a_storage_that_was_never_added_is_misuse() {
    let emitted = Emitted { bytes: vec![], order: vec![0] };
    assert!(matches!(ArchiveWriter::lay_out(&TorchOptions::default(), emitted, &[]), Err(Error::Misuse(_))));
}

/// The archive's records, up to the point where its pickle is read.
fn records(bytes: &[u8]) -> Result<Records, Error> {
    let mut records = Records::new(directory(bytes))?;
    records.pickle()?;
    let read = |range: Range| {
        let start = usize::try_from(range.offset).unwrap();
        bytes[start..start + usize::try_from(range.length).unwrap()].to_vec()
    };
    let notes: Vec<_> = records.notes()?.into_iter().map(|(_, entry)| read(entry.payload)).collect();
    records.learn(&notes)?;
    Ok(records)
}

/// Looks up a storage of 4-byte numbers.
fn stored(records: &Records, key: &str, length: u64) -> Result<Stored, Error> {
    records.stored(key, length, 4, String::from("cpu"))
}

fn directory(bytes: &[u8]) -> Directory {
    let mut opening = Opening::new(bytes.len() as u64, &Limits::default());
    assert!(matches!(opening.resume(Vec::new()), Ok(Next::Fetch(_))));
    match opening.resume(vec![bytes.to_vec()]) {
        Ok(Next::Done(directory)) => directory,
        other => panic!("{other:?}"),
    }
}

/// An archive of these records, stored, their checksums all `crc32`.
pub(super) fn zipped(parts: &[(&str, &str)], crc32: u32) -> Vec<u8> {
    let record = |&(name, payload): &(&str, &str)| zip::Record {
        name: String::from(name),
        length: payload.len() as u64,
    };
    let layout = zip::Layout::new(parts.iter().map(record).collect(), 1).unwrap();
    let mut bytes = vec![0; usize::try_from(layout.length()).unwrap()];
    let mut put = |offset: u64, part: &[u8]| {
        let start = usize::try_from(offset).unwrap();
        bytes[start..start + part.len()].copy_from_slice(part);
    };
    for (index, (_, payload)) in parts.iter().enumerate() {
        put(layout.payload(index).unwrap(), payload.as_bytes());
        for segment in layout.header(index).into_iter().chain(layout.descriptor(index, crc32)) {
            put(segment.offset, &segment.bytes);
        }
    }
    for segment in layout.directory(&vec![crc32; parts.len()]).unwrap() {
        put(segment.offset, &segment.bytes);
    }
    bytes
}

/// Has an archive state this checksum of a record, in directory and descriptor.
fn set_checksum(bytes: &mut [u8], name: &str, crc32: u32) {
    let find = |bytes: &[u8], what: &[u8], from: usize| {
        bytes[from..].windows(what.len()).position(|window| window == what).unwrap() + from
    };
    let header = find(bytes, name.as_bytes(), 0);
    let descriptor = find(bytes, b"PK\x07\x08", header) + 4;
    let entry = find(bytes, name.as_bytes(), find(bytes, b"PK\x01\x02", 0)) - 46 + 16;
    for at in [descriptor, entry] {
        bytes[at..at + 4].copy_from_slice(&crc32.to_le_bytes());
    }
}

#[test]
fn a_storage_is_found_under_its_key() {
    let records = records(ZEROS).unwrap();
    let stored = stored(&records, "0", 8).unwrap();
    assert_eq!(stored.range, Range::new(704, 8));
    assert_eq!(stored.checksum, Some(crc32fast::hash(&[0; 8])));
    assert_eq!((&*stored.name, &*stored.location, stored.swap), ("archive/data/0", "cpu", 1));
    let checkpoint = records.checkpoint(Interpreted::default()).unwrap();
    assert_eq!(
        (&*checkpoint.archive, checkpoint.alignment, checkpoint.checksums),
        ("archive", Some(64), true)
    );
}

#[test]
fn numbers_of_the_other_byte_order_are_to_be_swapped() {
    let parts = [("a/data.pkl", ""), ("a/byteorder", "big"), ("a/data/0", "12345678"), ("a/version", "3")];
    assert_eq!(stored(&records(&zipped(&parts, 0)).unwrap(), "0", 8).unwrap().swap, 4);
}

#[test]
fn an_archive_of_zero_checksums_has_none() {
    let records =
        records(&zipped(&[("a/data.pkl", ""), ("a/data/0", "12345678"), ("a/version", "3")], 0)).unwrap();
    assert_eq!(stored(&records, "0", 8).unwrap().checksum, None);
    let checkpoint = records.checkpoint(Interpreted::default()).unwrap();
    assert_eq!((checkpoint.checksums, checkpoint.alignment), (false, None));
}

#[test]
fn a_checksum_of_zero_is_none_stated() {
    // `skip_data` writes it for payloads only. That of an empty one is 0.
    let (x, digit) = (crc32fast::hash(b"x"), crc32fast::hash(b"3"));
    let mut bytes =
        zipped(&[("a/data.pkl", "x"), ("a/data/0", "12345678"), ("a/data/1", ""), ("a/version", "3")], 0);
    set_checksum(&mut bytes, "a/data.pkl", x);
    set_checksum(&mut bytes, "a/version", digit);
    let records = records(&bytes).unwrap();
    assert_eq!(stored(&records, "0", 8).unwrap().checksum, None);
    assert_eq!(stored(&records, "1", 0).unwrap().checksum, Some(0));
    assert!(records.checkpoint(Interpreted::default()).unwrap().checksums);
}

#[test]
fn what_belongs_to_no_value_is_told() {
    let id = "7".repeat(40);
    let mut parts = vec![
        ("a/data.pkl", ""),
        ("a/version", "3"),
        ("a/.format_version", "1"),
        ("a/.data/serialization_id", &*id),
        ("a/data/", ""),
        ("a/", ""),
    ];
    let extras = |parts: &[(&str, &str)], comment: &str| {
        let mut bytes = zipped(parts, 0);
        let end = bytes.len();
        bytes[end - 2] = u8::try_from(comment.len()).unwrap();
        bytes.extend_from_slice(comment.as_bytes());
        let checkpoint = records(&bytes).unwrap().checkpoint(Interpreted::default()).unwrap();
        checkpoint.extras.into_iter().map(|extra| [extra.path, extra.reason].join(": ")).collect::<Vec<_>>()
    };
    assert_eq!(extras(&parts, ""), [""; 0]);
    parts.extend([("a/data/7", "1234"), ("a/notes.txt", "hello")]);
    let expected = [
        "a/data/7: a payload of 4 bytes that belongs to no value",
        "a/notes.txt: a record of 5 bytes that belongs to no value",
        "zip comment: 4 bytes",
    ];
    assert_eq!(extras(&parts, "mine"), expected);
    let names: Vec<String> = (0..200).map(|n| ["a/x", &n.to_string()].concat()).collect();
    parts.extend(names.iter().map(|name| (name.as_str(), "")));
    let many = extras(&parts, "");
    assert_eq!((many.len(), &*many[100]), (101, "102 more: further parts that belong to no value"));
}

#[test]
fn a_name_of_torchs_does_not_hide_what_is_somebodys_own() {
    let extras = |parts: &[(&str, &str)]| {
        let records = records(&zipped(parts, 0)).unwrap();
        let checkpoint = records.checkpoint(Interpreted::default()).unwrap();
        checkpoint.extras.into_iter().map(|extra| extra.path).collect::<Vec<_>>()
    };
    let both = [("a/data.pkl", ""), ("a/.data/version", "3\n"), ("a/version", "3\n")];
    assert_eq!(extras(&both), [""; 0]);
    assert_eq!(extras(&[&[("a/", ""), ("a/.data/", "")], &both[..]].concat()), [""; 0]);
    let long = "1".repeat(100);
    for (name, text) in [
        ("a/.data/note.txt", "mine"),
        ("a/.data/serialization_id", "mine"),
        ("a/.data/serialization_id", &long),
        ("a/.format_version", "one"),
        ("a/version", "mine"),
        ("a/notes/", ""),
        ("a/data.pkl/", ""),
    ] {
        assert_eq!(extras(&[("a/data.pkl", ""), ("a/.data/version", "3"), (name, text)]), [name], "{text}");
    }
}

#[test]
fn files_of_older_versions_are_read() {
    // Before 1.6 was final the version stood elsewhere; byteorder came with 2.1.
    for version in ["a/version", "a/.data/version"] {
        let parts = [("a/data.pkl", "x"), ("a/data/0", "12345678"), (version, "2\n")];
        assert_eq!(stored(&records(&zipped(&parts, 0)).unwrap(), "0", 8).unwrap().swap, 1);
    }
}

#[test]
fn a_storage_that_is_not_as_the_pickle_says_is_refused() {
    let records = records(ZEROS).unwrap();
    let longer =
        "malformed: archive/data/0, offset 704: expected 12 bytes, as `archive/data.pkl` says, found 8 bytes";
    assert_eq!(stored(&records, "0", 12).unwrap_err().to_string(), longer);
    let missing = "malformed: archive/data.pkl, offset 64: expected a record `archive/data/1` for a storage it names, \
                   found none";
    assert_eq!(stored(&records, "1", 0).unwrap_err().to_string(), missing);
}

#[test]
fn an_archive_that_torch_would_not_write_is_refused() {
    let pickle = ("a/data.pkl", "x");
    let version = ("a/version", "3");
    let long = "1".repeat(65);
    let in_case = "expected names that differ in more than their case";
    let cases: [(&[(&str, &str)], &str); 16] = [
        (&[], "malformed: zip directory, offset 0: expected records named `<archive>/…`, found nothing"),
        (&[("data.pkl", "x")], "expected records named `<archive>/…`, found `data.pkl`"),
        (&[pickle, ("b/version", "3")], "expected a name that starts with `a/`, found `b/version`"),
        (&[pickle, ("ab/version", "3")], "expected a name that starts with `a/`, found `ab/version`"),
        (&[version], "expected a record `a/data.pkl`, found none"),
        (&[pickle], "expected a record `a/version`, found none"),
        (
            &[pickle, ("a/version", "11")],
            "unsupported: a/version, offset 104: expected a version from 1 to 10",
        ),
        (&[pickle, ("a/version", &long)], "expected at most 64 bytes, found 65"),
        (&[pickle, version, ("a/byteorder", "middle")], "expected `little` or `big`, found 6d 69 64"),
        (
            &[pickle, version, ("a/constants.pkl", "x")],
            "unsupported: file, offset 0: expected a PyTorch file, safetensors or a pickle, found a TorchScript archive",
        ),
        (
            &[version, ("a/.data/extern_modules", "")],
            "found a torch.package archive, which holds Python modules",
        ),
        (&[version, ("a/archive_format", "pt2")], "found an exported program (.pt2)"),
        (&[pickle, version, ("a/BYTEORDER", "big")], in_case),
        (&[pickle, version, ("a/Data.pkl", "x")], in_case),
        (&[pickle, version, ("a/.DATA/version", "3")], in_case),
        (&[pickle, version, ("a/data/a", "1"), ("a/data/A", "2")], in_case),
    ];
    for (parts, expected) in cases {
        let bytes = zipped(parts, 0);
        let message = records(&bytes).unwrap_err().to_string();
        assert!(message.contains(expected), "{parts:?}: {message}");
    }
}

#[test]
fn a_note_that_was_damaged_is_refused() {
    let bytes = zipped(&[("a/data.pkl", "x"), ("a/version", "3")], 7);
    let message = records(&bytes).unwrap_err().to_string();
    assert!(
        message.contains("a/version, offset 104: expected bytes with the CRC-32 00000007, found 6dd28e9b"),
        "{message}"
    );
}

#[test]
fn deflated_records_are_unsupported() {
    let bytes = include_bytes!("../zip/testdata/deflated.pt");
    let message = records(bytes).unwrap_err().to_string();
    assert_eq!(
        message,
        "unsupported: archive/data.pkl, offset 0: expected a stored record, found deflate (method 8): \
         unzip the file, zip it again without compression (`zip -0 -r`), and `strongroom convert` that"
    );
}
