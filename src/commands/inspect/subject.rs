use std::path::Path;

use anyhow::Result;
use serde::Serialize;
use strongroom::{File, Format, StateDict};

use crate::session::Session;

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
    /// What it holds, all ranks together.
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
}

impl Subject {
    /// Opens what is at `path`.
    pub fn open(session: &Session, path: &Path) -> Result<Self> {
        Ok(Self::file(path, &session.open(path)?))
    }

    fn file(path: &Path, file: &File) -> Self {
        let archive = || Archive {
            name: file.archive().into(),
            alignment: file.alignment(),
            checksums: file.has_checksums(),
        };
        Self {
            path: path.display().to_string(),
            format: name(file.format()),
            bytes: file.length(),
            archive: (file.format() == Format::TorchZip).then(archive),
            ranks: Vec::new(),
            state: file.state().clone(),
        }
    }
}

fn name(format: Format) -> &'static str {
    match format {
        Format::TorchZip => "torch-zip",
        Format::TorchLegacy => "torch-legacy",
        Format::Safetensors => "safetensors",
    }
}
