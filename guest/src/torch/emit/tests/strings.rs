use alloc::vec;
use alloc::vec::Vec;

use super::{Arena, golden};
use crate::model::Node;

#[test]
fn numbers_take_the_shortest_spelling_that_cpython_has_for_them() {
    let mut arena = Arena::default();
    let mut items = arena.ints(&[0, 255, 256, 65535, 65536, -1, -(1 << 31), 1 << 31, -(1 << 31) - 1]);
    items.push(arena.add(Node::BigInt(vec![0, 0, 0, 0, 0, 0, 0, 0x80, 0])));
    items.push(arena.add(Node::BigInt(vec![255, 255, 255, 255, 255, 255, 255, 0x7f, 255])));
    let root = arena.list(&items);
    arena.is_written_as(root, golden::INTS);
}

#[test]
fn integers_that_claim_to_be_big_are_written_as_what_they_are() {
    let mut arena = Arena::default();
    let cases: [(&[u8], &[u8]); 6] = [
        (&[], b"K\x00"),
        (&[0; 20], b"K\x00"),
        (&[255; 300], b"J\xff\xff\xff\xff"),
        (&[200], b"J\xc8\xff\xff\xff"),
        (&[200, 0, 0, 0], b"K\xc8"),
        (&[0, 0, 0, 0, 0, 0, 0, 0, 1, 0], b"\x8a\x09\0\0\0\0\0\0\0\0\x01"),
    ];
    for (value, spelled) in cases {
        let root = arena.add(Node::BigInt(value.to_vec()));
        arena.is_written_as(root, &[b"\x80\x02", spelled, b"."].concat());
    }
}

#[test]
fn an_integer_of_256_bytes_has_a_four_byte_length() {
    let mut arena = Arena::default();
    let value = [&[0; 255][..], &[1]].concat();
    let root = arena.add(Node::BigInt(value.clone()));
    arena.is_written_as(root, &[b"\x80\x02\x8b\x00\x01\x00\x00", &value[..], b"."].concat());
}

#[test]
fn floats_and_flags_are_written_at_each_use() {
    let mut arena = Arena::default();
    let items = [
        arena.add(Node::Float(1.5f64.to_bits())),
        arena.add(Node::Float((-0.0f64).to_bits())),
        arena.add(Node::Complex { re: 1f64.to_bits(), im: (-2f64).to_bits() }),
        arena.add(Node::Bool(true)),
        arena.add(Node::Bool(false)),
        arena.add(Node::None),
    ];
    let root = arena.list(&items);
    arena.is_written_as(root, golden::NUMBERS);
}

#[test]
fn a_nan_stays_the_nan_it_was() {
    let mut arena = Arena::default();
    let root = arena.add(Node::Float(0xfff0_dead_beef_0001));
    arena.is_written_as(root, b"\x80\x02G\xff\xf0\xde\xad\xbe\xef\x00\x01.");
}

#[test]
fn texts_keep_even_lone_surrogates() {
    let mut arena = Arena::default();
    let items = [arena.text(""), arena.text("é"), arena.add(Node::SurrogateText(vec![0xed, 0xb2, 0x80]))];
    let root = arena.list(&items);
    arena.is_written_as(root, golden::TEXTS);
}

#[test]
fn bytes_are_spelled_as_latin1_text() {
    let mut arena = Arena::default();
    let items = [
        arena.add(Node::Bytes(vec![])),
        arena.add(Node::Bytes(vec![0xe9])),
        arena.add(Node::Bytes(vec![b'a', 0xff])),
        arena.add(Node::ByteArray(vec![])),
        arena.add(Node::ByteArray(vec![0xe9])),
        // CPython has one `é`, which the bytes above used.
        arena.literal("é"),
    ];
    let root = arena.list(&items);
    arena.is_written_as(root, golden::BYTES);
}

#[test]
fn literals_of_the_user_and_of_torch_are_one_object() {
    let mut arena = Arena::default();
    let literals = ["cpu", "storage", "latin1", "é"].map(|value| arena.literal(value));
    // A key is made by `str`, so it is another object than an equal literal.
    let zero = arena.literal("0");
    let tensor = arena.tensor(crate::DType::Float32, &[2]);
    let bytes = [arena.add(Node::Bytes(b"ab".to_vec())), arena.add(Node::Bytes(vec![0xe9]))];

    let root = arena.list(&[&literals[..], &[zero, tensor], &bytes].concat());
    arena.is_written_as(root, golden::SHARED_BEFORE);
    let root = arena.list(&[&[tensor], &bytes[..], &literals, &[zero]].concat());
    arena.is_written_as(root, golden::SHARED_AFTER);
}

#[test]
fn equal_literals_are_one_object_and_equal_texts_are_not() {
    let mut arena = Arena::default();
    let items = [arena.literal("lr"), arena.literal("lr"), arena.text("lr"), arena.text("lr")];
    let root = arena.list(&[&items[..], &items].concat());
    let spelled = b"X\x02\x00\x00\x00lr";
    arena.is_written_as(
        root,
        &[
            b"\x80\x02]q\x00(",
            &spelled[..],
            b"q\x01h\x01",
            spelled,
            b"q\x02",
            spelled,
            b"q\x03h\x01h\x01h\x02h\x03e.",
        ]
        .concat(),
    );
}

#[test]
fn the_memo_grows_beyond_one_byte() {
    let mut arena = Arena::default();
    let mut items: Vec<_> = (0..256).map(|_| arena.text("")).collect();
    items.push(items[254]);
    items.push(items[255]);
    let root = arena.list(&items);
    let bytes = arena.emit(root).unwrap().bytes;
    assert!(bytes.ends_with(b"q\xffX\0\0\0\0r\0\x01\0\0h\xffj\0\x01\0\0e."));
}
