//! Checkpoint directories: `checkpoint_{rank}.pt` for each rank, and the record
//! without which they are no checkpoint.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::state::StateDict;
use crate::store::{Local, Source, Store};
use crate::{Engine, Error, File, Result, Verified, protected, seal, shard};

/// The name of the commit record in a checkpoint directory.
pub(crate) const RECORD: &str = "strongroom.json";

/// The name of the outline of a state dict that was shared over ranks.
pub(crate) const OUTLINE: &str = "outline.pt";

/// PyTorch's name for a rank's file.
pub(crate) fn rank_file(rank: usize) -> String {
    format!("checkpoint_{rank}.pt")
}

/// The version of the record that this library writes, and the newest it reads.
pub(crate) const VERSION: u32 = 1;

/// What a commit record says: `strongroom.json`, written last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The version of this record's format.
    pub version: u32,
    /// How many ranks saved.
    pub world_size: usize,
    /// When it was committed: nanoseconds since 1970, UTC.
    pub committed: u64,
    /// The ranks' files, by rank.
    pub ranks: Vec<FileRecord>,
    /// The outline, where one state dict was shared over the ranks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outline: Option<FileRecord>,
}

/// The one field that records of all versions have, beside the checksum.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

/// What a record says of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileRecord {
    /// Its name in the directory.
    pub name: String,
    /// Bytes.
    pub length: u64,
    /// CRC-32 (IEEE) of all its bytes but the payloads: of what says what they are.
    pub structure_crc32: u32,
    /// Its payloads, in order.
    pub storages: Vec<StorageRecord>,
}

/// What a record says of one payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorageRecord {
    /// The part of the file that holds it.
    pub name: String,
    /// Bytes.
    pub length: u64,
    /// CRC-32 (IEEE) of the bytes, where the format has it.
    pub crc32: Option<u32>,
}

/// A committed checkpoint directory.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    engine: Engine,
    store: Arc<dyn Store>,
    path: PathBuf,
    record: Record,
}

impl Checkpoint {
    /// Opens a checkpoint directory. One without its commit record is none.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_in(Engine::shared()?, Arc::new(Local), path.as_ref())
    }

    /// The same, with an engine and a store of one's own.
    pub fn open_in(engine: &Engine, store: Arc<dyn Store>, path: &Path) -> Result<Self> {
        if let Some(checkpoint) = Self::find_in(engine, store.clone(), path)? {
            return Ok(checkpoint);
        }
        if !store.exists(path)? {
            return Err(absent(path));
        }
        let reason = format!(
            "this is no checkpoint: it has no `{RECORD}`, which is written last when a save is committed"
        );
        Err(Error::checkpoint(path, reason))
    }

    /// The same, if there is a commit record.
    pub(crate) fn find_in(engine: &Engine, store: Arc<dyn Store>, path: &Path) -> Result<Option<Self>> {
        let record = Record::read(&*store, path)?;
        Ok(record.map(|record| Self { engine: engine.clone(), store, path: path.into(), record }))
    }

    /// Its directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many ranks saved it.
    pub fn world_size(&self) -> usize {
        self.record.world_size
    }

    /// Its commit record.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The file of one rank. An error if it is not the one that was committed: its
    /// length, the checksum of all of it that is no payload, and the payloads' own
    /// checksums as it has them are compared with the record. The payloads themselves
    /// are not read; [`File::load`] and [`verify`](Self::verify) do, and compare.
    pub fn file(&self, rank: usize) -> Result<File> {
        let record = self.record.ranks.get(rank).ok_or_else(|| {
            Error::checkpoint(
                &self.path,
                format!("rank {rank} does not exist: the checkpoint is of {} ranks", self.record.world_size),
            )
        })?;
        self.committed(record)
    }

    /// The state dict that was shared over the ranks, merged, its payloads still
    /// in the ranks' files. A checkpoint of one rank is that rank's state dict.
    pub fn merged(&self) -> Result<StateDict<'static>> {
        let Some(outline) = &self.record.outline else {
            return match self.record.world_size {
                1 => Ok(self.file(0)?.state().clone()),
                ranks => Err(Error::checkpoint(
                    &self.path,
                    format!(
                        "its {ranks} ranks saved state dicts of their own, which cannot be merged: \
                         load the file of one rank"
                    ),
                )),
            };
        };
        let file = self.committed(outline)?;
        let outline = shard::unwrap(file.state())
            .ok_or_else(|| Error::checkpoint(file.path(), "expected a state dict and an empty tensor"))?;
        let parts: Vec<File> = (0..self.world_size()).map(|rank| self.file(rank)).collect::<Result<_>>()?;
        let parts: Vec<StateDict<'static>> = parts.iter().map(|file| file.state().clone()).collect();
        match shard::merge(&outline, &parts) {
            (merged, 0) => Ok(merged),
            (_, missing) => Err(Error::checkpoint(
                &self.path,
                format!("{missing} tensors of {OUTLINE} are in the file of no rank"),
            )),
        }
    }

    /// An error if a file that is written to `path` would take the place of a part of this
    /// checkpoint, by whatever name.
    pub fn refuse_output(&self, path: impl AsRef<Path>) -> Result<()> {
        protected::apart_from(&*self.store, path.as_ref(), &self.path)
    }

    /// Verifies every file against the record, and every payload of every rank
    /// against its checksum.
    pub fn verify(&self) -> Result<Verified> {
        let mut all = Verified::default();
        for record in self.record.ranks.iter().chain(&self.record.outline) {
            let Verified { storages, bytes, unchecked } = self.committed(record)?.verify()?;
            all.storages += storages;
            all.bytes += bytes;
            all.unchecked += unchecked;
        }
        Ok(all)
    }

    /// Opens a file of what was committed.
    fn committed(&self, record: &FileRecord) -> Result<File> {
        self.compared(record).map_err(|error| match Record::read(&*self.store, &self.path) {
            // The file may be one of another checkpoint, and whole.
            Ok(now) if now.as_ref() != Some(&self.record) => Error::Replaced { path: self.path.clone() },
            _ => error,
        })
    }

    /// Opens a file and compares it with what was committed.
    fn compared(&self, record: &FileRecord) -> Result<File> {
        let path = self.path.join(&record.name);
        let file = File::open_in(&self.engine, &*self.store, &path)?;
        let found = FileRecord::of(&record.name, &file)?;
        if found == *record {
            return Ok(file);
        }
        Err(Error::checkpoint(
            &path,
            format!("{}: {RECORD} has another file under this name", differs(record, &found)),
        ))
    }
}

impl Record {
    /// The record in the directory `path`; none if there is none.
    pub(crate) fn read(store: &dyn Store, path: &Path) -> Result<Option<Self>> {
        let path = path.join(RECORD);
        let Some(source) = open(store, &path)? else { return Ok(None) };
        let json = contents(&*source)?;
        let damaged =
            |error: String| Error::checkpoint(&path, format!("the commit record is damaged: {error}"));
        let json = seal::unseal(&json).map_err(damaged)?;
        let damaged = |error: serde_json::Error| damaged(error.to_string());
        // The version first: what else a newer record has is not known here.
        let Version { version } = serde_json::from_slice(&json).map_err(damaged)?;
        if version > VERSION {
            return Err(Error::Newer { path, version, supported: VERSION });
        }
        let record: Self = serde_json::from_slice(&json).map_err(damaged)?;
        let inside = |file: &FileRecord| !file.name.is_empty() && !file.name.contains(['/', '\\', '\0']);
        if record.ranks.len() != record.world_size || !record.ranks.iter().chain(&record.outline).all(inside)
        {
            return Err(Error::checkpoint(&path, "the commit record contradicts itself"));
        }
        Ok(Some(record))
    }

    /// The bytes of its file.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>> {
        let json = serde_json::to_string_pretty(self).map_err(|error| Error::Value(error.to_string()))?;
        Ok(seal::seal(&json))
    }
}

impl FileRecord {
    /// What a record says of a file.
    pub(crate) fn of(name: &str, file: &File) -> Result<Self> {
        let storage = |part: &crate::state::Stored| StorageRecord {
            name: part.name.clone(),
            length: part.length,
            crc32: part.checksum,
        };
        Ok(Self {
            name: name.into(),
            length: file.length(),
            structure_crc32: file.structure_crc32()?,
            storages: file.parts().iter().map(storage).collect(),
        })
    }
}

/// The error of a checkpoint that was never there, or that somebody removed.
pub(crate) fn absent(path: &Path) -> Error {
    Error::io(path, "open", io::Error::new(io::ErrorKind::NotFound, "there is no such directory"))
}

/// The record, open; none if there is none.
fn open(store: &dyn Store, path: &Path) -> Result<Option<Arc<dyn Source>>> {
    // Who is on the way to it when its directory is replaced finds the old directory,
    // and nothing in it any more.
    for _ in 0..3 {
        match store.open(path) {
            Err(Error::Io { source, .. })
                if matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
            opened => return opened.map(Some),
        }
    }
    Ok(None)
}

fn contents(source: &dyn Source) -> Result<Vec<u8>> {
    let length = usize::try_from(source.length()).ok().filter(|&length| length <= LARGEST_RECORD);
    let length = length.ok_or_else(|| {
        Error::checkpoint(source.path(), format!("a commit record has at most {LARGEST_RECORD} bytes"))
    })?;
    let mut bytes = vec![0; length];
    source.read_at(0, &mut bytes)?;
    Ok(bytes)
}

/// A record of a million payloads has about 100 MB.
const LARGEST_RECORD: usize = 1 << 30;

/// How a file differs from its record.
pub(crate) fn differs(record: &FileRecord, found: &FileRecord) -> String {
    if record.length != found.length {
        return format!("expected {} bytes, found {}", record.length, found.length);
    }
    if record.storages.len() != found.storages.len() {
        return format!("expected {} payloads, found {}", record.storages.len(), found.storages.len());
    }
    let different = record.storages.iter().zip(&found.storages).find(|(record, found)| record != found);
    match different {
        Some((record, found)) => format!(
            "expected {} with checksum {:08x}, found {} with {:08x}",
            record.name,
            record.crc32.unwrap_or(0),
            found.name,
            found.crc32.unwrap_or(0)
        ),
        None => format!(
            "expected checksum {:08x} of all that is no payload, found {:08x}",
            record.structure_crc32, found.structure_crc32
        ),
    }
}
