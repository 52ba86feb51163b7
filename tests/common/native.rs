//! The guest linked natively, fed from bytes in memory: no component, no host.

use strongroom_guest::model::{Node, NodeId, Storage, Stored, Tensor};
use strongroom_guest::validate::{Judging, Report, ValidateOptions, Validating};
use strongroom_guest::{
    Checkpoint, Checksum, Chunk, Error, Limits, Range, Reading, SafetensorsOptions, Slot, Source, Step,
    TorchOptions, WriteOptions, Writing,
};

/// Reads a file that is brought in pieces of at most `piece` bytes, one of each
/// missing range in a call, the last range first.
pub fn read(file: &[u8], piece: usize) -> Result<Checkpoint, Error> {
    read_limited(file, piece, Limits::default())
}

/// The same under other caps.
pub fn read_limited(file: &[u8], piece: usize, limits: Limits) -> Result<Checkpoint, Error> {
    let mut reading = Reading::open(file.len() as u64, limits);
    let mut chunks = Vec::new();
    loop {
        match reading.advance(chunks)? {
            Step::Ready => return Ok(reading.into_checkpoint().expect("ready without a checkpoint")),
            Step::Fetch(ranges) => {
                assert!(!ranges.is_empty(), "asks for nothing and is not ready");
                chunks = ranges.iter().rev().map(|range| first(file, *range, piece)).collect();
            }
        }
    }
}

/// Judges a file that is brought in pieces of at most `piece` bytes, one of each
/// missing range in a call, the last range first. Says how many bytes it asked for, too.
pub fn judge(file: &[u8], piece: usize, options: ValidateOptions) -> (Report, u64) {
    let mut validating = Validating::open(file.len() as u64, options);
    let (mut chunks, mut fetched) = (Vec::new(), 0);
    loop {
        match validating.advance(chunks).expect("no file makes it fail") {
            Judging::Ready => return (validating.report().clone(), fetched),
            Judging::Fetch(ranges) => {
                assert!(!ranges.is_empty(), "asks for nothing and is not ready");
                chunks = ranges.iter().rev().map(|range| first(file, *range, piece)).collect();
                fetched += chunks.iter().map(|chunk| chunk.bytes.len() as u64).sum::<u64>();
            }
        }
    }
}

fn first(file: &[u8], range: Range, piece: usize) -> Chunk {
    let end = range.end().filter(|&end| end <= file.len() as u64);
    assert!(end.is_some() && range.length > 0, "asks for {range:?} of {} bytes", file.len());
    let start = usize::try_from(range.offset).unwrap();
    let length = usize::try_from(range.length).unwrap().min(piece);
    Chunk { offset: range.offset, bytes: file[start..start + length].to_vec() }
}

/// A storage's bytes in this machine's order.
pub fn payload(file: &[u8], stored: &Stored) -> Vec<u8> {
    let start = usize::try_from(stored.range.offset).unwrap();
    let mut bytes = file[start..start + usize::try_from(stored.range.length).unwrap()].to_vec();
    if stored.swap > 1 {
        bytes.chunks_exact_mut(stored.swap.into()).for_each(<[u8]>::reverse);
    }
    bytes
}

/// The bytes of a tensor's elements in row-major order, by the definition.
pub fn elements(tensor: &Tensor, storage: &[u8]) -> Vec<u8> {
    let width = tensor.dtype.bits() / 8;
    assert!(width > 0, "elements of less than a byte are only copied whole");
    let mut starts = vec![tensor.offset];
    for (&size, &stride) in tensor.shape.iter().zip(&tensor.stride) {
        starts = starts.iter().flat_map(|start| (0..size).map(move |i| start + i * stride)).collect();
    }
    let element = |start: u64| {
        let at = usize::try_from(start * width).unwrap();
        &storage[at..at + usize::try_from(width).unwrap()]
    };
    starts.into_iter().flat_map(element).copied().collect()
}

/// Writes what was read from `file`.
pub fn rewrite(checkpoint: &Checkpoint, file: &[u8], options: WriteOptions) -> Result<Vec<u8>, Error> {
    let payloads: Vec<Vec<u8>> = checkpoint.storages.iter().map(|stored| payload(file, stored)).collect();
    let storages = checkpoint
        .storages
        .iter()
        .map(|stored| Storage { length: stored.range.length, location: stored.location.clone() });
    write(checkpoint.nodes.clone(), storages.collect(), checkpoint.root, &payloads, options)
}

/// Writes a state dict into memory. Every byte must be written once.
pub fn write(
    nodes: Vec<Node>,
    storages: Vec<Storage>,
    root: NodeId,
    payloads: &[Vec<u8>],
    options: WriteOptions,
) -> Result<Vec<u8>, Error> {
    let mut writing = Writing::begin(options);
    writing.add(nodes, storages)?;
    let layout = writing.plan(root)?.clone();
    let mut file: Vec<Option<u8>> = vec![None; usize::try_from(layout.length).unwrap()];
    let mut put = |offset: u64, bytes: &[u8]| {
        let offset = usize::try_from(offset).unwrap();
        for (place, &byte) in file[offset..offset + bytes.len()].iter_mut().zip(bytes) {
            assert_eq!(place.replace(byte), None, "a byte near offset {offset} is written twice");
        }
    };
    let mut checksums = Vec::new();
    for slot in &layout.slots {
        let bytes = fill(slot, payloads);
        assert_eq!(bytes.len() as u64, slot.length, "a slot's length");
        put(slot.offset, &bytes);
        checksums.push(checksum(&bytes));
    }
    layout.segments.iter().for_each(|segment| put(segment.offset, &segment.bytes));
    if layout.seal {
        writing.seal(&checksums)?;
        writing.sealed()?.iter().for_each(|segment| put(segment.offset, &segment.bytes));
    }
    Ok(file.into_iter().map(|byte| byte.expect("a byte is never written")).collect())
}

fn fill(slot: &Slot, payloads: &[Vec<u8>]) -> Vec<u8> {
    match &slot.source {
        Source::Storage(id) => payloads[*id as usize].clone(),
        // What is packed tighter than bytes is contiguous, or it could not be written.
        Source::Tensor(tensor) if tensor.dtype.bits() < 8 => {
            let start = usize::try_from(tensor.dtype.bytes(tensor.offset).unwrap()).unwrap();
            payloads[tensor.storage.unwrap() as usize][start..][..usize::try_from(slot.length).unwrap()]
                .to_vec()
        }
        Source::Tensor(tensor) => elements(tensor, &payloads[tensor.storage.unwrap() as usize]),
    }
}

fn checksum(payload: &[u8]) -> Checksum {
    let mut head = [0; 8];
    let length = payload.len().min(8);
    head[..length].copy_from_slice(&payload[..length]);
    Checksum { crc32: crc32fast::hash(payload), head: u64::from_le_bytes(head) }
}

/// How to write what was read as it was written.
pub fn same_options(checkpoint: &Checkpoint) -> WriteOptions {
    match checkpoint.format {
        strongroom_guest::Format::Safetensors => WriteOptions::Safetensors(SafetensorsOptions {
            metadata: checkpoint.metadata.clone(),
            tensors_only: false,
        }),
        _ => WriteOptions::TorchZip(TorchOptions {
            // A name is cut at its last dot. Legacy files have none.
            file_name: match checkpoint.archive.as_str() {
                "" => Some("model.pt".into()),
                archive => Some(format!("{archive}.pt")),
            },
            alignment: checkpoint.alignment.unwrap_or(64),
            checksums: checkpoint.checksums,
        }),
    }
}
