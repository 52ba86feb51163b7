use alloc::vec::Vec;
use core::cell::RefCell;

use super::nodes::{node_in, tensor_out};
use super::page::page;
use super::wit::types::{Error, Node, NodeId};
use super::wit::writer as wit;
use super::{Component, enter, error_out, unfit_out};
use crate::model::Storage;
use crate::{Checksum, SafetensorsOptions, Segment, Slot, Source, TorchOptions, WriteOptions, Writing};

impl wit::Guest for Component {
    type Writing = RefCell<Writing>;
}

impl wit::GuestWriting for RefCell<Writing> {
    fn begin(options: wit::WriteOptions) -> Result<wit::Writing, Error> {
        Ok(wit::Writing::new(RefCell::new(Writing::begin(options_in(options)))))
    }

    fn add(&self, nodes: Vec<Node>, storages: Vec<wit::Storage>) -> Result<(), Error> {
        let nodes = nodes.into_iter().map(node_in).collect();
        let storages =
            storages.into_iter().map(|wit::Storage { length, location }| Storage { length, location });
        enter(self)?.add(nodes, storages.collect()).map_err(error_out)
    }

    fn plan(&self, root: NodeId) -> Result<wit::Plan, Error> {
        let mut writing = enter(self)?;
        let layout = writing.plan(root).map_err(error_out)?;
        Ok(wit::Plan {
            length: layout.length,
            segments: count(layout.segments.len()),
            slots: count(layout.slots.len()),
            seal: layout.seal,
            left_out: unfit_out(layout.left_out.clone()),
        })
    }

    fn segments(&self, start: u32, count: u32) -> Result<Vec<wit::Segment>, Error> {
        let writing = enter(self)?;
        let layout = writing.layout().map_err(error_out)?;
        page(&layout.segments, start, count, segment_weight, segment_out)
    }

    fn slots(&self, start: u32, count: u32) -> Result<Vec<wit::Slot>, Error> {
        let writing = enter(self)?;
        let layout = writing.layout().map_err(error_out)?;
        page(&layout.slots, start, count, |_| 128, slot_out)
    }

    fn seal(&self, checksums: Vec<wit::Checksum>) -> Result<u32, Error> {
        let checksums: Vec<_> =
            checksums.into_iter().map(|wit::Checksum { crc32, head }| Checksum { crc32, head }).collect();
        enter(self)?.seal(&checksums).map(count).map_err(error_out)
    }

    fn sealed(&self, start: u32, count: u32) -> Result<Vec<wit::Segment>, Error> {
        let writing = enter(self)?;
        let segments = writing.sealed().map_err(error_out)?;
        page(segments, start, count, segment_weight, segment_out)
    }
}

fn options_in(options: wit::WriteOptions) -> WriteOptions {
    match options {
        wit::WriteOptions::TorchZip(wit::TorchOptions { file_name, alignment, checksums }) => {
            WriteOptions::TorchZip(TorchOptions { file_name, alignment, checksums })
        }
        wit::WriteOptions::Safetensors(wit::SafetensorsOptions { metadata, tensors_only }) => {
            WriteOptions::Safetensors(SafetensorsOptions { metadata, tensors_only })
        }
        wit::WriteOptions::Pickle => WriteOptions::Pickle,
    }
}

fn segment_weight(segment: &Segment) -> usize {
    segment.bytes.len().saturating_add(32)
}

fn segment_out(segment: &Segment) -> wit::Segment {
    wit::Segment { offset: segment.offset, bytes: segment.bytes.clone() }
}

fn slot_out(slot: &Slot) -> wit::Slot {
    wit::Slot {
        offset: slot.offset,
        length: slot.length,
        source: match &slot.source {
            Source::Storage(id) => wit::Source::Storage(*id),
            Source::Tensor(tensor) => wit::Source::Tensor(tensor_out(tensor)),
        },
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
