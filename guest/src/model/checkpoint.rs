//! What a reader says of a file.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Node, NodeId, Stored};
use crate::Unfit;
use crate::error::Fault;

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A zip archive as `torch.save` writes it since torch 1.6.
    TorchZip,
    /// The stream `torch.save` wrote before.
    TorchLegacy,
    /// safetensors
    Safetensors,
    /// One pickle, as an archive has it: its storages are elsewhere.
    Pickle,
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The file's format.
    pub format: Format,
    /// The name all records of a zip start with; empty for other formats.
    pub archive: String,
    /// The alignment a torch zip says its payloads have, in bytes.
    pub alignment: Option<u32>,
    /// False for a torch zip written without checksums.
    pub checksums: bool,
    /// The `__metadata__` of a safetensors file, in file order.
    pub metadata: Vec<(String, String)>,
    /// What the file holds beside the state dict, and writing it again leaves out.
    pub extras: Vec<Unfit>,
    /// Why writing the state dict again would do something else than the file does.
    pub irreproducible: Option<Fault>,
    /// Strings of Python 2 that are not ASCII, whose encoding the file does not say: texts
    /// where they are UTF-8, else bytes.
    pub undecoded: u64,
    /// The state dict's root.
    pub root: NodeId,
    /// The state dict.
    pub nodes: Vec<Node>,
    /// Its storages, each inside the file.
    pub storages: Vec<Stored>,
}
