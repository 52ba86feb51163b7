use std::path::Path;

use anyhow::Result;
use globset::GlobMatcher;
use serde::Serialize;
use strongroom::{Checkpoint, File, Format, StateDict};

use crate::commands::part;
use crate::context::Context;
use crate::inventory::{Inventory, Totals};

/// What is looked into: a file, or a directory of them.
pub struct Subject {
    /// As it was asked for.
    pub path: String,
    /// The format's name.
    pub format: &'static str,
    /// Bytes of all its files.
    pub bytes: u64,
    /// What only a torch zip has.
    pub archive: Option<Archive>,
    /// The files of a directory.
    pub ranks: Vec<RankFile>,
    /// Storages that are files in the bytes of values.
    pub embedded: usize,
    /// Why it cannot be written again as what it is.
    pub irreproducible: Option<String>,
    /// Whether the ranks saved state dicts of their own, that cannot be merged.
    pub apart: bool,
    /// What it holds, all ranks together; nothing if that cannot be.
    pub state: StateDict<'static>,
}

/// The layout of a torch zip.
#[derive(Serialize)]
pub struct Archive {
    /// The name its records start with.
    #[serde(rename = "archive")]
    pub name: String,
    /// What payloads are aligned to, where the file says so.
    pub alignment: Option<u32>,
    /// Whether it has checksums.
    pub checksums: bool,
}

/// The file of one rank.
#[derive(Serialize)]
pub struct RankFile {
    /// Which.
    pub rank: usize,
    /// Where it is.
    pub path: String,
    /// Its format's name.
    pub format: &'static str,
    /// Its length.
    pub bytes: u64,
    /// What it holds, or what of that is asked for where ranks have state dicts of their own.
    pub totals: Totals,
    /// Whether nothing of it is asked for.
    #[serde(skip)]
    empty: bool,
}

impl Subject {
    /// Opens what is at `path`, of which `filter` asks for a part.
    pub fn open(context: &Context, path: &Path, filter: Option<&GlobMatcher>) -> Result<Self> {
        if path.is_dir() {
            return Self::directory(path, &context.checkpoint(path)?, filter);
        }
        let file = context.open(path)?;
        part::tell_of(context, &file);
        Ok(Self::file(path, &file))
    }

    /// What is listed: nothing, where ranks have state dicts of their own.
    pub fn inventory(&self, filter: Option<GlobMatcher>) -> Inventory<'_> {
        if self.apart { Inventory::of_none(&self.state) } else { Inventory::new(&self.state, filter) }
    }

    /// Whether there is nothing of what is asked for.
    pub fn is_empty(&self, filter: Option<GlobMatcher>) -> bool {
        if self.apart {
            return self.ranks.iter().all(|file| file.empty);
        }
        self.inventory(filter).is_empty()
    }

    /// Sums over what is listed; where ranks have state dicts of their own, over theirs.
    pub fn totals(&self, inventory: &Inventory<'_>) -> Totals {
        if self.apart {
            return self.ranks.iter().fold(Totals::default(), |all, file| all.plus(&file.totals));
        }
        inventory.totals()
    }

    fn directory(path: &Path, checkpoint: &Checkpoint, filter: Option<&GlobMatcher>) -> Result<Self> {
        let record = checkpoint.record();
        let apart = !record.shared && checkpoint.world_size() > 1;
        let rank = |rank| {
            let file = checkpoint.file(rank)?;
            // Of a state dict that is shared it is for what all ranks have.
            let asked = Inventory::new(file.state(), filter.filter(|_| apart).cloned());
            Ok(RankFile {
                rank,
                path: file.path().display().to_string(),
                format: name(file.format()),
                bytes: file.length(),
                totals: asked.totals(),
                empty: asked.is_empty(),
            })
        };
        Ok(Self {
            path: path.display().to_string(),
            format: "checkpoint-directory",
            bytes: record.length,
            archive: None,
            embedded: 0,
            irreproducible: None,
            ranks: (0..checkpoint.world_size()).map(rank).collect::<Result<_>>()?,
            apart,
            state: if apart { StateDict::new() } else { checkpoint.merged()? },
        })
    }

    fn file(path: &Path, file: &File) -> Self {
        let archive = || Archive {
            name: file.archive().into(),
            alignment: file.alignment(),
            checksums: file.has_payload_checksums(),
        };
        Self {
            path: path.display().to_string(),
            format: name(file.format()),
            bytes: file.length(),
            archive: (file.format() == Format::TorchZip).then(archive),
            embedded: file.embedded(),
            irreproducible: file.irreproducible().map(ToString::to_string),
            ranks: Vec::new(),
            apart: false,
            state: file.state().clone(),
        }
    }
}

fn name(format: Format) -> &'static str {
    match format {
        Format::TorchZip => "torch-zip",
        Format::TorchLegacy => "torch-legacy",
        Format::Safetensors => "safetensors",
        Format::Pickle => "pickle",
    }
}
