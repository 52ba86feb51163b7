use alloc::vec::Vec;

use crate::Error;
use crate::model::{
    Checksum, FileLayout as Layout, Node, NodeId, SafetensorsOptions, Segment, Storage, TorchOptions,
};
use crate::safetensors;
use crate::torch::{ArchiveWriter, lay_out_pickle};

/// Lays a checkpoint out without touching it.
///
/// ```text
/// begin -> add* -> plan -> (write segments and slots) -> seal* -> (write sealed)
/// ```
#[derive(Debug)]
pub struct Writing {
    options: WriteOptions,
    nodes: Vec<Node>,
    storages: Vec<Storage>,
    state: State,
}

/// The format to write, and its options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteOptions {
    /// The zip archive of `torch.save`.
    TorchZip(TorchOptions),
    /// safetensors
    Safetensors(SafetensorsOptions),
    /// The pickle of a torch zip by itself, without its storages.
    Pickle,
}

#[derive(Debug)]
enum State {
    Adding,
    Planned { layout: Layout, archive: Option<ArchiveWriter>, checksums: Vec<Checksum> },
    Sealed { layout: Layout, segments: Vec<Segment> },
}

impl Writing {
    /// Starts on an empty state dict.
    pub fn begin(options: WriteOptions) -> Self {
        Self { options, nodes: Vec::new(), storages: Vec::new(), state: State::Adding }
    }

    /// Adds nodes and storages; they are numbered in the order they come.
    pub fn add(&mut self, nodes: Vec<Node>, storages: Vec<Storage>) -> Result<(), Error> {
        if !matches!(self.state, State::Adding) {
            return Err(Error::misuse("nothing can be added after the plan"));
        }
        self.nodes.extend(nodes);
        self.storages.extend(storages);
        Ok(())
    }

    /// Lays the state dict under `root` out.
    pub fn plan(&mut self, root: NodeId) -> Result<&Layout, Error> {
        if !matches!(self.state, State::Adding) {
            return Err(Error::misuse("there is a plan already"));
        }
        let (nodes, storages) = (core::mem::take(&mut self.nodes), core::mem::take(&mut self.storages));
        let (layout, archive) = match &self.options {
            WriteOptions::TorchZip(options) => {
                let (archive, layout) = ArchiveWriter::new(options, &nodes, &storages, root)?;
                (layout, Some(archive))
            }
            WriteOptions::Safetensors(options) => {
                (safetensors::layout(options, &nodes, &storages, root)?, None)
            }
            WriteOptions::Pickle => (lay_out_pickle(&nodes, &storages, root)?, None),
        };
        self.state = State::Planned { layout, archive, checksums: Vec::new() };
        self.layout()
    }

    /// The layout, once planned.
    pub fn layout(&self) -> Result<&Layout, Error> {
        match &self.state {
            State::Planned { layout, .. } | State::Sealed { layout, .. } => Ok(layout),
            State::Adding => Err(Error::misuse("there is no plan yet")),
        }
    }

    /// Takes checksums of further slots, in order. Answers how many segments
    /// [`sealed`](Self::sealed) has: zero until the last checksum has come.
    pub fn seal(&mut self, more: &[Checksum]) -> Result<usize, Error> {
        let State::Planned { layout, archive: Some(archive), checksums } = &mut self.state else {
            return Err(Error::misuse("there is nothing to seal"));
        };
        checksums.extend_from_slice(more);
        if checksums.len() > layout.slots.len() {
            return Err(Error::misuse("more checksums than slots"));
        }
        if checksums.len() < layout.slots.len() {
            return Ok(0);
        }
        let segments = archive.seal(checksums)?;
        let layout = core::mem::take(layout);
        self.state = State::Sealed { layout, segments };
        self.sealed().map(<[Segment]>::len)
    }

    /// The segments that depend on checksums, once all have come.
    pub fn sealed(&self) -> Result<&[Segment], Error> {
        match &self.state {
            State::Sealed { segments, .. } => Ok(segments),
            _ => Err(Error::misuse("the checksums of some slots have not come")),
        }
    }
}
