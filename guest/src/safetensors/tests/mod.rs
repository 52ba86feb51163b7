//! Files and state dicts for the tests, and the stories told with them.

mod mutation;
mod reading;
mod writing;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::SafetensorsReader;
use crate::model::Checkpoint;
use crate::model::{FileLayout as Layout, Source};
use crate::model::{Node, NodeId, Storage, Tensor, Text};
use crate::step::Next;
use crate::{DType, Error, Limits, Range};

/// A file of this header and payload.
fn file(header: &str, payload: &[u8]) -> Vec<u8> {
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.extend(payload);
    file
}

fn read(file: &[u8]) -> Result<Checkpoint, Error> {
    read_within(file, Limits::default())
}

fn read_within(file: &[u8], limits: Limits) -> Result<Checkpoint, Error> {
    let mut reader = SafetensorsReader::new(file.len() as u64, limits);
    let mut parts = Vec::new();
    loop {
        match reader.resume(parts)? {
            Next::Done(checkpoint) => return Ok(checkpoint),
            Next::Fetch(ranges) => parts = ranges.iter().map(|range| slice(file, range).to_vec()).collect(),
        }
    }
}

fn slice<'a>(file: &'a [u8], range: &Range) -> &'a [u8] {
    let end = range.end().expect("a range inside the file");
    &file[usize::try_from(range.offset).unwrap()..usize::try_from(end).unwrap()]
}

/// A state dict in the making.
#[derive(Default)]
struct State {
    nodes: Vec<Node>,
    storages: Vec<Storage>,
}

impl State {
    fn add(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        NodeId::try_from(self.nodes.len() - 1).unwrap()
    }

    fn text(&mut self, value: &str) -> NodeId {
        self.add(Node::Text(Text { value: value.into(), interned: false }))
    }

    fn dict(&mut self, items: &[(&str, NodeId)]) -> NodeId {
        let pairs = items.iter().map(|&(key, value)| (self.text(key), value)).collect();
        self.add(Node::Dict(pairs))
    }

    fn storage(&mut self, length: u64) -> u32 {
        self.storages.push(Storage { length, location: "cpu".into() });
        u32::try_from(self.storages.len() - 1).unwrap()
    }

    /// A view of a storage.
    fn view(&mut self, storage: u32, dtype: DType, offset: u64, shape: &[u64], stride: &[u64]) -> NodeId {
        self.add(Node::Tensor(Box::new(tensor(Some(storage), dtype, offset, shape, stride))))
    }

    /// A contiguous vector with a storage of its own.
    fn vector(&mut self, dtype: DType, size: u64) -> NodeId {
        let storage = self.storage(dtype.bytes(size).unwrap());
        self.view(storage, dtype, 0, &[size], &[1])
    }
}

fn tensor(storage: Option<u32>, dtype: DType, offset: u64, shape: &[u64], stride: &[u64]) -> Tensor {
    let (shape, stride) = (shape.to_vec(), stride.to_vec());
    Tensor { storage, dtype, offset, shape, stride, requires_grad: false, conj: false, neg: false }
}

/// The header that a layout starts with, without its length.
fn header(layout: &Layout) -> String {
    let [segment] = layout.segments.as_slice() else { panic!("one segment: {layout:?}") };
    let (length, json) = segment.bytes.split_at(8);
    assert_eq!(length, (json.len() as u64).to_le_bytes());
    assert_eq!(json.len() % 8, 0);
    String::from_utf8(json.to_vec()).unwrap()
}

/// The file of a layout whose slots are whole storages.
fn write(layout: &Layout, payload: impl Fn(u32) -> Vec<u8>) -> Vec<u8> {
    let mut file = Vec::new();
    for segment in &layout.segments {
        assert_eq!(segment.offset, file.len() as u64);
        file.extend(&segment.bytes);
    }
    for slot in &layout.slots {
        let Source::Storage(storage) = slot.source else { panic!("a whole storage: {slot:?}") };
        let payload = payload(storage);
        assert_eq!((slot.offset, slot.length), (file.len() as u64, payload.len() as u64));
        file.extend(payload);
    }
    assert_eq!(layout.length, file.len() as u64);
    file
}
