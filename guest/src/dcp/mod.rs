//! Checkpoints of `torch.distributed.checkpoint`: what their `.metadata` says.
//!
//! A directory has files of items end to end, each exactly what `torch.save` writes, and one
//! pickle that says what lies where: [`Metadata`]. `parse` takes it from a pickle's graph, and
//! goes on behind what is wrong with it; `paths` holds the keys of entries together, `boxes` says
//! whether the parts of a tensor make up all of it, `places` whether two items lie in the same bytes.

mod boxes;
mod fields;
mod parse;
mod paths;
mod places;

pub(crate) use boxes::WORK;
pub(crate) use parse::{is_metadata, parse};

use alloc::string::String;
use alloc::vec::Vec;

use crate::dtype::DType;
use crate::step::Range;

/// What a `.metadata` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// What the checkpoint holds, in the order of the pickle.
    pub entries: Vec<Entry>,
    /// The files that items are in.
    pub files: Vec<String>,
    /// The items, in the order of the pickle.
    pub items: Vec<Item>,
}

/// A tensor or an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name, made of the keys that lead to it.
    pub name: String,
    /// What it is, if it is a tensor: everything else is an object of its own.
    pub tensor: Option<Tensor>,
}

/// A tensor, in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// The element type.
    pub dtype: DType,
    /// Elements along each dimension, of the whole.
    pub size: Vec<u64>,
    /// The parts.
    pub chunks: Vec<Chunk>,
}

/// A box of a tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Where it starts in the whole, along each dimension.
    pub offsets: Vec<u64>,
    /// Elements along each dimension.
    pub sizes: Vec<u64>,
}

/// Where one part of a tensor, or an object, lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Which entry it is of.
    pub entry: usize,
    /// Which chunk of that, if it is a tensor.
    pub chunk: Option<usize>,
    /// Which file it is in.
    pub file: usize,
    /// Where in that.
    pub range: Range,
    /// How it lies there.
    pub form: Form,
}

/// How an item lies in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As `torch.save` writes it.
    Archive,
    /// Compressed, or changed in another way that the metadata names.
    Transformed,
    /// In a safetensors file, whose header says where: the metadata does not.
    Safetensors,
}

impl Metadata {
    /// The name of an item: that of what it is of.
    pub fn name(&self, item: &Item) -> &str {
        self.entries.get(item.entry).map_or("", |entry| &entry.name)
    }

    /// The file that an item is in.
    pub fn file(&self, item: &Item) -> &str {
        self.files.get(item.file).map_or("", String::as_str)
    }

    /// The element type and the size of an item that is a part of a tensor.
    pub fn part(&self, item: &Item) -> Option<(DType, &[u64])> {
        let tensor = self.entries.get(item.entry)?.tensor.as_ref()?;
        Some((tensor.dtype, &tensor.chunks.get(item.chunk?)?.sizes))
    }
}

/// Something that no writer of DCP says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// What it is about.
    pub(crate) about: About,
    /// Where the call is in the pickle that makes what is wrong, or the last one before.
    pub(crate) offset: u64,
    /// What is wrong.
    pub(crate) what: String,
}

/// What a flaw is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// The graph: what is said twice, not at all or in another way.
    Graph,
    /// The boxes of a tensor.
    Box,
    /// The name of a file.
    Path,
    /// The place of an item in its file.
    Place,
    /// How an item was changed before it was written.
    Transform,
    /// What is too much to be looked at.
    Limit,
}

/// What is wrong with a metadata: kept to a number, as a hostile one could have millions.
#[derive(Debug, Default)]
pub(crate) struct Flaws(Vec<Flaw>);

impl Flaws {
    fn add(&mut self, about: About, offset: u64, what: impl FnOnce() -> String) {
        if self.0.iter().filter(|flaw| flaw.about == about).count() < KEPT {
            self.0.push(Flaw { about, offset, what: what() });
        }
    }

    pub(crate) fn into_vec(self) -> Vec<Flaw> {
        self.0
    }
}

/// Flaws of one kind that are kept.
const KEPT: usize = 100;
