use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::{judge, summary};
use crate::validate::{Kind, ValidateOptions, Verdict};

/// A file of version 1.0.
fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\0", &length[..], header.as_bytes(), data].concat()
}

/// A header as numpy writes it.
fn header(descr: &str, shape: &str) -> String {
    format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n")
}

#[test]
fn arrays_of_the_usual_dtypes_are_safe() {
    for (descr, size) in [
        ("'<f4'", 4),
        ("'>f8'", 8),
        ("'|b1'", 1),
        ("'?'", 1),
        ("'<c16'", 16),
        ("'|S3'", 3),
        ("'<U3'", 12),
        ("'|V5'", 5),
        ("'<M8[ns]'", 8),
        ("'<m8[25s]'", 8),
        ("'<f16'", 16),
        ("'|S0'", 0),
        ("[('a', '<f4'), ('b', '<i8', (2, 3)), ('c', [('d', '|S3'), ('e', '|b1')])]", 56),
        ("[('x', '|i1'), ('', '|V7'), ('y', '<f8'), ('', '|V7')]", 23),
        ("[(('title', 'n'), '<f4')]", 4),
        ("[('\u{e9}\\n', '<f4')]", 4),
    ] {
        for (shape, count) in [("()", 1), ("(3,)", 3), ("(2, 3)", 6), ("(0,)", 0), ("(2L, 1)", 2)] {
            let bytes = npy(&header(descr, shape), &vec![0; size * count]);
            let report = judge(&bytes, ValidateOptions::default());
            assert_eq!(
                (report.kind, report.verdict, report.findings.len()),
                (Kind::Npy, Verdict::Safe, 0),
                "{descr} {shape}: {report:?}"
            );
            assert_eq!(report.payloads[0].range.length, (size * count) as u64);
        }
    }
}

#[test]
fn the_newer_versions_are_known() {
    let header = header("'<f4'", "(2,)");
    let length = u32::try_from(header.len()).unwrap().to_le_bytes();
    let file = |version: &[u8]| [b"\x93NUMPY", version, &length, header.as_bytes(), &[0; 8]].concat();
    assert_eq!(summary(&file(b"\x02\0")), "Npy Safe\n");
    assert_eq!(summary(&file(b"\x03\0")), "Npy Safe\n");
    assert_eq!(summary(&file(b"\x04\0")), "Npy Unverified\nSR-NUMPY-VERSION 6: version 4.0\n");
    let utf8 = [b"\x93NUMPY\x03\0\x01\0\0\0\xff", &[0; 8][..]].concat();
    assert_eq!(summary(&utf8), "Npy Malformed\nSR-NUMPY-HEADER 12 header: expected UTF-8\n");
}

#[test]
fn an_array_of_objects_is_judged_as_a_pickle() {
    let plain = npy(&header("'|O'", "(1,)"), b"\x80\x02]q\x00K\x01a.");
    assert_eq!(summary(&plain), "Npy Safe\nSR-NUMPY-OBJECT 67: the array is a pickle\n");
    let payload = b"\x80\x02cos\nsystem\n(Vtrue\ntR.";
    for descr in ["'|O'", "'O'", "'|O8'", "'object'", "[('a', '<f4'), ('b', [('c', '|O')])]"] {
        for shape in ["(1,)", "(0,)", "()"] {
            let summary = summary(&npy(&header(descr, shape), payload));
            assert!(summary.starts_with("Npy Unsafe\nSR-NUMPY-OBJECT "), "{descr}: {summary}");
            assert!(summary.contains(" objects: calls os.system"), "{descr}: {summary}");
        }
    }
    let cut = summary(&npy(&header("'|O'", "(1,)"), b""));
    assert!(cut.starts_with("Npy Malformed\n") && cut.contains("SR-PICKLE-TRUNCATED"), "{cut}");
}

#[test]
fn data_that_does_not_match_is_malformed() {
    let check = |header: &str, data: &[u8], expected: &str| {
        let bytes = npy(header, data);
        let at = bytes.len() - data.len();
        let start =
            if data.len() < 8 { "Npy Unverified\nSR-FILE-CUT" } else { "Npy Malformed\nSR-NUMPY-SIZE" };
        let found = summary(&bytes);
        assert!(found.starts_with(start) && found.contains(&format!(" {at}: ")), "{found}");
        assert!(found.ends_with(&format!("{expected}\n")), "{found}");
    };
    let short = "its dtype and shape ask for 8 bytes, and there are 7";
    check(&header("'<f4'", "(2,)"), &[0; 7], short);
    let huge = "its shape asks for more than 2^64 bytes";
    check(&header("'<f4'", "(9223372036854775807,)"), &[0; 8], huge);
    check(&header("'<f4'", "(4294967296, 4294967296, 0)"), &[0; 8], huge);
    check(&header("[('a', '<f8', (4294967296, 2147483647))]", "(9,)"), &[0; 8], huge);
}

#[test]
fn bytes_after_the_array_are_judged_too() {
    let first = npy(&header("'|u1'", "(2,)"), b"xy");
    let summary_of = |rest: &[u8]| summary(&[&first[..], rest].concat());
    let zeros = summary_of(&[0; 3]);
    assert!(zeros.starts_with("Npy Malformed\nSR-NUMPY-TRAILING 70: 3 bytes after the array\n"), "{zeros}");
    let second = npy(&header("'|O'", "(1,)"), b"\x80\x02cos\nsystem\n(Vtrue\ntR.");
    let two = summary_of(&second);
    assert!(two.starts_with("Npy Unsafe\n"), "{two}");
    assert!(two.contains("after the array > objects: calls os.system"), "{two}");
}

#[test]
fn a_header_that_numpy_did_not_write_is_malformed() {
    for header in [
        "".into(),
        "[1]".into(),
        "{'descr'}".into(),
        header("'<f4'", "(2,)") + "x",
        header("'<f4'", "(2,)") + "\0",
        header("'<f4'", "(2)"),
        header("'<f4'", "[2]"),
        header("'<f4'", "(-2,)"),
        header("'<f4'", "(2.0,)"),
        header("'<f4'", "(True,)"),
        header("'<f4'", "(02,)"),
        header("'<f4'", "(1+1,)"),
        header("'<f4'", "(0, 99999999999999999999)"),
        header("'<f4'", &format!("({})", "1,".repeat(65))),
        header("'<' 'f4'", "(2,)"),
        header("'''<f4'''", "(2,)"),
        header("f'<f4'", "(2,)"),
        header("'<f4", "(2,)"),
        header(&format!("{}1{}", "[".repeat(4000), "]".repeat(4000)), "(2,)"),
        header("[('a', '<f4'), ('a', '<f4')]", "(1,)"),
        header("'<f4', 'descr': '|O'", "(2,)"),
        header("'<f4', 'z': 1", "(2,)"),
        header("'<z9'", "(2,)"),
        header("[('a\0', '<f4')]", "(2,)"),
        header("[('a\u{1}', '<f4')]", "(2,)"),
        header("[('a', '<f3')]", "(2,)"),
        header("'<f4', 1: 1", "(2,)"),
        "{'descr': '<f4', 'shape': (2,), }".into(),
        "{'fortran_order': False, 'shape': (2,), }".into(),
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (2,), }".into(),
        format!("{:10001}", header("'<f4'", "(2,)")),
    ] {
        let summary = summary(&npy(&header, &[0; 8]));
        assert!(summary.starts_with("Npy Malformed\nSR-NUMPY-HEADER "), "{header}: {summary}");
    }
    assert_eq!(summary(&npy(&format!("{:10000}", header("'<f4'", "(2,)")), &[0; 8])), "Npy Safe\n");
    let cut = summary(b"\x93NUMPY\x01\0\x76\0{'descr");
    assert!(cut.contains("a header of 118 bytes, where 7 follow"), "{cut}");
    assert!(cut.starts_with("Npy Unverified\nSR-FILE-CUT 8: "), "{cut}");
    for length in 6..10 {
        let summary = summary(&b"\x93NUMPY\x01\0\x76\0"[..length]);
        assert!(summary.starts_with("Npy Malformed\nSR-NUMPY-HEADER "), "{length}: {summary}");
    }
}

#[test]
fn a_dtype_that_is_not_known_hides_no_pickle() {
    for descr in ["'T'", "'i4,O'", "'float32'", "('<f4', (2,))", "4", "[('a',)]", "['a']", "'<<f4'"] {
        let plain = summary(&npy(&header(descr, "(2,)"), &[0; 8]));
        assert!(plain.starts_with("Npy Unverified\nSR-NUMPY-DTYPE "), "{descr}: {plain}");
        let payload = b"\x80\x02cos\nsystem\n(Vtrue\ntR.";
        let hostile = summary(&npy(&header(descr, "(2,)"), payload));
        assert!(hostile.starts_with("Npy Unsafe\n"), "{descr}: {hostile}");
    }
}

#[test]
fn a_header_that_cannot_be_used_hides_no_pickle() {
    let payload = b"\x80\x02cos\nsystem\n(Vtrue\ntR.";
    for header in [header("'<f4', 'descr': '|O'", "(2,)"), header("'|' 'O'", "(2,)"), "{}".into()] {
        let summary = summary(&npy(&header, payload));
        assert!(summary.starts_with("Npy Unsafe\n"), "{header}: {summary}");
    }
}
