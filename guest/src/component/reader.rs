use alloc::vec::Vec;
use core::cell::RefCell;

use super::nodes::node_out;
use super::page::{node_weight, page};
use super::wit::reader as wit;
use super::wit::types::{Error, Node, NodeId};
use super::{Component, enter, error_out, unfit_out};
use crate::model::Stored;
use crate::{Checkpoint, Chunk, Format, Limits, Range, Reading, Step};

impl wit::Guest for Component {
    type Reading = RefCell<Reading>;

    fn default_limits() -> wit::Limits {
        limits_out(Limits::default())
    }
}

impl wit::GuestReading for RefCell<Reading> {
    fn open(length: u64, options: wit::ReadOptions) -> Result<wit::Reading, Error> {
        let reading = Reading::open(length, limits_in(options.limits));
        Ok(wit::Reading::new(RefCell::new(reading)))
    }

    fn advance(&self, chunks: Vec<wit::Chunk>) -> Result<wit::Step, Error> {
        let mut reading = enter(self)?;
        let chunks = chunks.into_iter().map(chunk_in).collect();
        match reading.advance(chunks).map_err(error_out)? {
            Step::Fetch(ranges) => Ok(wit::Step::Fetch(ranges.iter().map(range_out).collect())),
            Step::Ready => Ok(wit::Step::Ready(summary_out(ready(&reading)?))),
        }
    }

    fn nodes(&self, start: NodeId, count: u32) -> Result<Vec<Node>, Error> {
        let reading = enter(self)?;
        page(&ready(&reading)?.nodes, start, count, node_weight, node_out)
    }

    fn storages(&self, start: u32, count: u32) -> Result<Vec<wit::Stored>, Error> {
        let reading = enter(self)?;
        let weight =
            |stored: &Stored| stored.name.len().saturating_add(stored.location.len()).saturating_add(64);
        page(&ready(&reading)?.storages, start, count, weight, stored_out)
    }
}

fn ready(reading: &Reading) -> Result<&Checkpoint, Error> {
    reading.checkpoint().ok_or_else(|| error_out(crate::Error::misuse("the reading is not ready")))
}

pub(super) fn chunk_in(wit::Chunk { offset, bytes }: wit::Chunk) -> Chunk {
    Chunk { offset, bytes }
}

pub(super) fn range_out(range: &Range) -> super::wit::types::Range {
    super::wit::types::Range { offset: range.offset, length: range.length }
}

fn stored_out(stored: &Stored) -> wit::Stored {
    wit::Stored {
        range: range_out(&stored.range),
        checksum: stored.checksum,
        swap: stored.swap,
        location: stored.location.clone(),
        name: stored.name.clone(),
    }
}

fn summary_out(checkpoint: &Checkpoint) -> wit::Summary {
    wit::Summary {
        format: match checkpoint.format {
            Format::TorchZip => wit::Format::TorchZip,
            Format::TorchLegacy => wit::Format::TorchLegacy,
            Format::Safetensors => wit::Format::Safetensors,
            Format::Pickle => wit::Format::Pickle,
        },
        root: checkpoint.root,
        nodes: count(checkpoint.nodes.len()),
        storages: count(checkpoint.storages.len()),
        archive: checkpoint.archive.clone(),
        alignment: checkpoint.alignment,
        checksums: checkpoint.checksums,
        metadata: checkpoint.metadata.clone(),
        extras: unfit_out(checkpoint.extras.clone()),
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

pub(super) fn limits_out(limits: Limits) -> wit::Limits {
    let Limits { entries, directory_bytes, pickle_bytes, opcodes, memo, string_bytes, depth, nodes, tree } =
        limits;
    wit::Limits { entries, directory_bytes, pickle_bytes, opcodes, memo, string_bytes, depth, nodes, tree }
}

pub(super) fn limits_in(limits: wit::Limits) -> Limits {
    let wit::Limits {
        entries,
        directory_bytes,
        pickle_bytes,
        opcodes,
        memo,
        string_bytes,
        depth,
        nodes,
        tree,
    } = limits;
    Limits { entries, directory_bytes, pickle_bytes, opcodes, memo, string_bytes, depth, nodes, tree }
}
