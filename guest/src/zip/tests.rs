extern crate std;

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::model::Segment;
use crate::step::{Next, Range};
use crate::{Error, Limits};

/// The files of `testdata/`.
const FILES: [(&str, &[u8]); 12] = [
    ("none", include_bytes!("testdata/none.pt")),
    ("zeros", include_bytes!("testdata/zeros.pt")),
    ("model", include_bytes!("testdata/model.pt")),
    ("python", include_bytes!("testdata/python.pt")),
    ("python-streamed", include_bytes!("testdata/python-streamed.pt")),
    ("python-streamed-zip64", include_bytes!("testdata/python-streamed-zip64.pt")),
    ("python-zip64", include_bytes!("testdata/python-zip64.pt")),
    ("deflated", include_bytes!("testdata/deflated.pt")),
    ("infozip", include_bytes!("testdata/infozip.pt")),
    ("infozip-streamed", include_bytes!("testdata/infozip-streamed.pt")),
    ("infozip-zip64", include_bytes!("testdata/infozip-zip64.pt")),
    ("infozip-9", include_bytes!("testdata/infozip-9.pt")),
];

/// A file of any length: zeros but for some segments.
struct File {
    length: u64,
    /// Sorted by offset, disjoint.
    segments: Vec<Segment>,
}

impl File {
    fn of(bytes: &[u8]) -> Self {
        Self { length: bytes.len() as u64, segments: vec![Segment { offset: 0, bytes: bytes.to_vec() }] }
    }

    /// An archive of these records as torch would write it, payloads all zero.
    fn torch(records: &[(&str, u64)], alignment: u32, crc32: u32) -> Self {
        let records: Vec<_> =
            records.iter().map(|&(name, length)| Record { name: name.to_owned(), length }).collect();
        Self::laid_out(&Layout::new(records.clone(), alignment).unwrap(), records.len(), crc32)
    }

    fn laid_out(layout: &Layout, count: usize, crc32: u32) -> Self {
        let mut segments: Vec<_> = (0..count)
            .flat_map(|index| [layout.header(index), layout.descriptor(index, crc32)].into_iter().flatten())
            .collect();
        segments.extend(layout.directory(&vec![crc32; count]).unwrap());
        Self { length: layout.length(), segments }
    }

    fn read(&self, range: Range) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(range.length).unwrap()];
        let end = range.end().unwrap();
        let first = self.segments.partition_point(|s| s.offset + s.bytes.len() as u64 <= range.offset);
        for segment in self.segments[first..].iter().take_while(|s| s.offset < end) {
            let (from, to) =
                (segment.offset.max(range.offset), (segment.offset + segment.bytes.len() as u64).min(end));
            let at = |offset: u64, base: u64| usize::try_from(offset - base).unwrap();
            bytes[at(from, range.offset)..at(to, range.offset)]
                .copy_from_slice(&segment.bytes[at(from, segment.offset)..at(to, segment.offset)]);
        }
        bytes
    }

    /// The whole file.
    fn bytes(&self) -> Vec<u8> {
        self.read(Range::new(0, self.length))
    }
}

/// Reads the directory; answers the number of rounds, too.
fn open(file: &File, limits: &Limits) -> Result<(Directory, usize), Error> {
    let mut opening = Opening::new(file.length, limits);
    let mut parts = Vec::new();
    for round in 0.. {
        match opening.resume(parts)? {
            Next::Done(directory) => return Ok((directory, round)),
            Next::Fetch(ranges) => {
                let mut last = 0;
                let mut sorted = ranges.clone();
                sorted.sort_by_key(|range| range.offset);
                for range in sorted {
                    assert!(range.offset >= last, "{range:?} was asked for twice");
                    last = range.end().unwrap();
                }
                assert!(last <= file.length, "{last} is beyond the file");
                assert!(round < 5, "it asks and asks");
                parts = ranges.into_iter().map(|range| file.read(range)).collect();
            }
        }
    }
    unreachable!()
}

fn open_bytes(bytes: &[u8]) -> Result<Directory, Error> {
    open(&File::of(bytes), &Limits::default()).map(|(directory, _)| directory)
}

/// What the error says.
fn refusal(bytes: &[u8]) -> String {
    open_bytes(bytes).expect_err("a refusal").to_string()
}

/// Where the `nth` such signature starts.
fn find(bytes: &[u8], signature: &[u8], nth: usize) -> usize {
    bytes.windows(4).enumerate().filter(|(_, window)| window == &signature).nth(nth).unwrap().0
}

/// Two small records as torch writes them, one byte changed.
fn changed(signature: &[u8], nth: usize, field: usize, value: u8) -> Vec<u8> {
    let mut bytes = File::torch(&[("a/x", 5), ("a/y", 6)], 64, 9).bytes();
    let at = find(&bytes, signature, nth) + field;
    assert_ne!(bytes[at], value, "that changes nothing");
    bytes[at] = value;
    bytes
}

#[test]
fn archives_of_all_writers_are_read_in_one_round() {
    for (name, bytes) in FILES {
        let file = File::of(bytes);
        let (directory, rounds) =
            open(&file, &Limits::default()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(rounds, 1, "{name}");
        let files = directory.entries.iter().filter(|entry| !entry.name.ends_with('/'));
        assert_eq!(files.clone().count(), if name == "none" { 6 } else { 7 }, "{name}");
        for entry in files.filter(|entry| entry.method == 0) {
            assert_eq!(crc32fast::hash(&file.read(entry.payload)), entry.crc32, "{name}: {}", entry.name);
            assert_eq!(entry.size, entry.payload.length);
        }
    }
}

#[test]
fn a_cut_archive_is_refused_wherever_the_cut_is() {
    for (name, bytes) in FILES {
        for length in 0..bytes.len() {
            assert!(open_bytes(&bytes[..length]).is_err(), "{name} cut at {length}");
        }
    }
    assert_eq!(
        refusal(&FILES[0].1[..1000]),
        "truncated: zip end record, offset 1000: expected an end record (`PK 05 06`) before it, found none"
    );
}

#[test]
fn a_changed_byte_never_moves_a_record_out_of_the_file_or_onto_another() {
    for (name, bytes) in FILES {
        for at in 0..bytes.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut bytes = bytes.to_vec();
                bytes[at] ^= change;
                let Ok(directory) = open_bytes(&bytes) else { continue };
                let mut entries = directory.entries;
                entries.sort_by_key(|entry| entry.header);
                let mut free = 0;
                for entry in entries {
                    assert!(free <= entry.header && entry.header < entry.payload.offset, "{name}, {at}");
                    free = entry.payload.end().unwrap();
                }
                assert!(free < bytes.len() as u64, "{name}, {at}");
            }
        }
    }
}

#[test]
fn bytes_after_the_end_record_are_refused() {
    let mut bytes = FILES[1].1.to_vec();
    bytes.extend_from_slice(b"more");
    assert_eq!(
        refusal(&bytes),
        "malformed: zip end record, offset 1555: expected a comment of 0 bytes and then the end of the file, \
         found 4 bytes"
    );
}

#[test]
fn a_comment_that_looks_like_an_end_record_is_a_comment() {
    let (_, plain) = FILES[1];
    let mut bytes = plain.to_vec();
    let fake = b"PK\x05\x06\0\0\0\0\x05\0\x05\0\0\x08\0\0\0\0\0\0\0\0".as_slice();
    let length = bytes.len();
    bytes[length - 2] = u8::try_from(fake.len()).unwrap();
    bytes.extend_from_slice(fake);
    let comment = fake.len() as u64;
    assert_eq!(open_bytes(&bytes), open_bytes(plain).map(|plain| Directory { comment, ..plain }));
}

/// Puts `more` at `at` and adds its length to the numbers of one byte at these places.
fn insert(bytes: &mut Vec<u8>, at: usize, more: &[u8], numbers: &[(&[u8], usize, usize)]) {
    for (signature, nth, field) in numbers {
        let place = find(bytes, signature, *nth) + field;
        let length = u8::try_from(more.len()).unwrap();
        let (low, carry) = bytes[place].overflowing_add(length);
        bytes[place] = low;
        bytes[place + 1] += u8::from(carry);
    }
    bytes.splice(at..at, more.iter().copied());
}

#[test]
fn what_lies_beside_and_between_records_is_counted() {
    for (name, bytes) in FILES {
        let directory = open_bytes(bytes).unwrap();
        assert_eq!(directory.between, 0, "{name}");
        assert!(directory.entries.iter().all(|entry| entry.beside == 0), "{name}");
    }
    let plain = File::torch(&[("a/x", 5), ("a/y", 6)], 64, 9).bytes();
    let (entry, zip64, locator, end): (&[u8], &[u8], &[u8], &[u8]) =
        (b"PK\x01\x02", b"PK\x06\x06", b"PK\x06\x07", b"PK\x05\x06");
    let longer_directory = [(zip64, 0, 40), (locator, 0, 8), (end, 0, 12)];
    for (more, field) in [(&b"mine"[..], 32), (b"XY\x04\0mine", 30)] {
        let mut bytes = plain.clone();
        let second = find(&bytes, entry, 1);
        insert(&mut bytes, second, more, &[&longer_directory[..], &[(entry, 0, field)]].concat());
        let found = open_bytes(&bytes).unwrap();
        assert_eq!([found.entries[0].beside, found.entries[1].beside, found.between], [4, 0, 0]);
    }
    let later_directory = [(zip64, 0, 48), (locator, 0, 8), (end, 0, 16)];
    for nth in 0..2 {
        let (local, mut bytes): (&[u8], _) = (b"PK\x03\x04", plain.clone());
        let behind_name = find(&bytes, local, nth) + 33;
        let moved: Vec<_> = (nth + 1..2).map(|later| (entry, later, 42)).collect();
        insert(
            &mut bytes,
            behind_name,
            b"XY\x04\0mine",
            &[&later_directory[..], &[(local, nth, 28)], &moved].concat(),
        );
        let found = open_bytes(&bytes).unwrap();
        let expected = [4 * u64::from(nth == 0), 4 * u64::from(nth == 1), 0];
        assert_eq!([found.entries[0].beside, found.entries[1].beside, found.between], expected);
    }
    for (signature, nth, moved) in [
        (&b"PK\x03\x04"[..], 1, &[(entry, 1, 42)][..]),
        (entry, 0, &[]),
        (b"PK\x03\x04", 0, &[(entry, 0, 42), (entry, 1, 42)]),
    ] {
        let mut bytes = plain.clone();
        let at = find(&bytes, signature, nth);
        insert(&mut bytes, at, b"mine", &[&later_directory[..], moved].concat());
        assert_eq!(open_bytes(&bytes).unwrap().between, 4);
    }
}

#[test]
fn several_archives_in_one_file_are_told() {
    let (_, one) = FILES[1];
    let error = open_bytes(&[one, one].concat()).unwrap_err().to_string();
    let expected = format!("found one that starts at byte {}, as where several lie in a row", one.len());
    assert!(error.starts_with("unsupported") && error.contains(&expected), "{error}");
}

#[test]
fn of_two_archives_in_one_file_the_last_counts() {
    // The first one's comment is the second one, whole.
    let first = File::torch(&[("a/x", 5)], 1, 9).bytes();
    let second = File::torch(&[("b/y", 6)], 1, 9).bytes();
    let mut bytes = first.clone();
    let at = bytes.len() - 2;
    bytes[at] = u8::try_from(second.len() & 0xff).unwrap();
    bytes[at + 1] = u8::try_from(second.len() >> 8).unwrap();
    bytes.extend_from_slice(&second);
    // Its offsets count from its own start: it does not fit its place.
    let comment = second.len() as u64;
    assert_eq!(open_bytes(&bytes), open_bytes(&first).map(|first| Directory { comment, ..first }));
}

#[test]
fn end_records_that_disagree_are_refused() {
    const END: &[u8] = b"PK\x05\x06";
    const LOCATOR: &[u8] = b"PK\x06\x07";
    const ZIP64: &[u8] = b"PK\x06\x06";
    let cases = [
        (END, 4, "found one of several"),
        (END, 6, "found one of several"),
        (END, 8, "found one of several"),
        (END, 12, "expected directory size 98, as zip64 says, found 7"),
        (END, 16, "expected directory offset 150, as zip64 says, found 7"),
        (LOCATOR, 4, "found one of several"),
        (LOCATOR, 8, "expected a zip64 end record right before its locator, found offset"),
        (LOCATOR, 16, "found one of several"),
        (ZIP64, 1, "expected a zip64 end record (`PK 06 06`), found another signature"),
        (ZIP64, 4, "expected a zip64 end record of size 44, found a size of 7"),
        (ZIP64, 16, "found one of several"),
        (ZIP64, 24, "found one of several"),
        (ZIP64, 40, "expected directory size 7, as zip64 says, found 98"),
        (ZIP64, 48, "expected directory offset"),
    ];
    for (signature, field, expected) in cases {
        let message = refusal(&changed(signature, 0, field, 7));
        assert!(message.contains(expected), "{signature:?} {field}: {message}");
    }
}

#[test]
fn the_directory_must_have_as_many_entries_as_it_says() {
    let mut bytes = FILES[3].1.to_vec();
    let end = find(&bytes, b"PK\x05\x06", 0);
    for (count, expected) in [
        (6, "expected 6 entries and then the end of the directory"),
        (8, "expected an entry (`PK 01 02`), found nothing"),
    ] {
        bytes[end + 8] = count;
        bytes[end + 10] = count;
        let message = refusal(&bytes);
        assert!(message.contains(expected), "{message}");
    }
    bytes[end + 9] = 1;
    bytes[end + 11] = 1;
    assert!(refusal(&bytes).contains("no more entries than 463 bytes can hold, found 264 of them"));
}

#[test]
fn a_directory_entry_of_another_kind_is_refused() {
    const ENTRY: &[u8] = b"PK\x01\x02";
    let cases = [
        (8, 0x09, "expected an unencrypted record, found flags 0x0809"),
        (8, 0x28, "expected no flags but `descriptor` and `UTF-8`, found flags 0x0828"),
        (10, 12, "expected a stored or deflated record, found compression method 12"),
        (20, 4, "expected 5 bytes stored, found 4"),
        (34, 1, "expected a record on the first disk, found disk 1"),
        (46, 0xff, "expected a name in UTF-8 without NUL, found ff 2f 78"),
        (47, 0, "expected a name in UTF-8 without NUL, found 61 00 78"),
        (28, 0, "expected a name in UTF-8 without NUL, found nothing"),
        (28, 200, "expected an entry inside the directory, found one that runs beyond its end"),
        (30, 1, "expected extra fields one after another, found a piece of one"),
        (32, 200, "expected an entry inside the directory"),
        (48, b'y', "expected one record named `a/y`, found a second"),
    ];
    for (field, value, expected) in cases {
        let message = refusal(&changed(ENTRY, 0, field, value));
        assert!(message.contains(expected), "{field}: {message}");
    }
}

#[test]
fn a_local_header_that_contradicts_the_directory_is_refused() {
    const HEADER: &[u8] = b"PK\x03\x04";
    let cases = [
        (0, b'p', "expected a local header (`PK 03 04`), found 70 4b 03 04"),
        (6, 0, "expected flags 0x0808 and method 0 as in the directory, found flags 0x0800 and method 0"),
        (8, 8, "found flags 0x0808 and method 8"),
        (
            14,
            8,
            "expected CRC-32 00000009, 5 of 5 bytes as in the directory, found CRC-32 00000008, 0 of 0 bytes",
        ),
        (18, 4, "found CRC-32 00000000, 4 of 0 bytes"),
        (26, 2, "expected the name it has in the directory, found 2 bytes, `a/x`"),
        (29, 1, "expected the record to end before"),
        (32, b'z', "found 3 bytes, `a/z`"),
    ];
    for (field, value, expected) in cases {
        let message = refusal(&changed(HEADER, 0, field, value));
        assert!(message.contains(expected), "{field}: {message}");
    }
}

#[test]
fn a_data_descriptor_that_contradicts_the_directory_is_refused() {
    for field in [0, 4, 8, 12] {
        let message = refusal(&changed(b"PK\x07\x08", 1, field, 77));
        assert!(message.contains("a/y, offset"), "{message}");
        assert!(
            message.contains("expected a data descriptor with the directory's CRC-32 and sizes"),
            "{message}"
        );
    }
}

#[test]
fn records_that_share_bytes_are_refused() {
    // The second entry leads to the first one's header: a zip bomb's trick.
    let bytes = changed(b"PK\x01\x02", 1, 42, 0);
    assert!(refusal(&bytes).contains("expected the record to end before 0, where the next part begins"));
}

#[test]
fn a_descriptor_may_have_any_form_and_bytes_may_lie_between_records() {
    let short = [9, 0, 0, 0, 5, 0, 0, 0, 5, 0, 0, 0].as_slice();
    let long = [&[9, 0, 0, 0, 5][..], &[0; 7], &[5], &[0; 7]].concat();
    let signed = |bare: &[u8]| [b"PK\x07\x08", bare].concat();
    for descriptor in [short.to_vec(), signed(short), long.clone(), signed(&long)] {
        for gap in [0, 40] {
            let file = stored(&descriptor, gap);
            let directory = open_bytes(&file).unwrap();
            assert_eq!(directory.entries[0].payload, Range::new(33, 5));
        }
    }
    assert!(open_bytes(&stored(&[], 0)).is_err());
    assert!(open_bytes(&stored(&[], 40)).is_err());
}

/// One record `a/x` of five bytes, its descriptor, a gap, and a directory
/// without zip64.
fn stored(descriptor: &[u8], gap: usize) -> Vec<u8> {
    let header = b"PK\x03\x04\0\0\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x03\0\0\0a/xhello";
    let mut bytes = [header, descriptor, &vec![0; gap]].concat();
    let directory = u8::try_from(bytes.len()).unwrap();
    bytes.extend_from_slice(b"PK\x01\x02\0\0\0\0\x08\0\0\0\0\0\0\0\x09\0\0\0\x05\0\0\0\x05\0\0\0\x03\0");
    bytes.extend_from_slice(b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0a/x");
    bytes.extend_from_slice(b"PK\x05\x06\0\0\0\0\x01\0\x01\0\x31\0\0\0");
    bytes.extend_from_slice(&[directory, 0, 0, 0, 0, 0]);
    bytes
}

#[test]
fn limits_end_the_work() {
    let file = File::of(FILES[1].1);
    let entries = Limits { entries: 6, ..Limits::default() };
    assert_eq!(open(&file, &entries), Err(Error::limit(1016, "entries", 6)));
    let directory_bytes = Limits { directory_bytes: 400, ..Limits::default() };
    assert_eq!(open(&file, &directory_bytes), Err(Error::limit(1016, "directory_bytes", 400)));
}

#[test]
fn seventy_thousand_records_take_three_rounds() {
    let names: Vec<_> = (0..70_000).map(|key| format!("archive/data/{key}")).collect();
    let records: Vec<_> = names.iter().map(|name| (&**name, 4096)).collect();
    let file = File::torch(&records, 64, 9);
    let (directory, rounds) = open(&file, &Limits::default()).unwrap();
    assert_eq!((directory.entries.len(), rounds), (70_000, 3));
    assert!(directory.entries.iter().all(|entry| entry.payload.offset % 64 == 0));
}

#[test]
fn wide_padding_is_looked_at_piece_by_piece() {
    let names: Vec<_> = (0..1_000).map(|key| format!("archive/data/{key}")).collect();
    let records: Vec<_> = names.iter().map(|name| (&**name, 8)).collect();
    let file = File::torch(&records, 1 << 15, 9);
    let (directory, rounds) = open(&file, &Limits::default()).unwrap();
    assert_eq!((directory.entries.len(), rounds), (1_000, 5));
    assert!(directory.entries.iter().all(|entry| entry.beside == 0));
}

#[test]
fn lengths_beyond_32_bits_take_zip64() {
    const EDGE: u64 = 0xffff_ffff;
    let records = [("a/below", EDGE - 1), ("a/far", 0), ("a/both", 8 << 30), ("a/last", 1)];
    let layout =
        Layout::new(records.map(|(name, length)| Record { name: name.to_owned(), length }).to_vec(), 64)
            .unwrap();
    // Below the edge nothing is wide but what comes after.
    assert_eq!(layout.header(0).unwrap().bytes.len(), 64);
    assert_eq!(layout.descriptor(0, 9).unwrap().bytes.len(), 16);
    let far = layout.header(1).unwrap();
    assert!(far.offset >= EDGE);
    assert_eq!(far.bytes[35..39], [1, 0, 8, 0]);
    assert_eq!(far.bytes[39..47], far.offset.to_le_bytes());
    assert_eq!(layout.descriptor(1, 9), None);
    let both = layout.header(2).unwrap();
    assert_eq!(both.bytes[14..26], [0; 12]);
    assert_eq!(both.bytes[36..40], [1, 0, 24, 0]);
    assert_eq!(
        both.bytes[40..64],
        [&(8u64 << 30).to_le_bytes()[..], &[0; 8], &both.offset.to_le_bytes()].concat()
    );
    assert_eq!(layout.descriptor(2, 9).unwrap().bytes.len(), 24);
    let file = File::laid_out(&layout, 4, 9);
    let (directory, rounds) = open(&file, &Limits::default()).unwrap();
    assert_eq!(rounds, 2);
    for (index, (entry, (name, length))) in directory.entries.iter().zip(records).enumerate() {
        assert_eq!((&*entry.name, entry.size), (name, length));
        assert_eq!(entry.payload, Range::new(layout.payload(index).unwrap(), length));
        // torch writes where a header is into it, too.
        assert_eq!(entry.beside, 0, "{name}");
    }
}

#[test]
fn the_edge_itself_is_wide() {
    let layout = |length| Layout::new(vec![Record { name: "a/x".to_owned(), length }], 1).unwrap();
    assert_eq!(layout(0xffff_fffe).header(0).unwrap().bytes.len(), 37);
    assert_eq!(layout(0xffff_ffff).header(0).unwrap().bytes.len(), 57);
    for length in [0xffff_fffe, 0xffff_ffff, 1 << 40] {
        let (directory, _) = open(&File::laid_out(&layout(length), 1, 9), &Limits::default()).unwrap();
        assert_eq!(directory.entries[0].size, length);
    }
}

#[test]
fn the_layout_is_torchs() {
    for (_, bytes) in &FILES[..3] {
        let entries = open_bytes(bytes).unwrap().entries;
        let record = |entry: &Entry| Record { name: entry.name.clone(), length: entry.size };
        let layout = Layout::new(entries.iter().map(record).collect(), 64).unwrap();
        assert_eq!(layout.length(), bytes.len() as u64);
        let mut made = bytes.to_vec();
        let mut put = |segment: Segment| {
            let start = usize::try_from(segment.offset).unwrap();
            made[start..start + segment.bytes.len()].copy_from_slice(&segment.bytes);
        };
        for (index, entry) in entries.iter().enumerate() {
            put(layout.header(index).unwrap());
            put(layout.descriptor(index, entry.crc32).unwrap());
        }
        let crc32: Vec<_> = entries.iter().map(|entry| entry.crc32).collect();
        layout.directory(&crc32).unwrap().into_iter().for_each(put);
        assert!(made == *bytes);
    }
}

#[test]
fn what_does_not_fit_the_format_is_not_laid_out() {
    let record = |length| Record { name: "a/x".to_owned(), length };
    assert!(Layout::new(vec![record(1)], 0).is_err());
    assert!(Layout::new(vec![record(1)], 32769).is_err());
    assert!(Layout::new(vec![record(u64::MAX)], 64).is_err());
    assert!(Layout::new(vec![record(u64::MAX / 2), record(u64::MAX / 2)], 64).is_err());
    assert!(Layout::new(vec![Record { name: "x".repeat(65536), length: 1 }], 64).is_err());
    assert!(Layout::new(vec![record(1); 100_000], 16384).is_err());
    assert!(Layout::new(vec![record(1)], 64).unwrap().directory(&[]).is_err());
}
