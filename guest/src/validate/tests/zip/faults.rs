//! Each fault alone, and the rules it breaks.

use alloc::vec;
use alloc::vec::Vec;

use super::build::{Record, Zip};
use crate::Limits;
use crate::validate::tests::{judge, summary_of};
use crate::validate::{ValidateOptions, Verdict};

/// A checkpoint with one change breaks exactly these rules.
fn breaks(change: impl Fn(&mut Zip), rules: &[&str]) {
    let mut zip = Zip::torch();
    change(&mut zip);
    let report = judge(&zip.bytes(), ValidateOptions::default());
    let mut found: Vec<_> = report.findings.iter().map(|finding| finding.rule.id).collect();
    found.sort_unstable();
    found.dedup();
    assert_eq!(found, rules, "{}", summary_of(&report));
    let harmless = ["SR-ZIP-DEFLATE"];
    let expected =
        if rules.iter().all(|rule| harmless.contains(rule)) { Verdict::Safe } else { Verdict::Malformed };
    assert_eq!(report.verdict, expected, "{}", summary_of(&report));
}

#[test]
fn a_checkpoint_packed_again_is_safe_unless_its_storages_are_compressed() {
    breaks(|_| {}, &[]);
    breaks(|zip| zip.records.insert(0, Record::new("a/", b"")), &[]);
    let deflated = |zip: &mut Zip| {
        for record in &mut zip.records {
            let name = core::str::from_utf8(&record.local.name).unwrap();
            *record = Record::deflated(name, &record.payload);
        }
    };
    breaks(deflated, &["SR-ZIP-DEFLATE", "SR-ZIP-DEFLATED-STORAGE"]);
    let pickle = |zip: &mut Zip| zip.records[0] = Record::deflated("a/data.pkl", &zip.records[0].payload);
    breaks(pickle, &["SR-ZIP-DEFLATE"]);
}

#[test]
fn folders_are_nothing_but_names() {
    breaks(
        |zip| zip.records.insert(0, Record::new("a/data/", b"bytes")),
        &["SR-ZIP-FOLDER-BYTES", "SR-ZIP-UNREFERENCED"],
    );
    breaks(
        |zip| zip.records.insert(0, Record::deflated("a/more/", b"bytes")),
        &["SR-FILE-UNKNOWN", "SR-ZIP-DEFLATE", "SR-ZIP-FOLDER-BYTES", "SR-ZIP-MEMBER"],
    );
}

#[test]
fn bytes_that_belong_to_nothing() {
    breaks(|zip| zip.records[1].after = b"unseen".to_vec(), &["SR-ZIP-GAP"]);
    breaks(|zip| zip.before_directory = b"unseen".to_vec(), &["SR-ZIP-GAP"]);
    breaks(|zip| zip.before_end = b"unseen".to_vec(), &["SR-ZIP-DIRECTORY", "SR-ZIP-GAP"]);
    breaks(|zip| zip.after = b"\n".to_vec(), &["SR-ZIP-TRAILING"]);
    breaks(
        |zip| zip.records.push(Record { unlisted: true, ..Record::new("a/more", b"unseen") }),
        &["SR-ZIP-GAP"],
    );
}

#[test]
fn bytes_that_belong_to_two() {
    let longer = |zip: &mut Zip| {
        zip.records[3].both(|header| {
            header.compressed += 20;
            header.size += 20;
        });
    };
    breaks(longer, &["SR-ZIP-CRC", "SR-ZIP-NOTE", "SR-ZIP-OVERLAP"]);
}

#[test]
fn ends_that_do_not_fit() {
    breaks(|zip| zip.end.comment = b"made by hand".to_vec(), &["SR-ZIP-COMMENT"]);
    breaks(|zip| zip.end.comment = b"\0\x01".to_vec(), &["SR-ZIP-COMMENT"]);
    breaks(|zip| zip.end.comment = b"PK\x01\x02".to_vec(), &["SR-ZIP-COMMENT"]);
    breaks(|zip| zip.end.longer = 3, &["SR-ZIP-END"]);
    breaks(|zip| zip.end.entries = 1, &["SR-ZIP-DIRECTORY"]);
    breaks(|zip| zip.end.disk = 1, &["SR-ZIP-DISKS"]);
    breaks(|zip| zip.records[1].disk = 1, &["SR-ZIP-DISKS"]);
    // Two whole archives, each at the end of the file in its own way.
    let both = |zip: &mut Zip| zip.end.comment = Zip::default().bytes();
    breaks(both, &["SR-ZIP-COMMENT", "SR-ZIP-DIRECTORY", "SR-ZIP-END", "SR-ZIP-OVERLAP"]);
}

#[test]
fn headers_that_disagree() {
    breaks(|zip| zip.records[1].local.name = b"a/byteordex".to_vec(), &["SR-ZIP-LOCAL"]);
    breaks(|zip| zip.records[1].local.flags = 2, &["SR-ZIP-LOCAL"]);
    breaks(|zip| zip.records[1].local.method = 8, &["SR-ZIP-LOCAL"]);
    breaks(|zip| zip.records[1].local.crc32 = 1, &["SR-ZIP-LOCAL"]);
    breaks(|zip| zip.records[1].local.size = 0, &["SR-ZIP-LOCAL"]);
    breaks(|zip| zip.records[1].both(|header| header.crc32 = 1), &["SR-ZIP-CRC"]);
    breaks(|zip| zip.records[1].both(|header| header.size = 5), &["SR-ZIP-SIZES"]);
    breaks(|zip| zip.records[1].both(|header| header.flags = 8), &["SR-ZIP-DESCRIPTOR"]);
    let described = |zip: &mut Zip| {
        let record = &mut zip.records[1];
        record.both(|header| header.flags = 8);
        record.after = b"PK\x07\x08".to_vec();
        record.after.extend_from_slice(&record.central.crc32.to_le_bytes());
        record.after.extend_from_slice(&[6, 0, 0, 0, 6, 0, 0, 0]);
        (record.local.crc32, record.local.compressed, record.local.size) = (0, 0, 0);
    };
    breaks(described, &[]);
    let lies = |zip: &mut Zip| {
        described(zip);
        zip.records[1].after[8] = 7;
    };
    breaks(lies, &["SR-ZIP-DESCRIPTOR", "SR-ZIP-GAP"]);
}

#[test]
fn a_record_that_is_not_where_it_should_be() {
    let rules = ["SR-TENSOR-RECORD", "SR-ZIP-GAP", "SR-ZIP-LOCAL"];
    breaks(|zip| zip.records[2].header = Some(1), &rules[1..]);
    breaks(|zip| zip.records[2].header = Some(1 << 30), &rules[1..]);
    let long = |zip: &mut Zip| {
        zip.records[2].both(|header| (header.compressed, header.size) = (1 << 30, 1 << 30));
    };
    breaks(long, &rules);
}

#[test]
fn kinds_of_records() {
    for flags in [1, 1 << 5, 1 << 6 | 1, 1 << 13, 1 << 15] {
        breaks(|zip| zip.records[1].both(|header| header.flags = flags), &["SR-ZIP-FLAGS"]);
    }
    breaks(|zip| zip.records[1].both(|header| header.method = 12), &["SR-ZIP-METHOD"]);
    // By Unix and by macOS.
    for system in [3, 19] {
        let link = |zip: &mut Zip| {
            zip.records[1].made_by = system << 8;
            zip.records[1].attributes = 0o120_777 << 16;
        };
        breaks(link, &["SR-ZIP-ATTRIBUTES"]);
    }
    let file = |zip: &mut Zip| {
        zip.records[1].made_by = 3 << 8;
        zip.records[1].attributes = 0o100_644 << 16;
        zip.records[1].comment = b"the order of bytes".to_vec();
    };
    breaks(file, &["SR-ZIP-COMMENT"]);
}

#[test]
fn extra_fields() {
    for known in [&b"FB\x03\0ZZZ"[..], b"FB\x02\0\0\0", b"FB\0\0", b"UT\x05\0\x03abcd", b"ux\0\0UX\0\0"] {
        breaks(|zip| zip.records[1].both(|header| header.extra = known.to_vec()), &[]);
    }
    for odd in [&b"FB\x03\0ZYZ"[..], b"FB\x03\0ZZ", b"FB", b"up\x01\0x", b"UT\x0e\0abcdefghijklmn"] {
        breaks(|zip| zip.records[1].central.extra = odd.to_vec(), &["SR-ZIP-EXTRA"]);
        breaks(|zip| zip.records[1].local.extra = odd.to_vec(), &["SR-ZIP-EXTRA"]);
    }
    // Known fields that are longer than any writer makes them carry something else.
    for (id, longest) in [(*b"UT", 13), (*b"ux", 11), (*b"UX", 12), ([0x0a, 0], 32)] {
        let field = |length: u8| [&id[..], &[length, 0], &vec![7; length.into()]].concat();
        breaks(|zip| zip.records[1].local.extra = field(longest), &[]);
        breaks(|zip| zip.records[1].local.extra = field(longest + 1), &["SR-ZIP-EXTRA"]);
    }
    // Numbers that nobody needs are those of the record.
    for (numbers, rules) in [
        ([150u64, 150].as_slice(), &[][..]),
        (&[150], &[]),
        (&[7, 7, 7], &["SR-ZIP-EXTRA"]),
        (&[150; 4], &["SR-ZIP-EXTRA"]),
    ] {
        let numbers: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        let field = [&[1, 0, u8::try_from(numbers.len()).unwrap(), 0], &*numbers].concat();
        breaks(|zip| zip.records[0].local.extra = field.clone(), rules);
    }
    breaks(
        |zip| zip.records[1].central.extra = b"\x01\0\x08\0\x06\0\0\0\0\0\0\0".to_vec(),
        &["SR-ZIP-ZIP64"],
    );
    let both = ["SR-ZIP-EXTRA", "SR-ZIP-ZIP64"];
    // All three numbers again, as Go writes them: size, compressed size, header.
    for (numbers, rules) in [([150u64, 150, 0], &[][..]), ([151, 150, 0], &both), ([150, 150, 1], &both)] {
        let numbers = numbers.map(u64::to_le_bytes).concat();
        let field = [&b"\x01\0\x18\0"[..], &numbers].concat();
        breaks(|zip| zip.records[0].central.extra = field.clone(), rules);
    }
}

#[test]
fn a_zip64_field_is_there_once_where_it_is_said_to_be() {
    let twice = |zip: &mut Zip| zip.records[1].central.extra = b"\x01\0\0\0\x01\0\0\0".to_vec();
    breaks(twice, &["SR-ZIP-ZIP64"]);
    breaks(|zip| zip.records[1].header = Some(u32::MAX), &["SR-ZIP-GAP", "SR-ZIP-LOCAL", "SR-ZIP-ZIP64"]);
    let sizes = |zip: &mut Zip| {
        let local = &mut zip.records[1].local;
        (local.compressed, local.size) = (u32::MAX, u32::MAX);
    };
    breaks(sizes, &["SR-ZIP-LOCAL", "SR-ZIP-ZIP64"]);
}

#[test]
fn names() {
    let renamed = |zip: &mut Zip, name: &[u8]| {
        zip.records.push(Record::new("", b""));
        zip.records[4].both(|header| header.name = name.to_vec());
    };
    let odd = [
        &b"a/\xff"[..],
        "a/\u{e9}".as_bytes(),
        b"a/x\0y",
        b"a/x\ny",
        b"a/x\\y",
        &[&[b'a', b'/'].repeat(256)[..], b"x"].concat(),
    ];
    for name in odd {
        breaks(|zip| renamed(zip, name), &["SR-FILE-UNKNOWN", "SR-ZIP-MEMBER", "SR-ZIP-NAME"]);
    }
    breaks(|zip| renamed(zip, b"a/../x"), &["SR-FILE-UNKNOWN", "SR-ZIP-MEMBER", "SR-ZIP-PATH"]);
    for name in [&b"../x"[..], b"/a/x", b"C:/x"] {
        let rules = ["SR-FILE-UNKNOWN", "SR-ZIP-MEMBER", "SR-ZIP-PATH", "SR-ZIP-PREFIX"];
        breaks(|zip| renamed(zip, name), &rules);
    }
    breaks(|zip| renamed(zip, b""), &["SR-FILE-UNKNOWN", "SR-ZIP-MEMBER", "SR-ZIP-NAME", "SR-ZIP-PREFIX"]);
    breaks(|zip| renamed(zip, b"b/x"), &["SR-FILE-UNKNOWN", "SR-ZIP-MEMBER", "SR-ZIP-PREFIX"]);
    breaks(|zip| renamed(zip, b"a/x"), &["SR-FILE-UNKNOWN", "SR-ZIP-MEMBER"]);
    breaks(|zip| zip.records.push(zip.records[1].clone()), &["SR-ZIP-DUPLICATE"]);
    breaks(|zip| zip.records.push(Record::new("a/Byteorder", b"little")), &["SR-ZIP-CASE"]);
    breaks(|zip| zip.records[1].both(|header| header.name = b"a/BYTEORDER".to_vec()), &["SR-ZIP-CASE"]);
    breaks(|zip| zip.records[2].both(|header| header.name = b"a/DATA/0".to_vec()), &["SR-ZIP-CASE"]);
}

#[test]
fn the_folder_is_called_after_the_file() {
    let called = |zip: &mut Zip, folder: &str| {
        for record in &mut zip.records {
            let within = core::str::from_utf8(&record.local.name).unwrap().replacen('a', folder, 1);
            record.both(|header| header.name = within.clone().into_bytes());
        }
    };
    for folder in ["C:", "a:b", "a\nb", "\t", "a b"] {
        let mut zip = Zip::torch();
        called(&mut zip, folder);
        let report = judge(&zip.bytes(), ValidateOptions::default());
        let found: Vec<_> = report.findings.iter().map(|finding| finding.rule.id).collect();
        let expected: &[&str] = if folder == "a b" { &[] } else { &["SR-ZIP-FOLDER"] };
        assert_eq!((found.as_slice(), report.verdict), (expected, Verdict::Safe), "{folder:?}");
    }
}

#[test]
fn a_directory_of_too_many_records_is_not_read_on() {
    let under = |entries| {
        let limits = Limits { entries, ..Limits::default() };
        summary_of(&judge(&Zip::torch().bytes(), ValidateOptions { limits, ..ValidateOptions::default() }))
    };
    assert_eq!(under(4), "TorchZip Safe\n");
    assert!(
        under(3).contains(": the limit `entries` of 3 was reached, which --max-memory raises\n"),
        "{}",
        under(3)
    );
}

#[test]
fn storages_that_start_as_pickles_do_are_looked_into_until_there_are_too_many() {
    let storages = |count: u16| {
        move |zip: &mut Zip| {
            // Which goes on beyond what is looked at first.
            let bytes = [&b"\x80\x02"[..], &[b'N'; 16]].concat();
            let record = |index| Record::new(&alloc::format!("a/data/x{index}"), &bytes);
            zip.records.extend((0..count).map(record));
        }
    };
    breaks(storages(256), &["SR-ZIP-UNREFERENCED"]);
    breaks(storages(257), &["SR-FILE-LIMIT", "SR-ZIP-UNREFERENCED"]);
}

#[test]
fn compressed_bytes() {
    let deflated = |zip: &mut Zip| zip.records[2] = Record::deflated("a/data/0", &[0; 8]);
    let rules = ["SR-ZIP-DEFLATE", "SR-ZIP-DEFLATED-STORAGE", "SR-ZIP-INFLATE"];
    let torn = |zip: &mut Zip| {
        deflated(zip);
        zip.records[2].payload[0] = 0xff;
    };
    breaks(torn, &rules);
    let more = |zip: &mut Zip| {
        deflated(zip);
        zip.records[2].payload.push(0);
        zip.records[2].both(|header| header.compressed += 1);
    };
    breaks(more, &rules);
    // All bytes are there, in a block that is not the last one.
    let endless = |zip: &mut Zip| {
        deflated(zip);
        zip.records[2].payload = [&[0, 8, 0, 0xf7, 0xff][..], &[0; 8]].concat();
        zip.records[2].both(|header| header.compressed = 13);
    };
    breaks(endless, &rules);
    for size in [7, 9] {
        let other = |zip: &mut Zip| {
            deflated(zip);
            zip.records[2].both(|header| header.size = size);
        };
        breaks(other, &["SR-TENSOR-RECORD", "SR-ZIP-DEFLATE", "SR-ZIP-DEFLATED-STORAGE", "SR-ZIP-INFLATE"]);
    }
    let bomb = |zip: &mut Zip| {
        deflated(zip);
        zip.records[2].both(|header| header.size = 1 << 20);
    };
    breaks(
        bomb,
        &["SR-TENSOR-RECORD", "SR-ZIP-BOMB", "SR-ZIP-DEFLATE", "SR-ZIP-DEFLATED-STORAGE", "SR-ZIP-INFLATE"],
    );
}

#[test]
fn records_that_do_not_fit_the_pickle() {
    breaks(|zip| drop(zip.records.remove(0)), &["SR-ZIP-PICKLE"]);
    breaks(|zip| drop(zip.records.remove(2)), &["SR-TENSOR-RECORD"]);
    breaks(|zip| zip.records[2] = Record::new("a/data/0", &[0; 7]), &["SR-TENSOR-RECORD"]);
    breaks(|zip| zip.records.push(Record::new("a/data/1", &[0; 8])), &["SR-ZIP-UNREFERENCED"]);
    breaks(|zip| drop(zip.records.remove(3)), &["SR-ZIP-NOTE"]);
    for version in [&b"11"[..], b"+3"] {
        breaks(|zip| zip.records[3] = Record::new("a/version", version), &["SR-ZIP-NOTE"]);
    }
    breaks(|zip| zip.records[3] = Record::new("a/.data/version", b"2\n"), &[]);
    breaks(|zip| zip.records[1] = Record::new("a/byteorder", b"middle"), &["SR-ZIP-NOTE"]);
    for (name, good, bad) in [
        ("a/.storage_alignment", &b"64"[..], &b"0"[..]),
        ("a/.format_version", b"1", b"one"),
        ("a/.data/serialization_id", &[b'7'; 40], &[b'7'; 41]),
    ] {
        breaks(|zip| zip.records.push(Record::new(name, good)), &[]);
        breaks(|zip| zip.records.push(Record::new(name, bad)), &["SR-ZIP-NOTE"]);
    }
}
