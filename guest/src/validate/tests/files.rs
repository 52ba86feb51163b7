use alloc::vec;
use alloc::vec::Vec;

use super::{judge, judge_sparse, summary, summary_of};
use crate::Limits;
use crate::validate::{ValidateOptions, Verdict};

/// A zip archive of one stored member, with a comment.
fn zip(prefix: &[u8], comment: &[u8]) -> Vec<u8> {
    let local = [b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0", &[0; 12][..], b"\x01\0\0\0a"].concat();
    let central =
        [b"PK\x01\x02\x14\0\x14\0\0\0\0\0\0\0\0\0", &[0; 12][..], b"\x01\0", &[0; 16][..], b"a"].concat();
    let size = u32::try_from(central.len()).unwrap().to_le_bytes();
    let at = u32::try_from(prefix.len() + local.len()).unwrap().to_le_bytes();
    let length = u16::try_from(comment.len()).unwrap().to_le_bytes();
    let end = [b"PK\x05\x06\0\0\0\0\x01\0\x01\0", &size[..], &at[..], &length[..], comment].concat();
    [prefix, &local, &central, &end].concat()
}

/// A tar archive of one member.
fn tar(name: &[u8], data: &[u8]) -> Vec<u8> {
    let mut block = vec![0; 512];
    block[..name.len()].copy_from_slice(name);
    block[124..135].copy_from_slice(alloc::format!("{:011o}", data.len()).as_bytes());
    block[257..262].copy_from_slice(b"ustar");
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..154].copy_from_slice(alloc::format!("{sum:06o}").as_bytes());
    block[154] = 0;
    block.extend_from_slice(data);
    block.resize(block.len().next_multiple_of(512) + 1024, 0);
    block
}

fn safetensors(data: &[u8]) -> Vec<u8> {
    let header =
        alloc::format!(r#"{{"a":{{"dtype":"U8","shape":[{0}],"data_offsets":[0,{0}]}}}}"#, data.len());
    let header = alloc::format!("{header:64}");
    [&64u64.to_le_bytes()[..], header.as_bytes(), data].concat()
}

const PAYLOAD: &[u8] = b"\x80\x02cos\nsystem\n(Vtrue\ntR.";

#[test]
fn what_is_not_known_is_named() {
    let mut pe = vec![0; 128];
    pe[..2].copy_from_slice(b"MZ");
    pe[0x3c] = 64;
    pe[64..68].copy_from_slice(b"PE\0\0");
    let cases: [(&[u8], &str, &str); 16] = [
        (&[0; 700], "Unknown", "nothing but zeros at the start"),
        (b"\x1f\x8b\x08\0\0\0\0\0\0\x03", "Archive", "a gzip archive: unpack it and validate what is inside"),
        (b"BZh91AY&SY\0\0", "Archive", "a bzip2 archive"),
        (b"\x89HDF\r\n\x1a\n\0", "Hdf5", "an HDF5 file"),
        (b"\x1c\0\0\0TFL3\0\0", "TfLite", "a TFLite model"),
        (b"\x7fELF\x02\x01\x01", "Program", "a Linux program or library (ELF)"),
        (&pe, "Program", "a Windows program (PE)"),
        (
            b"<?xml version=\"1.0\"?>\n<net name=\"a\" version=\"11\"><layers/></net>",
            "OpenVino",
            "an OpenVINO model",
        ),
        (b"\x08\x07\x12\x07pytorch", "Protobuf", "an ONNX model"),
        (b"\x08\x01\x12\x02\x0a\x00", "SavedModel", "an ONNX model (`onnx.load` opens it), a TensorFlow"),
        (b"\x08\x07\x12\x00\xb2\x1f\x00", "CoreMl", "an ONNX model"),
        (b"\x08\x07\x12\x00\x3a\x00", "Onnx", "an ONNX model"),
        (b"\x81\xa6params\x80", "Msgpack", "perhaps a MessagePack file"),
        (b"ftrt\0\0", "TensorRt", "a TensorRT plan"),
        (b"\x28\xb5\x2f\xfd\0\0", "Archive", "a zstd archive"),
        (b"\xfe\xdc\xba", "Unknown", "nothing that is known: it starts with fe dc ba"),
    ];
    for (bytes, kind, expected) in cases {
        let summary = summary(bytes);
        // Of a format that is known, its name can be accepted.
        let rule = if ["Unknown", "Archive", "Program"].contains(&kind) { "UNKNOWN" } else { "FORMAT" };
        let start = alloc::format!("{kind} Unverified\nSR-FILE-{rule} 0: {expected}");
        assert!(summary.starts_with(&start) && summary.lines().count() == 2, "{expected}: {summary}");
    }
}

#[test]
fn a_foreign_start_hides_no_pickle() {
    // A text of 0x39... bytes would be needed for bzip2; GGUF is a float's start.
    let gguf = [b"GGUF\x03\0\0\0\0".as_slice(), b"0", &PAYLOAD[2..]].concat();
    let summary = summary(&gguf);
    assert!(summary.starts_with("Gguf Unsafe\n"), "{summary}");
    // Nor one that calls nothing, and breaks where it hands on a name.
    let identified = super::summary(b"GGUF\x03\0\0\0\x000cos\nsystem\nQ\xff");
    assert!(identified.contains("SR-PICKLE-IMPORT 10: imports os.system"), "{identified}");
}

#[test]
fn the_members_of_a_tar_archive_are_judged() {
    let plain = summary(&tar(b"pickle", b"\x80\x02N."));
    assert_eq!(plain, "Tar Unverified\nSR-FILE-TAR 0: its members are judged one by one\n");
    let hostile = summary(&tar(b"pickle", PAYLOAD));
    assert!(hostile.starts_with("Tar Unsafe\nSR-FILE-TAR 0: "), "{hostile}");
    assert!(hostile.contains("SR-PICKLE-CALL 533 pickle: calls os.system"), "{hostile}");
    // The second member, and one in an archive in the archive.
    let two =
        [&tar(b"storages", b"\x80\x02N.")[..1024], &tar(b"inner.tar", &tar(b"pickle", PAYLOAD))].concat();
    let nested = summary(&two);
    assert!(nested.contains(" inner.tar > pickle: calls os.system"), "{nested}");
}

#[test]
fn a_tar_archive_may_start_as_a_pickle_does() {
    let summary = summary(&tar(&PAYLOAD[2..], b"nothing"));
    assert!(summary.starts_with("Tar Unsafe\nSR-FILE-TAR 0: "), "{summary}");
    assert!(summary.contains("calls os.system"), "{summary}");
}

#[test]
fn a_tar_archive_may_count_its_bytes_as_signed() {
    let mut archive = tar(b"\xff", PAYLOAD);
    let unsigned = core::str::from_utf8(&archive[148..154]).unwrap();
    let signed = u32::from_str_radix(unsigned, 8).unwrap() - 256;
    archive[148..154].copy_from_slice(alloc::format!("{signed:06o}").as_bytes());
    let summary = summary(&archive);
    assert!(summary.starts_with("Tar Unsafe\nSR-FILE-TAR 0: "), "{summary}");
}

#[test]
fn the_members_of_a_tar_archive_are_counted() {
    let one = &tar(b"storages", b"\x80\x02N.")[..1024];
    let three = [one, one, &tar(b"pickle", PAYLOAD)].concat();
    let under = |limits| judge(&three, ValidateOptions { limits, ..ValidateOptions::default() });
    assert_eq!(under(Limits::default()).verdict, Verdict::Unsafe);
    let cut = summary_of(&under(Limits { entries: 2, ..Limits::default() }));
    assert!(
        cut.contains("SR-FILE-LIMIT 2048: the limit `entries` of 2 was reached, which --max-memory raises\n"),
        "{cut}"
    );
}

#[test]
fn an_archive_at_the_end_of_another_file_is_found() {
    let prefixes: [(&[u8], &str); 5] = [
        (b"\x80\x02N.", "it is a pickle, and ends as a zip archive does"),
        (&safetensors(b"xy"), "it is a safetensors file, and ends as a zip archive does"),
        (b"#!/bin/sh\n", "it is a file of another kind, and ends as a zip archive does"),
        (b"\x7fELF\x02", "it is a file of another kind, and ends as a zip archive does"),
        (b"<html>", "it is a file of another kind, and ends as a zip archive does"),
    ];
    for (prefix, expected) in prefixes {
        for comment in [&b""[..], b"a comment"] {
            let summary = summary(&zip(prefix, comment));
            assert!(summary.contains("SR-FILE-POLYGLOT ") && summary.contains(expected), "{summary}");
            assert!(summary.split_once('\n').unwrap().0.ends_with(" Malformed"), "{summary}");
            assert!(summary.contains(" as a zip archive: "), "{summary}");
        }
    }
    // zipfile takes the last end record, whatever follows.
    let covered = safetensors(&zip(b"", b"")).into_iter().chain(*b"more").collect::<Vec<_>>();
    assert!(summary(&covered).contains("SR-FILE-POLYGLOT"));
    // Nothing is before these records that would be a directory.
    for data in [&b"PK\x05\x06\0\0\0\0\x01\0\x01\0\x10\0\0\0\0\0\0\0\0\0"[..], b"PK\x05\x06", &[b'P'; 400]] {
        assert_eq!(summary(&safetensors(data)).lines().next(), Some("Safetensors Safe"));
        assert!(!summary(&safetensors(data)).contains("POLYGLOT"));
    }
}

#[test]
fn a_file_of_two_heads_is_found() {
    // A pickle that is a tar archive: its first instruction takes the name's rest.
    let mut name = b"\x80\x02X\x5a\x02\0\0".to_vec();
    name.extend_from_slice(b"name");
    let summary = summary(&[&b""[..], &tar(&name, PAYLOAD)].concat());
    assert!(summary.contains("SR-FILE-POLYGLOT 0: it is a pickle, and also a tar archive"), "{summary}");
    assert!(summary.contains("as a tar archive"), "{summary}");

    // A zip archive whose start is the length of a safetensors header.
    let start = [b"PK\x03\x04\0\0\0\0".as_slice(), b"{\"a\":"].concat();
    let summary = summary_of(&judge_sparse(&start, 80_000_000));
    assert!(
        summary.contains("SR-FILE-POLYGLOT 0: it is a zip archive, and also a safetensors header"),
        "{summary}"
    );

    // A document of the PDF format behind a header.
    let pdf = safetensors(b"%PDF-1.7 ... startxref\n9\n%%EOF\n");
    let summary = self::summary(&pdf);
    assert!(
        summary.contains("SR-FILE-POLYGLOT 72: it is a safetensors file, and also a PDF document"),
        "{summary}"
    );

    // A header's length that is the start of a gzip archive.
    let mut gzip = [&559_903u64.to_le_bytes()[..], b"{}"].concat();
    gzip.resize(8 + 559_903, b' ');
    let summary = self::summary(&gzip);
    assert!(summary.contains("it is a safetensors file, and also a gzip archive"), "{summary}");
}

#[test]
fn a_huge_file_is_not_read() {
    let head = [
        &64u64.to_le_bytes()[..],
        br#"{"a":{"dtype":"U8","shape":[10737418240],"data_offsets":[0,10737418240]}}       "#,
    ]
    .concat();
    let mut head = head;
    head[0] = u8::try_from(head.len() - 8).unwrap();
    let length = head.len() as u64 + 10_737_418_240;
    let report = judge_sparse(&head, length);
    assert_eq!(summary_of(&report).lines().next(), Some("Safetensors Safe"));
}
