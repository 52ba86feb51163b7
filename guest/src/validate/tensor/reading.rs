use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::alive::Words;
use super::elements::Elements;
use super::indices::{Compressed, Coordinates};
use super::quantizer::Parameters;
use super::{alive, indices, quantizer, sparse, unread};
use crate::Excess;
use crate::model::{Node, NodeId, Tensor};
use crate::step::{Next, Range};
use crate::torch::Surveyed;
use crate::validate::examine::{Part, Scope};
use crate::validate::file::limit;
use crate::validate::finding::Rule;

/// What is read of the storages, one tensor after another.
#[derive(Debug)]
pub(super) struct Plan {
    /// The last is current.
    readings: Vec<Reading>,
    /// Whether what comes next is for the current one's stream of this number.
    asked: Option<usize>,
    /// Bytes that may still be read.
    left: u64,
}

/// One thing to look at.
#[derive(Debug)]
pub(super) struct Reading {
    /// Of the call that makes the tensor.
    pub(super) offset: u64,
    /// What is looked at.
    pub(super) streams: Vec<Elements>,
    /// How.
    pub(super) check: Check,
}

/// How elements are looked at.
#[derive(Debug)]
pub(super) enum Check {
    /// As the indices of a tensor in coordinate form.
    Coordinates(Coordinates),
    /// As the offsets and indices of a compressed one.
    Compressed(Compressed),
    /// As parameters of a quantizer.
    Parameters(Parameters),
    /// As words of a generator's state.
    Words(Words),
}

/// What came of a look at what is there.
#[derive(Debug)]
pub(super) enum Look {
    /// More of the stream of this number is needed.
    More(usize),
    /// All is well.
    Done,
    /// Something is wrong.
    Wrong(String),
}

/// Where things are, to plan what is read.
pub(super) struct Places<'a> {
    pub(super) found: &'a Surveyed,
    places: &'a [Option<Range>],
    big_endian: bool,
}

/// The keys of the storages of which something must be read.
pub(super) fn keys(found: &Surveyed) -> impl Iterator<Item = &str> {
    found
        .nodes
        .iter()
        .flat_map(|node| {
            let parts = sparse::read_of(found, node).into_iter().chain(quantizer::read_of(found, node));
            parts.chain(alive::read_of(found, node))
        })
        .filter_map(|tensor| found.storages.get(usize::try_from(tensor.storage?).ok()?))
        .map(|storage| storage.key.as_str())
}

/// Adds what must be read for a node.
fn read(at: &Places<'_>, id: NodeId, node: &Node, readings: &mut Vec<Reading>) -> Result<(), Absent> {
    readings.extend(sparse::reading(at, id, node)?);
    readings.extend(quantizer::readings(at, id, node)?);
    readings.extend(alive::readings(at, id, node)?);
    Ok(())
}

impl Plan {
    /// All that must be read of a pickle's storages.
    pub(super) fn new(
        found: &Surveyed,
        places: &[Option<Range>],
        big_endian: bool,
        part: &Part,
        scope: &mut Scope<'_>,
    ) -> Self {
        let at = Places { found, places, big_endian };
        let mut readings = Vec::new();
        for (id, node) in (0u32..).zip(&found.nodes) {
            if let Err(Absent(key)) = read(&at, id, node, &mut readings) {
                let key = crate::show::name(&key);
                let message = format!("indices, scales or words in storage {key}, which cannot be read");
                scope.find(&unread::RULE, part, found.offsets.near(id), message);
            }
        }
        readings.reverse();
        Self { readings, asked: None, left: scope.options.limits.string_bytes }
    }

    /// Takes what was fetched, and goes on.
    pub(super) fn resume(&mut self, parts: Vec<Vec<u8>>, part: &Part, scope: &mut Scope<'_>) -> Next<()> {
        let mut parts = Some(parts);
        while let Some(Reading { offset, streams, check }) = self.readings.last_mut() {
            if let Some(stream) = self.asked.take().and_then(|stream| streams.get_mut(stream)) {
                stream.accept(parts.take().unwrap_or_default());
            }
            match check.look(streams) {
                Look::More(wanted) => {
                    let Some(stream) = streams.get_mut(wanted) else { break };
                    let ranges = stream.ask();
                    let bytes: u64 = ranges.iter().map(|range| range.length.max(LEAST)).sum();
                    let cost = bytes.max(stream.window());
                    if ranges.is_empty() || cost > self.left {
                        let allowed = scope.options.limits.string_bytes;
                        limit::reached(
                            &Excess { offset: *offset, limit: "string_bytes", allowed },
                            part,
                            scope,
                        );
                        break;
                    }
                    self.left = self.left.saturating_sub(cost);
                    self.asked = Some(wanted);
                    return Next::Fetch(ranges);
                }
                Look::Done => {}
                Look::Wrong(message) => scope.find(check.rule(), part, *offset, message),
            }
            self.readings.pop();
        }
        self.readings = vec![];
        Next::Done(())
    }
}

impl Check {
    fn look(&mut self, streams: &mut [Elements]) -> Look {
        match (self, streams) {
            (Self::Coordinates(coordinates), [indices]) => coordinates.look(indices),
            (Self::Compressed(compressed), [rows, columns]) => compressed.look(rows, columns),
            (Self::Parameters(parameters), [numbers]) => parameters.look(numbers),
            (Self::Words(words), [elements]) => words.look(elements),
            _ => Look::Done,
        }
    }

    fn rule(&self) -> &'static Rule {
        match self {
            Self::Coordinates(_) | Self::Compressed(_) => &indices::RULE,
            Self::Parameters(_) => &quantizer::RULE,
            Self::Words(_) => &alive::RULE,
        }
    }
}

/// The storage that is not there as stored bytes.
#[derive(Debug)]
pub(super) struct Absent(String);

impl Places<'_> {
    /// The elements of a tensor, its dimensions in this order; None for one
    /// without elements or without memory.
    pub(super) fn elements(&self, tensor: &Tensor, order: &[usize]) -> Result<Option<Elements>, Absent> {
        let Some(id) = tensor.storage.and_then(|id| usize::try_from(id).ok()) else { return Ok(None) };
        if tensor.shape.contains(&0) {
            return Ok(None);
        }
        let key =
            || Absent(self.found.storages.get(id).map(|storage| storage.key.clone()).unwrap_or_default());
        let place = self.places.get(id).copied().flatten().ok_or_else(key)?;
        let base = tensor.dtype.bytes(tensor.offset).and_then(|start| place.offset.checked_add(start));
        let inside = tensor.extent().is_some_and(|extent| extent <= place.length);
        let base = base.filter(|_| inside).ok_or_else(key)?;
        let dimension = |&at: &usize| Some((*tensor.shape.get(at)?, *tensor.stride.get(at)?));
        let dimensions: Option<Vec<_>> = order.iter().map(dimension).collect();
        Ok(dimensions.map(|dimensions| Elements::new(tensor.dtype, self.big_endian, base, &dimensions)))
    }

    /// Where the call that makes a node is.
    pub(super) fn offset(&self, id: NodeId) -> u64 {
        self.found.offsets.near(id)
    }
}

/// What a range costs at least, in bytes: one for each element would take forever.
const LEAST: u64 = 64;
