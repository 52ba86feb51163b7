//! Streams as `torch.save(…, _use_new_zipfile_serialization=False)` writes them.

use alloc::string::ToString;

use super::*;
use crate::model::Node;
use crate::{Chunk, Reading, Step};

/// Reads a file as a host would. Also says how many rounds of fetching it took.
fn read(file: &[u8]) -> Result<(Checkpoint, usize), Error> {
    let mut reading = Reading::open(file.len() as u64, Limits::default());
    let (mut chunks, mut rounds) = (Vec::new(), 0);
    while let Step::Fetch(ranges) = reading.advance(chunks)? {
        rounds += 1;
        chunks =
            ranges.iter().map(|range| Chunk { offset: range.offset, bytes: bytes_of(file, range) }).collect();
    }
    Ok((reading.into_checkpoint().unwrap(), rounds))
}

fn bytes_of(file: &[u8], range: &Range) -> Vec<u8> {
    let at = |offset| usize::try_from(offset).unwrap();
    file[at(range.offset)..at(range.end().unwrap())].to_vec()
}

fn refused(file: &[u8]) -> String {
    read(file).unwrap_err().to_string()
}

/// The file with the last occurrence of some bytes replaced.
fn with(file: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = file.windows(from.len()).rposition(|window| window == from).unwrap();
    [&file[..at], to, &file[at + from.len()..]].concat()
}

#[test]
fn a_stream_says_where_its_storages_lie() {
    let (checkpoint, rounds) = read(STREAM).unwrap();
    assert_eq!(rounds, 3, "the first bytes, the pickles, the counts");
    assert_eq!(checkpoint.format, Format::TorchLegacy);
    let stored: Vec<_> =
        checkpoint.storages.iter().map(|s| (s.name.as_str(), s.swap, bytes_of(STREAM, &s.range))).collect();
    let floats: Vec<u8> = [0f32, 1.0, 2.0, 3.0].iter().flat_map(|x| x.to_le_bytes()).collect();
    // In the order of the state dict, not of the file.
    let expected = [
        ("94204459220288", 1, vec![0, 0, 1, 0, 2, 0]),
        ("94204460878944", 1, floats),
        ("94204458382880", 1, vec![0, 1]),
    ];
    assert_eq!(stored, expected);
    assert!(checkpoint.storages.iter().all(|s| s.location == "cpu" && s.checksum.is_none()));
    let Node::Tensor(second) = &checkpoint.nodes[4] else { panic!("{:?}", checkpoint.nodes) };
    assert_eq!((second.storage, second.offset, second.shape.as_slice()), (Some(1), 1, &[2][..]));
}

#[test]
fn a_stream_without_storages_ends_with_its_list_of_keys() {
    let (checkpoint, rounds) = read(EMPTY).unwrap();
    assert_eq!((checkpoint.nodes, checkpoint.storages, rounds), (vec![Node::List(vec![])], vec![], 2));
}

#[test]
fn numbers_are_little_endian_on_every_machine() {
    // torch wrote them so everywhere, and reads them without a look at the flag.
    let big = with(STREAM, b"little_endianq\x02\x88", b"little_endianq\x02\x89");
    assert_eq!(read(&big).unwrap(), read(STREAM).unwrap());
    let neither = with(STREAM, b"little_endianq\x02\x88", b"little_endianq\x02N");
    assert!(refused(&neither).contains("system information, offset"));
}

#[test]
fn strings_in_no_known_encoding_are_counted() {
    let with = |text: &[u8]| read(&with(EMPTY, b"]q\0.\x80\x02]q\0.", &[text, b".\x80\x02]q\0."].concat()));
    let (checkpoint, _) = with(b"U\x01\xe9").unwrap();
    assert_eq!((checkpoint.nodes, checkpoint.undecoded), (vec![Node::Bytes(vec![0xe9])], 1));
    let (checkpoint, _) = with(b"U\x02\xc3\xa9").unwrap();
    assert!(matches!(checkpoint.nodes.as_slice(), [Node::Text(_)]) && checkpoint.undecoded == 1);
    assert_eq!(with(b"U\x02ab").unwrap().0.undecoded, 0);
    assert_eq!(with(b"\x80\x04C\x01\xe9").unwrap().0.undecoded, 0);
}

#[test]
fn what_somebody_added_to_the_system_information_is_told() {
    assert_eq!(read(STREAM).unwrap().0.extras, []);
    let mine = with(STREAM, b"longq\x07K\x04uu.", b"longq\x07K\x04uX\x04\0\0\0mineK\x01u.");
    let extras = read(&mine).unwrap().0.extras;
    let [extra] = &extras[..] else { panic!("{extras:?}") };
    assert_eq!(extra.path, "system information");
    assert_eq!(extra.reason, "1 entry that torch does not write");
}

#[test]
fn a_state_dict_beyond_one_window_comes_in_several() {
    let long = 300_000u32;
    let text = [b"X".as_slice(), &long.to_le_bytes(), &vec![b'x'; long as usize], b"0"].concat();
    let state = [b"\x80\x02".as_slice(), &text, &text, b"]q\0."].concat();
    let file = with(EMPTY, b"\x80\x02]q\0.\x80\x02]q\0.", &[&state, &b"\x80\x02]q\0."[..]].concat());
    let (checkpoint, rounds) = read(&file).unwrap();
    assert_eq!((checkpoint.nodes, rounds), (vec![Node::List(vec![])], 5));
}

#[test]
fn what_the_head_says_is_checked() {
    // Without the number it is a pickle like any other, and ends early.
    assert!(refused(&with(STREAM, b"\xf9 j\xa8", b"\xf9!j\xa8")).contains("the file to end after STOP"));
    let version = refused(&with(STREAM, b"\x80\x02M\xe9\x03.", b"\x80\x02M\xea\x03."));
    assert_eq!(
        version,
        "malformed: protocol version, offset 15: expected protocol version 1001, found another value"
    );
}

#[test]
fn keys_and_storages_must_agree() {
    let other = refused(&with(STREAM, b"94204458382880", b"94204458382881"));
    assert!(other.contains("expected keys of storages in the state dict, found `94204458382881`"), "{other}");
    let twice = refused(&with(STREAM, b"94204458382880", b"94204459220288"));
    assert!(twice.contains("expected each key once, found `94204459220288` twice"), "{twice}");
    let none = refused(&with(STREAM, b"\x80\x02]q\x00(X\x0e", b"\x80\x02]q\x00.X\x0e"));
    assert!(none.contains("expected all storages of the state dict, found 0 storages"), "{none}");
    let number = refused(&with(EMPTY, b"\x80\x02]q\0.", b"\x80\x02]K\x01a."));
    assert!(number.contains("expected storage keys, each a str"), "{number}");
    let text = refused(&with(EMPTY, b"\x80\x02]q\0.", b"\x80\x02N."));
    assert!(text.contains("expected a list of storage keys"), "{text}");
}

#[test]
fn a_count_that_differs_is_refused() {
    let error = refused(&with(STREAM, b"\x04\0\0\0\0\0\0\0", b"\x05\0\0\0\0\0\0\0"));
    assert!(error.starts_with("malformed: storage `94204460878944`, offset"), "{error}");
    assert!(
        error
            .ends_with("expected an element count of 4, as in the state dict, found 05 00 00 00 00 00 00 00")
    );
}

#[test]
fn the_file_ends_where_the_last_storage_does() {
    let longer = refused(&[STREAM, b"xy"].concat());
    assert!(longer.contains("expected its end after the last storage, found 2 more bytes"), "{longer}");
    for (first, second) in [(STREAM, EMPTY), (EMPTY, STREAM), (EMPTY, EMPTY)] {
        let several = refused(&[first, second].concat());
        let said = format!(
            "unsupported: file, offset {}: expected its end after the last storage, found another file",
            first.len()
        );
        assert!(several.starts_with(&said), "{several}");
    }
    // A sniff needs three bytes to tell the format.
    for length in 3..STREAM.len() {
        let error = read(&STREAM[..length]).unwrap_err();
        assert!(matches!(error, Error::Truncated(_)), "{length}: {error}");
    }
}

#[test]
fn no_flipped_byte_panics() {
    let mut broken = STREAM.to_vec();
    for at in 0..broken.len() {
        for flip in [0x01, 0x20, 0xff] {
            broken[at] ^= flip;
            let _ = read(&broken);
            broken[at] ^= flip;
        }
    }
}

const STREAM: &[u8] =
    b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}q\x00(X\x10\x00\x00\x00protocol_v\
    ersionq\x01M\xe9\x03X\x0d\x00\x00\x00little_endianq\x02\x88X\n\x00\x00\x00type_sizesq\x03}q\x04(X\
    \x05\x00\x00\x00shortq\x05K\x02X\x03\x00\x00\x00intq\x06K\x04X\x04\x00\x00\x00longq\x07K\x04uu.\x80\
    \x02}q\x00(X\x01\x00\x00\x00aq\x01ctorch._utils\n_rebuild_tensor_v2\nq\x02((X\x07\x00\x00\x00storage\
    q\x03ctorch\nShortStorage\nq\x04X\x0e\x00\x00\x0094204459220288q\x05X\x03\x00\x00\x00cpuq\x06K\x03Nt\
    q\x07QK\x00K\x03\x85q\x08K\x01\x85q\x09\x89ccollections\nOrderedDict\nq\n)Rq\x0btq\x0cRq\x0dX\x01\
    \x00\x00\x00bq\x0eh\x02((h\x03ctorch\nFloatStorage\nq\x0fX\x0e\x00\x00\x0094204460878944q\x10h\x06K\
    \x04Ntq\x11QK\x01K\x02\x85q\x12K\x01\x85q\x13\x89h\n)Rq\x14tq\x15Rq\x16X\x01\x00\x00\x00sq\x17(h\x03\
    ctorch.storage\nUntypedStorage\nq\x18X\x0e\x00\x00\x0094204458382880q\x19h\x06K\x02Ntq\x1aQu.\x80\
    \x02]q\x00(X\x0e\x00\x00\x0094204458382880q\x01X\x0e\x00\x00\x0094204459220288q\x02X\x0e\x00\x00\x00\
    94204460878944q\x03e.\x02\x00\x00\x00\x00\x00\x00\x00\x00\x01\x03\x00\x00\x00\x00\x00\x00\x00\x00\
    \x00\x01\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80?\x00\x00\x00@\x00\
    \x00@@";
const EMPTY: &[u8] =
    b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}q\x00(X\x10\x00\x00\x00protocol_v\
    ersionq\x01M\xe9\x03X\x0d\x00\x00\x00little_endianq\x02\x88X\n\x00\x00\x00type_sizesq\x03}q\x04(X\
    \x05\x00\x00\x00shortq\x05K\x02X\x03\x00\x00\x00intq\x06K\x04X\x04\x00\x00\x00longq\x07K\x04uu.\x80\
    \x02]q\x00.\x80\x02]q\x00.";
