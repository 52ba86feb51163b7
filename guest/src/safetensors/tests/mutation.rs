use alloc::vec::Vec;

use super::super::layout;
use super::{State, file, read};
use crate::model::Checkpoint;
use crate::model::SafetensorsOptions;
use crate::model::{Node, NodeId, Storage, Tensor, Text};
use crate::{DType, Error};

const HEADERS: [(&str, &[u8]); 3] = [
    (
        r#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"__metadata__":{"k":"v"},"b":{"dtype":"I16","shape":[1,2],"data_offsets":[2,6]}}"#,
        b"123456",
    ),
    (
        r#"{"b":{"dtype":"F4","shape":[2,2],"data_offsets":[0,2]},"z":{"dtype":"F32","shape":[0,3],"data_offsets":[2,2]},"q":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[2,5]}}"#,
        b"12345",
    ),
    (
        "{ \"a\" : {\"shape\":[],\"dtype\":\"U8\",\n\"data_offsets\":[0,1],\"more\":{\"x\":[1,2.5,\"s\",null,true]}} }  \n",
        b"1",
    ),
];

/// Pieces of headers, wholesome and not.
const PIECES: [&str; 24] = [
    "\"dtype\"",
    "\"shape\"",
    "\"data_offsets\"",
    "null",
    "0",
    "2",
    "18446744073709551615",
    "-1",
    "1e999",
    "[]",
    "{}",
    "[",
    "{",
    "]",
    "}",
    ",",
    ":",
    "\"",
    "\\ud800",
    "\"__metadata__\":{\"a\":\"b\"},",
    "\"F6_E2M3\"",
    "\n",
    "é",
    "\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},",
];

#[test]
fn a_file_cut_short_anywhere_is_an_error() {
    for (header, payload) in HEADERS {
        let file = file(header, payload);
        read(&file).unwrap();
        for length in 0..file.len() {
            assert!(read(&file[..length]).is_err(), "{length} of {header}");
        }
    }
}

#[test]
fn any_byte_may_be_any_other() {
    for (header, payload) in HEADERS {
        let mut file = file(header, payload);
        for at in 0..8 + header.len() {
            let original = file[at];
            for value in [0, b'"', b'\\', b'{', b'9', 0x7f, 0xff, original ^ 1, original ^ 0x20] {
                file[at] = value;
                examine(&file);
            }
            file[at] = original;
        }
    }
}

#[test]
fn mutated_headers_are_refused_or_sound() {
    let mut random = Random(0x5eed);
    let mut sound = 0;
    for _ in 0..20_000 {
        let (header, payload) = HEADERS[random.below(HEADERS.len())];
        let mut header = header.as_bytes().to_vec();
        for _ in 0..=random.below(3) {
            mutate(&mut header, &mut random);
        }
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend(header);
        file.extend(payload);
        sound += usize::from(examine(&file));
    }
    // Mutations that hit only white space or a name: enough to see the checks work.
    assert!(sound > 200, "{sound}");
}

#[test]
fn the_writer_takes_any_graph() {
    let mut random = Random(0xa11);
    let (mut fine, mut unfit) = (0, 0);
    for _ in 0..5_000 {
        let state = graph(&mut random);
        let options = SafetensorsOptions { metadata: Vec::new(), tensors_only: random.below(2) == 0 };
        match layout(&options, &state.nodes, &state.storages, 0) {
            Ok(layout) => {
                fine += 1;
                let mut end = layout.segments[0].bytes.len() as u64;
                for slot in &layout.slots {
                    assert_eq!(slot.offset, end);
                    end += slot.length;
                }
                assert_eq!(layout.length, end);
            }
            Err(Error::Unrepresentable(_)) => unfit += 1,
            Err(Error::Misuse(_)) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert!(fine > 200 && unfit > 200, "{fine} fine, {unfit} unfit");
}

/// Reads a file and, if that succeeds, checks what was read and that it can be
/// written and read again.
fn examine(file: &[u8]) -> bool {
    let Ok(checkpoint) = read(file) else { return false };
    let mut end = None;
    for stored in &checkpoint.storages {
        assert!(end.is_none_or(|end| end == stored.range.offset), "gap before {}", stored.name);
        end = stored.range.end();
    }
    assert!(end.is_none_or(|end| end == file.len() as u64));

    let storages: Vec<Storage> = checkpoint
        .storages
        .iter()
        .map(|stored| Storage { length: stored.range.length, location: stored.location.clone() })
        .collect();
    let options = SafetensorsOptions { metadata: Vec::new(), tensors_only: false };
    let layout = layout(&options, &checkpoint.nodes, &storages, checkpoint.root).expect("what was read fits");
    let payload =
        |storage| super::slice(file, &checkpoint.storages[usize::try_from(storage).unwrap()].range).to_vec();
    let again = read(&super::write(&layout, payload)).expect("what was written is read");
    assert_eq!(tensors(&again), tensors(&checkpoint));
    true
}

/// Names, dtypes and shapes, by name.
fn tensors(checkpoint: &Checkpoint) -> Vec<(&str, DType, &[u64])> {
    let mut tensors: Vec<_> = checkpoint
        .nodes
        .iter()
        .filter_map(|node| match node {
            Node::Tensor(tensor) => Some(tensor),
            _ => None,
        })
        .zip(&checkpoint.storages)
        .map(|(tensor, stored)| (stored.name.as_str(), tensor.dtype, tensor.shape.as_slice()))
        .collect();
    tensors.sort_unstable();
    tensors
}

fn mutate(header: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(header.len() + 1);
    let piece = PIECES[random.below(PIECES.len())].bytes();
    match random.below(4) {
        0 => drop(header.drain(at..(at + 1 + random.below(4)).min(header.len()))),
        1 => drop(header.splice(at..at, piece)),
        2 => drop(header.splice(at..(at + 1).min(header.len()), piece)),
        _ => {
            let end = (at + random.below(40)).min(header.len());
            let copy = header[at..end].to_vec();
            let to = random.below(header.len() + 1);
            header.splice(to..to, copy);
        }
    }
}

/// A state dict of random nodes that refer to each other at random, a few times
/// to nodes that do not exist.
fn graph(random: &mut Random) -> State {
    let mut state = State::default();
    for _ in 0..1 + random.below(3) {
        state.storage([0, 8, 64][random.below(3)]);
    }
    let count = 2 + random.below(8);
    let ids = |random: &mut Random| -> Vec<NodeId> {
        let beyond = usize::from(random.below(40) == 0);
        (0..random.below(4)).map(|_| NodeId::try_from(random.below(count + beyond)).unwrap()).collect()
    };
    for index in 0..count {
        let node = match if index == 0 { random.below(3) } else { random.below(10) } {
            0 => Node::List(ids(random)),
            1 | 2 => Node::Dict(ids(random).into_iter().zip(ids(random)).collect()),
            3 => Node::Int(7),
            4 => Node::Parameter {
                tensor: ids(random).first().copied().unwrap_or(0),
                requires_grad: true,
                state: None,
            },
            5 | 6 => {
                Node::Text(Text { value: ["a", "b", "a.b", ""][random.below(4)].into(), interned: true })
            }
            _ => Node::Tensor(alloc::boxed::Box::new(view(random))),
        };
        state.add(node);
    }
    state
}

fn view(random: &mut Random) -> Tensor {
    let dtype = DType::ALL[random.below(DType::ALL.len())];
    let sizes = |random: &mut Random| -> Vec<u64> { (0..1).map(|_| [0, 1, 2, 3][random.below(4)]).collect() };
    let (shape, stride) = (sizes(random), sizes(random));
    super::tensor(Some(u32::from(random.below(9) == 0)), dtype, [0, 0, 1][random.below(3)], &shape, &stride)
}

/// Marsaglia's xorshift: the same cases each time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }
}
