use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};

use super::{file, read, read_within};
use crate::model::{Checkpoint, Format};
use crate::model::{Node, Text};
use crate::{DType, Error, Limits, Range};

/// An entry of two bytes at the start.
const PAIR: &str = r#""a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}"#;

fn fault(header: &str, payload: &[u8]) -> String {
    read(&file(header, payload)).expect_err(header).to_string()
}

fn names(checkpoint: &Checkpoint) -> Vec<&str> {
    checkpoint.storages.iter().map(|stored| stored.name.as_str()).collect()
}

#[test]
fn a_file_of_the_reference_is_read_whole() {
    // safetensors.torch.save({"w": zeros(2, 3, dtype=float16), "b.c": tensor(7)}, {"format": "pt"})
    let header = r#"{"__metadata__":{"format":"pt"},"b.c":{"dtype":"I64","shape":[],"data_offsets":[0,8]},"w":{"dtype":"F16","shape":[2,3],"data_offsets":[8,20]}}  "#;
    let checkpoint = read(&file(header, &[0; 20])).unwrap();

    assert_eq!(checkpoint.format, Format::Safetensors);
    assert_eq!((checkpoint.root, checkpoint.alignment, checkpoint.checksums), (0, None, false));
    assert_eq!(checkpoint.archive, "");
    assert_eq!(checkpoint.metadata, [("format".to_owned(), "pt".to_owned())]);

    let [Node::Dict(items), Node::Text(scalar), _, Node::Text(matrix), Node::Tensor(tensor)] =
        checkpoint.nodes.as_slice()
    else {
        panic!("{:?}", checkpoint.nodes)
    };
    assert_eq!(*items, [(1, 2), (3, 4)]);
    assert_eq!(*scalar, Text { value: "b.c".into(), interned: false });
    assert_eq!(*matrix, Text { value: "w".into(), interned: true });
    assert_eq!((tensor.dtype, tensor.storage, tensor.offset), (DType::Float16, Some(1), 0));
    assert_eq!((&*tensor.shape, &*tensor.stride), (&[2, 3][..], &[3, 1][..]));

    let payload = 8 + header.len() as u64;
    let [first, second] = checkpoint.storages.as_slice() else { panic!("{:?}", checkpoint.storages) };
    assert_eq!(first.range, Range::new(payload, 8));
    assert_eq!(second.range, Range::new(payload + 8, 12));
    assert_eq!((second.checksum, second.swap, &*second.location), (None, 1, "cpu"));
}

#[test]
fn tensors_come_in_the_order_of_their_bytes() {
    let header = r#"{"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]},
        "c":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},
        "y":{"dtype":"U8","shape":[0],"data_offsets":[2,2]},
        "x":{"dtype":"U8","shape":[0],"data_offsets":[2,2]}}"#;
    let checkpoint = read(&file(header, b"cdab")).unwrap();
    assert_eq!(names(&checkpoint), ["c", "y", "x", "b"]);
    assert_eq!(checkpoint.storages[1].range.length, 0);
}

#[test]
fn small_floats_have_the_shape_torch_gives_them() {
    let header = r#"{"four":{"dtype":"F4","shape":[2,4],"data_offsets":[0,4]},
        "six":{"dtype":"F6_E3M2","shape":[4],"data_offsets":[4,7]}}"#;
    let checkpoint = read(&file(header, &[0; 7])).unwrap();
    let (Node::Tensor(four), Node::Tensor(six)) = (&checkpoint.nodes[2], &checkpoint.nodes[4]) else {
        panic!("{:?}", checkpoint.nodes)
    };
    assert_eq!((four.dtype, &*four.shape, &*four.stride), (DType::Float4E2M1FNx2, &[2, 2][..], &[2, 1][..]));
    assert_eq!((six.dtype, &*six.shape), (DType::Float6E3M2, &[4][..]));

    // The core library reads this one, its torch binding does not.
    let odd = r#"{"f":{"dtype":"F4","shape":[2,3],"data_offsets":[0,3]}}"#;
    assert_eq!(
        fault(odd, &[0; 3]),
        "unsupported: tensor `f`, offset 13: expected an even last dimension: torch holds F4 in pairs, found 3"
    );
}

#[test]
fn every_dtype_of_the_reference_is_known() {
    for &dtype in DType::ALL {
        let Some(name) = dtype.safetensors() else { continue };
        let header = format!(r#"{{"t":{{"dtype":"{name}","shape":[0,2],"data_offsets":[0,0]}}}}"#);
        let checkpoint = read(&file(&header, &[])).unwrap();
        assert!(matches!(&checkpoint.nodes[2], Node::Tensor(tensor) if tensor.dtype == dtype), "{name}");
    }
    assert_eq!(
        fault(r#"{"t":{"dtype":"F128","shape":[],"data_offsets":[0,16]}}"#, &[0; 16]),
        "unsupported: tensor `t`, offset 13: expected a dtype of safetensors 0.8, found `F128`"
    );
}

#[test]
fn what_is_legal_but_rare_is_read_like_the_reference_does() {
    let accepted = [
        ("{}".to_owned(), &b""[..]),
        (format!("{{{PAIR}}} \n\t"), b"xy"),
        (format!(r#"{{"__metadata__":null,{PAIR}}}"#), b"xy"),
        (format!(r#"{{{PAIR},"__metadata__":{{}}}}"#), b"xy"),
        // Unknown fields are skipped, to the depth where serde_json stops.
        (
            PAIR.replace(r#""dtype""#, &format!(r#""x":{}{},"dtype""#, "[".repeat(125), "]".repeat(125))),
            b"xy",
        ),
        (r#""\u0000é😀":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}"#.to_owned(), b"xy"),
        // No elements, whatever the other dimensions say.
        (r#""z":{"dtype":"U8","shape":[0,9223372036854775807],"data_offsets":[0,0]}"#.to_owned(), b""),
    ];
    for (header, payload) in accepted {
        let header = if header.starts_with('{') { header } else { format!("{{{header}}}") };
        read(&file(&header, payload)).expect(&header);
    }
}

#[test]
fn the_last_of_several_entries_of_a_name_counts() {
    let header = format!(r#"{{"a":{{"dtype":"U8","shape":[9],"data_offsets":[0,9]}},{PAIR}}}"#);
    let checkpoint = read(&file(&header, b"xy")).unwrap();
    assert_eq!(names(&checkpoint), ["a"]);
    assert_eq!(checkpoint.storages[0].range.length, 2);

    let checkpoint = read(&file(r#"{"__metadata__":{"k":"1","l":"2","k":"3"}}"#, b"")).unwrap();
    assert_eq!(checkpoint.metadata, [("l".to_owned(), "2".to_owned()), ("k".to_owned(), "3".to_owned())]);
}

#[test]
fn json_faults_name_the_place() {
    let cases = [
        (r#"{"a":}"#, "malformed: tensor `a`, offset 13: expected value, found something else"),
        (
            r#"{"a":{"dtype":"U8"}}"#,
            "malformed: tensor `a`, offset 26: expected each field once, found missing field `shape`",
        ),
        (
            "{\n\"a\"\n:null}",
            "malformed: tensor `a`, offset 18: expected an object of dtype, shape and data_offsets, found null",
        ),
        (
            r#"{"a":["U8",[2],[0,2]]}"#,
            "malformed: tensor `a`, offset 12: expected an object of dtype, shape and data_offsets, found sequence",
        ),
        (
            r#"{"a":{"shape":[2.0]}}"#,
            "malformed: tensor `a`, offset 25: expected u64, found floating point `2.0`",
        ),
        (
            r#"{"a":{"data_offsets":[-1,0]}}"#,
            "malformed: tensor `a`, offset 31: expected u64, found integer `-1`",
        ),
        (
            r#"{"a":{"shape":[18446744073709551616]}}"#,
            "malformed: tensor `a`, offset 42: expected u64, found floating point `1.8446744073709552e+19`",
        ),
        (
            r#"{"a":{"dtype":"U8","dtype":"U8"}}"#,
            "malformed: tensor `a`, offset 39: expected each field once, found duplicate field `dtype`",
        ),
        (r#"{"__metadata__":{"k":1}}"#, "malformed: header, offset 29: expected a string, found integer `1`"),
        (
            r#"{"__metadata__":{},"__metadata__":{}}"#,
            "malformed: header, offset 40: expected each field once, found duplicate field `__metadata__`",
        ),
        (
            r#"{"__metadata__":{"k":"v"}"#,
            "malformed: header, offset 32: expected JSON, found EOF while parsing an object",
        ),
        ("{}\0", "malformed: header, offset 10: expected JSON, found trailing characters"),
        (
            r#"{"a":{"x":1e999}}"#,
            "malformed: tensor `a`, offset 22: expected JSON, found number out of range",
        ),
        (
            r#"{"a":{"x":"\ud800"}}"#,
            "malformed: tensor `a`, offset 25: expected JSON, found unexpected end of hex escape",
        ),
        (" {}", "malformed: header, offset 8: expected `{`, found 20 7b 7d"),
        ("[]", "malformed: header, offset 8: expected `{`, found 5b 5d"),
    ];
    for (header, expected) in cases {
        assert_eq!(fault(header, b""), expected, "{header}");
    }
    let mut not_utf8 = file("{\"ab\":0}", b"");
    not_utf8[11] = 0xff;
    assert_eq!(
        read(&not_utf8).unwrap_err().to_string(),
        "malformed: header, offset 11: expected UTF-8, found ff 22 3a 30 7d"
    );
}

#[test]
fn what_a_header_says_for_nobody_is_told() {
    let header = r#"{"__metadata__":{"k":"1","k":"2"},"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2],"x":1,"y":{}}}"#;
    let checkpoint = read(&file(header, b"12")).unwrap();
    assert_eq!(checkpoint.metadata, [("k".to_owned(), "2".to_owned())]);
    let extras = checkpoint.extras.iter().map(|extra| format!("{}: {}", extra.path, extra.reason));
    assert_eq!(
        extras.collect::<Vec<_>>(),
        [
            "a: 2 fields of the header that no reader of the format knows",
            "__metadata__: a text whose key comes again, and counts for no reader",
        ]
    );
}

#[test]
fn a_deep_header_ends_in_an_error_not_in_a_stack_overflow() {
    let deep = format!(r#"{{"a":{{"x":{}"#, "[".repeat(1 << 20));
    assert!(fault(&deep, b"").ends_with("found recursion limit exceeded"), "{}", fault(&deep, b""));
}

#[test]
fn tensors_must_cover_the_payload_exactly() {
    let entry = |info: &str| format!(r#"{{"a":{{{info}}}}}"#);
    let cases = [
        (
            r#""dtype":"U8","shape":[2],"data_offsets":[1,3]"#,
            "expected data_offsets from 0 on: tensors have no gaps or overlaps, found data_offsets [1, 3]",
        ),
        (
            r#""dtype":"U8","shape":[3],"data_offsets":[0,2]"#,
            "expected 3 bytes for its dtype and shape, found 2 bytes",
        ),
        (
            r#""dtype":"F4","shape":[],"data_offsets":[0,1]"#,
            "expected elements that fill whole bytes, found 4 bits",
        ),
        (
            r#""dtype":"F6_E2M3","shape":[3],"data_offsets":[0,2]"#,
            "expected elements that fill whole bytes, found 18 bits",
        ),
        (
            r#""dtype":"U8","shape":[9223372036854775808,4,0],"data_offsets":[0,0]"#,
            "expected a size of less than 2^64 bits, found a larger shape",
        ),
        (
            r#""dtype":"U8","shape":[4611686018427387904],"data_offsets":[0,0]"#,
            "expected a size of less than 2^64 bits, found a larger shape",
        ),
        (
            r#""dtype":"U8","shape":[4],"data_offsets":[0,4]"#,
            "expected 4 bytes of tensors, found 3 bytes after the header",
        ),
        (
            r#""dtype":"U8","shape":[0,9223372036854775808],"data_offsets":[0,0]"#,
            "expected sizes and strides below 2^63, found a larger shape",
        ),
    ];
    for (info, expected) in cases {
        let payload = if info.ends_with("[0,0]") { &b""[..] } else { b"xyz" };
        let fault = fault(&entry(info), payload);
        assert!(fault.ends_with(&format!("tensor `a`, offset 13: {expected}")), "{info}: {fault}");
    }
    assert_eq!(
        fault(&format!("{{{PAIR}}}"), b"xyz"),
        "malformed: file, offset 63: expected its end after the last tensor, found 1 more byte"
    );
    // The overlapping one is the later in the file, though the first in the header.
    let overlap = format!(r#"{{ "b" : {{"dtype":"U8","shape":[2],"data_offsets":[1,3]}},{PAIR}}}"#);
    assert_eq!(
        fault(&overlap, b"xyz"),
        "malformed: tensor `b`, offset 16: expected data_offsets from 2 on: tensors have no gaps or overlaps, found data_offsets [1, 3]"
    );
}

#[test]
fn the_length_is_checked_before_anything_is_fetched() {
    let mut file = file("{}", b"");
    for (length, expected) in [
        (
            3u64,
            "truncated: header length, offset 0: expected a header of 3 bytes, found 2 bytes after the length",
        ),
        (
            u64::MAX,
            "truncated: header length, offset 0: expected a header of 18446744073709551615 bytes, found 2 bytes after the length",
        ),
        (0, "malformed: header length, offset 0: expected a header of 2 bytes or more, found 0"),
    ] {
        file[..8].copy_from_slice(&length.to_le_bytes());
        assert_eq!(read(&file).unwrap_err().to_string(), expected);
    }
    assert_eq!(
        read(&[2, 0, 0]).unwrap_err().to_string(),
        "truncated: header length, offset 3: expected 8 bytes, found a file of 3 bytes"
    );
}

#[test]
fn caps_end_the_reading() {
    let header = format!(r#"{{"__metadata__":{{"k":"","l":""}},{PAIR},{}}}"#, PAIR.replace("\"a\"", "\"b\""));
    let file = file(&header, b"xy");
    let usual = Limits::default();
    let size = header.len() as u64;
    let cases = [
        (Limits { directory_bytes: size - 1, ..usual }, Error::limit(0, "directory_bytes", size - 1)),
        (Limits { entries: 1, ..usual }, Error::limit(8, "entries", 1)),
        (Limits { entries: 0, ..usual }, Error::limit(8, "entries", 0)),
    ];
    for (limits, expected) in cases {
        assert_eq!(read_within(&file, limits).unwrap_err(), expected);
    }
    let one = super::file(&format!("{{{PAIR}}}"), b"xy");
    assert_eq!(read_within(&one, Limits { nodes: 2, ..usual }).unwrap_err(), Error::limit(8, "nodes", 2));
    assert!(read_within(&one, Limits { nodes: 3, entries: 1, ..usual }).is_ok());
    assert_eq!(vec!["a"], names(&read(&one).unwrap()));
}
