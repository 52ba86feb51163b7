use alloc::vec::Vec;
use core::cell::RefCell;

use super::enums::{dtype_out, layout_out};
use super::nodes::node_out;
use super::page::{PAGE_BYTES, node_weight, page};
use super::wit::reader as wit;
use super::wit::types::{Error, Node, NodeId};
use super::{Component, enter, error_out, fault_out, unfit_out};
use crate::model::Stored;
use crate::{Checkpoint, Chunk, Format, Limits, Listing, NamedTensor, Range, Reading, Step, TensorKind};

impl wit::Guest for Component {
    type Reading = RefCell<Session>;

    fn default_limits() -> wit::Limits {
        limits_out(Limits::default())
    }
}

/// A reading, and how far its tensors were listed.
pub(super) struct Session {
    reading: Reading,
    limits: Limits,
    listing: Option<(u32, Listing)>,
}

impl wit::GuestReading for RefCell<Session> {
    fn open(length: u64, options: wit::ReadOptions) -> Result<wit::Reading, Error> {
        let limits = limits_in(options.limits);
        let reading = Reading::open(length, limits);
        Ok(wit::Reading::new(RefCell::new(Session { reading, limits, listing: None })))
    }

    fn advance(&self, chunks: Vec<wit::Chunk>) -> Result<wit::Step, Error> {
        let reading = &mut enter(self)?.reading;
        let chunks = chunks.into_iter().map(chunk_in).collect();
        match reading.advance(chunks).map_err(error_out)? {
            Step::Fetch(ranges) => Ok(wit::Step::Fetch(ranges.iter().map(range_out).collect())),
            Step::Ready => Ok(wit::Step::Ready(summary_out(ready(reading)?))),
        }
    }

    fn nodes(&self, start: NodeId, count: u32) -> Result<Vec<Node>, Error> {
        let session = enter(self)?;
        page(&ready(&session.reading)?.nodes, start, count, node_weight, node_out)
    }

    fn storages(&self, start: u32, count: u32) -> Result<Vec<wit::Stored>, Error> {
        let session = enter(self)?;
        let weight =
            |stored: &Stored| stored.name.len().saturating_add(stored.location.len()).saturating_add(64);
        page(&ready(&session.reading)?.storages, start, count, weight, stored_out)
    }

    fn tensors(&self, start: u32, count: u32) -> Result<Vec<wit::NamedTensor>, Error> {
        let Session { reading, limits, listing } = &mut *enter(self)?;
        let checkpoint = ready(reading)?;
        let (position, mut list) = match listing.take().filter(|(position, _)| *position <= start) {
            Some(begun) => begun,
            None => (0, Listing::of(checkpoint, limits.tree).map_err(error_out)?),
        };
        for _ in position..start {
            if list.next(checkpoint).is_none() {
                return Err(error_out(crate::Error::misuse("a page beyond the end")));
            }
        }
        let (mut position, mut weight, mut out) = (start, 0usize, Vec::new());
        for _ in 0..count {
            if weight > PAGE_BYTES {
                break;
            }
            let Some(tensor) = list.next(checkpoint) else { break };
            weight = weight.saturating_add(tensor_weight(&tensor));
            position = position.saturating_add(1);
            out.push(named_out(tensor));
        }
        *listing = Some((position, list));
        Ok(out)
    }
}

fn tensor_weight(tensor: &NamedTensor) -> usize {
    let texts = [Some(&tensor.name), tensor.class.as_ref(), tensor.part_of.as_ref()];
    let texts = texts.into_iter().flatten().fold(0usize, |sum, text| sum.saturating_add(text.len()));
    texts.saturating_add(tensor.shape.len().saturating_mul(16)).saturating_add(128)
}

fn named_out(tensor: NamedTensor) -> wit::NamedTensor {
    let NamedTensor { name, node, kind, layout, class, dtype, shape, view, requires_grad, part_of } = tensor;
    let (offset, storage) = view.as_ref().map_or((None, None), |view| (Some(view.offset), view.storage));
    wit::NamedTensor {
        name,
        node,
        kind: match kind {
            TensorKind::Plain => wit::TensorKind::Plain,
            TensorKind::Parameter => wit::TensorKind::Parameter,
            TensorKind::Quantized => wit::TensorKind::Quantized,
            TensorKind::Sparse => wit::TensorKind::Sparse,
            TensorKind::Wrapper => wit::TensorKind::Wrapper,
        },
        layout: layout_out(layout),
        class,
        dtype: dtype.map(dtype_out),
        shape,
        stride: view.map(|view| view.stride),
        offset,
        storage,
        requires_grad,
        part_of,
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
        irreproducible: checkpoint.irreproducible.clone().map(fault_out),
        undecoded: checkpoint.undecoded,
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
