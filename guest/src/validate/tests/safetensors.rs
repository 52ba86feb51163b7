use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{judge, summary};
use crate::Limits;
use crate::step::Range;
use crate::validate::{Kind, ValidateOptions, Verdict};

/// A file of a header, filled up with spaces, and data.
fn file(header: &str, data: &[u8]) -> Vec<u8> {
    let mut header = String::from(header);
    while header.len() % 8 != 0 {
        header.push(' ');
    }
    raw(header.as_bytes(), data)
}

fn raw(header: &[u8], data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header, data].concat()
}

/// An entry of bytes.
fn entry(name: &str, size: u64, start: u64, end: u64) -> String {
    format!(r#""{name}":{{"dtype":"U8","shape":[{size}],"data_offsets":[{start},{end}]}}"#)
}

/// What is found, without the first line, in a file of a header and two bytes.
fn found(header: &str) -> String {
    let summary = summary(&file(header, b"xy"));
    let (first, rest) = summary.split_once('\n').unwrap();
    let verdict = match rest {
        "" => "Safe",
        rest if rest.starts_with("SR-FILE-CUT") => "Unverified",
        _ => "Malformed",
    };
    assert_eq!(first, format!("Safetensors {verdict}"), "{header}: {rest}");
    rest.into()
}

#[test]
fn a_file_of_the_reference_is_safe_and_its_tensors_are_listed() {
    let header = r#"{"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"a\n":{"dtype":"BOOL","shape":[],"data_offsets":[8,9]},"e":{"dtype":"F16","shape":[0],"data_offsets":[9,9]}}"#;
    let bytes = file(header, b"123456789");
    let report = judge(&bytes, ValidateOptions::default());
    assert_eq!((report.kind, report.verdict), (Kind::Safetensors, Verdict::Safe));
    let start = bytes.len() as u64 - 9;
    let payloads: Vec<_> = report.payloads.iter().map(|p| (p.part.as_str(), p.range)).collect();
    let expected =
        [("b", Range::new(start, 8)), ("a\n", Range::new(start + 8, 1)), ("e", Range::new(start + 9, 0))];
    assert_eq!(payloads, expected);
}

#[test]
fn every_fixture_is_safe_without_errors() {
    let fixtures: [(&str, &[u8]); 12] = fixtures!(
        "good/",
        "st_dtypes" "st_dtypes_beyond_torch" "st_empty" "st_empty_metadata" "st_from_numpy" "st_metadata"
        "st_metadata_empty" "st_order" "st_shapes" "st_spaced" "st_state_dict" "st_unicode"
    );
    for (name, bytes) in fixtures {
        let summary = summary(bytes);
        assert!(summary.starts_with("Safetensors Safe\n"), "{name}: {summary}");
        let odd = ["st_unicode", "st_spaced"].contains(&name);
        assert_eq!(summary.lines().count() > 1, odd, "{name}: {summary}");
    }
}

#[test]
fn every_bad_fixture_is_malformed() {
    let fixtures: [(&str, &[u8]); 30] = fixtures!(
        "bad/",
        "st_backwards" "st_cut_in_data" "st_cut_in_header" "st_data_after" "st_deep" "st_duplicate_key"
        "st_duplicate_metadata" "st_empty_metadata" "st_field_missing" "st_field_unknown" "st_gap"
        "st_header_beyond" "st_header_empty" "st_json_array" "st_header_huge" "st_json_after" "st_late_start" "st_metadata_number" "st_not_json"
        "st_not_utf8" "st_odd_bits" "st_offset_overflow" "st_overlap" "st_same_range" "st_shape_float"
        "st_shape_mismatch" "st_shape_negative" "st_shape_overflow" "st_space_first" "st_unknown_dtype"
    );
    for (name, bytes) in fixtures {
        let summary = summary(bytes);
        let verdict = if name.starts_with("st_cut") { "Unverified" } else { "Malformed" };
        let is_header = name == "st_header_beyond" && summary.contains("SR-FILE-CUT");
        assert!(is_header || summary.starts_with(&format!("Safetensors {verdict}\n")), "{name}: {summary}");
    }
}

#[test]
fn each_rule_finds_what_it_is_for() {
    let a = entry("a", 2, 0, 2);
    let cases = [
        (format!("{{{a},{a}}}"), "SR-SAFETENSORS-DUPLICATE 61: `a` comes twice in the header\n"),
        (
            format!(r#"{{"\u0061":{{"dtype":"U8","shape":[2],"data_offsets":[0,2]}},{a}}}"#),
            "SR-SAFETENSORS-DUPLICATE 66: `a` comes twice in the header\n",
        ),
        (
            format!(r#"{{"__metadata__":{{"k":"1","k":"2"}},{a}}}"#),
            "SR-SAFETENSORS-DUPLICATE 33: `k` comes twice in __metadata__\n",
        ),
        (
            String::from(r#"{"a":{"dtype":"U8","dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#),
            "SR-SAFETENSORS-DUPLICATE 27: `dtype` comes twice in the entry of a tensor\n",
        ),
        (
            format!(r#"{{"__metadata__":{{"k":1}},{a}}}"#),
            "SR-SAFETENSORS-METADATA 25: the value of `k` is not a text\n",
        ),
        (
            format!(r#"{{"__metadata__":null,{a}}}"#),
            "SR-SAFETENSORS-METADATA 9: `__metadata__` is not an object\n",
        ),
        (
            String::from(r#"{"a":{"dtype":"U8","shape":[2],"x":{"y":[1e5,null]},"data_offsets":[0,2]}}"#),
            "SR-SAFETENSORS-FIELD 39: tensor `a`: unknown field `x`\n",
        ),
        (
            String::from(r#"{"a":{"dtype":"U9","shape":[2],"data_offsets":[0,2]}}"#),
            "SR-SAFETENSORS-DTYPE 22: tensor `a`: unknown dtype `U9`\n",
        ),
        (
            String::from(r#"{"a":{"dtype":"F4","shape":[5],"data_offsets":[0,2]}}"#),
            "SR-SAFETENSORS-SIZE 9: tensor `a`: its elements do not fill whole bytes\n",
        ),
        (
            String::from(r#"{"a":{"dtype":"U8","shape":[9223372036854775808,4,0],"data_offsets":[0,2]}}"#),
            "SR-SAFETENSORS-SIZE 9: tensor `a`: its shape asks for more than 2^64 bits\n",
        ),
        (
            format!(r#"{{{a},"z":{{"dtype":"U8","shape":[0,9223372036854775808],"data_offsets":[2,2]}}}}"#),
            "SR-SAFETENSORS-SIZE 61: tensor `z`: a dimension is 2^63 or more\n",
        ),
        (
            format!("{{{}}}", entry("a", 1, 0, 2)),
            "SR-SAFETENSORS-SIZE 9: tensor `a`: its dtype and shape ask for 1 bytes, its data_offsets for 2\n",
        ),
        (
            format!("{{{}}}", entry("a", 1, 1, 2)),
            "SR-SAFETENSORS-GAP 9: tensor `a` is at [1, 2], and nothing at [0, 1]\n",
        ),
        (
            format!("{{{a},{}}}", entry("b", 1, 1, 2)),
            "SR-SAFETENSORS-OVERLAP 61: tensor `b` is at [1, 2], which others cover up to 2\n",
        ),
        (
            format!("{{{}}}", entry("a", 3, 0, 3)),
            "SR-FILE-CUT 9: shorter than it says, so that nothing could be proven: tensor `a` is at [0, 3], and the file has 2 bytes of tensors\n",
        ),
        (
            format!("{{{}}}", entry("a", 1, 0, 1)),
            "SR-SAFETENSORS-TRAILING 65: 1 bytes after the last tensor\n",
        ),
    ];
    for (header, expected) in cases {
        let found = found(&header).replace(" header: ", ": ");
        assert_eq!(found, expected, "{header}");
    }
}

#[test]
fn an_entry_that_describes_no_tensor_is_found_and_the_walk_goes_on() {
    let entry_of = |dtype: &str, shape: &str, data: &str| {
        format!(r#"{{"a":{{"dtype":{dtype},"shape":{shape},"data_offsets":{data}}}}}"#)
    };
    let cases = [
        (String::from(r#"{"a":["U8",[2],[0,2]]}"#), "an object"),
        (String::from(r#"{"a":{"shape":[2],"data_offsets":[0,2]}}"#), "a field `dtype`"),
        (entry_of("{\"U8\":null}", "[2]", "[0,2]"), "a field `dtype` that is a text"),
        (entry_of("\"U8\"", "[2.0]", "[0,2]"), "a field `shape` of whole numbers"),
        (entry_of("\"U8\"", "[-2]", "[0,2]"), "a field `shape` of whole numbers"),
        (entry_of("\"U8\"", "[2e0]", "[0,2]"), "a field `shape` of whole numbers"),
        (entry_of("\"U8\"", "2", "[0,2]"), "a field `shape` of whole numbers"),
        (entry_of("\"U8\"", "[\"2\"]", "[0,2]"), "a field `shape` of whole numbers"),
        (entry_of("\"U8\"", "[2]", "[-0,2]"), "a field `data_offsets` of two whole numbers"),
        (entry_of("\"U8\"", "[2]", "[0,2,3]"), "a field `data_offsets` of two whole numbers"),
        (
            entry_of("\"U8\"", "[2]", "[0,18446744073709551616]"),
            "a field `data_offsets` of two whole numbers",
        ),
    ];
    for (header, expected) in cases {
        let found = found(&header);
        let first = found.lines().next().unwrap();
        assert!(first.starts_with("SR-SAFETENSORS-ENTRY "), "{header}: {found}");
        assert!(first.ends_with(&format!("tensor `a`: expected {expected}")), "{header}: {found}");
    }
}

#[test]
fn all_is_found_not_only_the_first() {
    let header = format!(
        r#"{{"__metadata__":{{"k":1}},{},"b":3,"../c":{{"dtype":"X","shape":[],"data_offsets":[2,2],"y":0}}}}"#,
        entry("a", 9, 0, 1)
    );
    let found = found(&header);
    let ids: Vec<_> = found.lines().map(|line| line.split_once(' ').unwrap().0).collect();
    let expected = ["METADATA", "SIZE", "ENTRY", "NAME", "DTYPE", "FIELD", "GAP"];
    assert_eq!(ids, expected.map(|id| format!("SR-SAFETENSORS-{id}")), "{found}");
}

#[test]
fn what_is_no_json_is_malformed() {
    let a = entry("a", 2, 0, 2);
    let deep = |levels: usize| {
        let brackets = "[".repeat(levels) + &"]".repeat(levels);
        format!(
            r#"{{"__metadata__":{{}},"a":{{"x":{brackets},"dtype":"U8","shape":[2],"data_offsets":[0,2]}}}}"#
        )
    };
    let cases = [
        (format!("{{{a},}}"), "expected a value after the comma"),
        (format!("{{{a}}}\0"), "expected the header's end, found 00"),
        (format!("{{{a}}}{{}}"), "expected the header's end, found 7b 7d"),
        (format!(" {{{a}}}"), "expected `{`, found 20 7b"),
        (format!("{{{a} \"b\":1}}"), "expected `,` or `}`"),
        (format!("{{\"a\0\":1,{a}}}"), "expected a string without raw control characters"),
        (format!("{{\"\\ud800\":1,{a}}}"), "expected a string without raw control characters"),
        (
            String::from(r#"{"a":{"x":1e999,"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#),
            "expected a number",
        ),
        (
            String::from(r#"{"a":{"x":01,"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#),
            "expected a number",
        ),
        (String::from(r#"{"a":{"x":nul"#), "expected a value"),
        (deep(126), "expected no more than 127 levels"),
        (deep(1_000_000), "expected no more than 127 levels"),
    ];
    for (header, expected) in cases {
        let found = found(&header);
        assert!(found.contains("SR-SAFETENSORS-JSON ") && found.contains(expected), "{found}");
    }
    // As deep as the reference reads.
    assert!(!found(&deep(125)).contains("SR-SAFETENSORS-JSON"));
    let bytes = raw(b"{\"\xff\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}} ", b"xy");
    assert!(summary(&bytes).contains("SR-SAFETENSORS-JSON 10 header: expected UTF-8, found ff"));
}

#[test]
fn a_length_that_cannot_be_is_malformed() {
    let mut bytes = file(&format!("{{{}}}", entry("a", 2, 0, 2)), b"xy");
    bytes[6] = 1;
    let expected = "Safetensors Malformed\nSR-SAFETENSORS-LENGTH 0: a header of 281474976710712 bytes, where 58 follow\n";
    assert_eq!(summary(&bytes), expected);
    // More than the reference reads, in a file that is large enough.
    let report = super::judge_sparse(&[&150_000_000u64.to_le_bytes()[..], b"{\"a\":"].concat(), 200_000_000);
    let expected = "Safetensors Malformed\nSR-SAFETENSORS-LENGTH 0: a header of 150000000 bytes, where readers take 100000000 at most\n";
    assert_eq!(super::summary_of(&report), expected);
}

#[test]
fn oddities_that_harm_nobody_are_no_errors() {
    let a = entry("a", 2, 0, 2);
    let odd = format!("{{{a}}}    ");
    let expected = "Safetensors Safe\nSR-SAFETENSORS-ALIGNMENT 0: a header of 57 bytes\n";
    assert_eq!(summary(&raw(odd.as_bytes(), b"xy")), expected);
    let expected = "Safetensors Safe\nSR-SAFETENSORS-PADDING 62 header: expected spaces, found 0a 20\n";
    assert_eq!(summary(&raw(format!("{{{a}}} \n ").as_bytes(), b"xy")), expected);
    for (name, what) in [
        ("../a", "is a path that leads upwards"),
        ("a\\\\..", "is a path that leads upwards"),
        ("/etc/passwd", "is an absolute path"),
        ("a\\u0001", "has control characters"),
        ("a\u{202e}b", "has characters that change the order of others"),
    ] {
        let summary = summary(&file(&format!("{{{}}}", entry(name, 2, 0, 2)), b"xy"));
        assert!(summary.starts_with("Safetensors Safe\nSR-SAFETENSORS-NAME 9 header: "), "{summary}");
        assert!(summary.contains(what), "{summary}");
    }
}

#[test]
fn a_name_that_ends_early_for_some_is_malformed() {
    let summary = summary(&file(&format!("{{{}}}", entry("a\\u0000b", 2, 0, 2)), b"xy"));
    assert!(summary.starts_with("Safetensors Malformed\nSR-SAFETENSORS-NUL 9 header: "), "{summary}");
}

#[test]
fn a_limit_leaves_it_unverified() {
    let names = ["a", "b", "c", "d"];
    let entries: Vec<_> = names.iter().zip(0..).map(|(name, at)| entry(name, 1, at, at + 1)).collect();
    let bytes = file(&format!("{{{}}}", entries.join(",")), b"wxyz");
    let judge = |limits| judge(&bytes, ValidateOptions { limits, ..ValidateOptions::default() }).verdict;
    let limits = Limits::default();
    assert_eq!(judge(limits), Verdict::Safe);
    assert_eq!(judge(Limits { entries: 4, ..limits }), Verdict::Safe);
    assert_eq!(judge(Limits { entries: 3, ..limits }), Verdict::Unverified);
    assert_eq!(judge(Limits { directory_bytes: 50, ..limits }), Verdict::Unverified);
}

#[test]
fn a_header_that_starts_like_a_pickle_is_none() {
    // 0x0280: the first bytes are those of protocol 2.
    let header = format!("{{{}}}", entry(&"a".repeat(588), 2, 0, 2));
    let bytes = raw(format!("{header:640}").as_bytes(), b"xy");
    assert_eq!(bytes[..2], [0x80, 2]);
    assert_eq!(summary(&bytes), "Safetensors Safe\n");
}

#[test]
fn a_pickle_in_safetensors_clothes_is_unsafe() {
    // To a pickle's reader the header's start is a text of 5 bytes.
    let bytes = b"X\x05\0\0\0abc{\"0cos\nsystem\n(Vtrue\ntR.";
    let summary = summary(bytes);
    assert!(summary.starts_with("Safetensors Unsafe\n"), "{summary}");
    assert!(summary.contains("SR-PICKLE-CALL"), "{summary}");
}

#[test]
fn a_length_that_looks_like_an_instruction_is_no_pickle() {
    // 0x82, 0x83 and 0x84 are EXT1, EXT2 and EXT4.
    for length in [0x0182, 0x0083, 0x0084, 0x0384] {
        let header = format!("{{{}}}", entry("a", 2, 0, 2));
        let summary = summary(&raw(format!("{header:length$}").as_bytes(), b"xy"));
        assert!(summary.starts_with("Safetensors Safe\n"), "{length}: {summary}");
    }
}

#[test]
fn elements_that_torch_cannot_take_apart_are_warned_of() {
    let four = |shape: &str| format!(r#"{{"a":{{"dtype":"F4","shape":{shape},"data_offsets":[0,2]}}}}"#);
    assert_eq!(found(&four("[2,2]")), "");
    let summary = summary(&file(&four("[4,1]"), b"xy"));
    assert!(summary.starts_with("Safetensors Safe\nSR-SAFETENSORS-ODD "), "{summary}");
    assert!(summary.ends_with(": tensor `a` has a last dimension of 1\n"), "{summary}");
}
