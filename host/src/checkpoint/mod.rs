//! Checkpoint directories: `checkpoint_{rank}.pt` for each rank with its record, and
//! the commit record without which they are no checkpoint.

pub(crate) mod checkpointer;
mod file;
pub(crate) mod hook;
pub(crate) mod look;
pub(crate) mod presence;
pub(crate) mod process;
pub(crate) mod reader;
mod record;
pub(crate) mod retention;
pub(crate) mod save;
pub(crate) mod seal;
pub(crate) mod shard;
pub(crate) mod stager;
pub(crate) mod uncommitted;
pub(crate) mod writer;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::file::protected;
use crate::payload::checksum::crc32;
use crate::payload::digest;
use crate::state::StateDict;
use crate::store::{Local, Store};
use crate::{Engine, Error, File, Result, Verified, not_committed};

pub(crate) use crate::file::reserved::{OUTLINE, RECORD};
pub(crate) use file::crc32_of;
pub use file::{FileRecord, StorageRecords};
pub use record::Record;
pub(crate) use record::{OutlineSeal, Ranks, Sealed, VERSION, contents};

/// PyTorch's name for a rank's file.
pub(crate) fn rank_file(rank: usize) -> String {
    format!("checkpoint_{rank}.pt")
}

/// The name of the record of a rank's file.
pub(crate) fn rank_record(rank: usize) -> String {
    format!("checkpoint_{rank}.json")
}

/// Whether a file of a checkpoint directory of this name is the record of a rank's file.
pub(crate) fn is_rank_record(name: &str) -> bool {
    let rank = name.strip_prefix("checkpoint_").and_then(|rest| rest.strip_suffix(".json"));
    rank.is_some_and(|rank| !rank.is_empty() && rank.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A committed checkpoint directory.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    engine: Engine,
    store: Arc<dyn Store>,
    path: PathBuf,
    record: Record,
    sealed: Arc<Sealed>,
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
        Err(not_committed(&*store, path))
    }

    /// The same, if there is a commit record.
    pub(crate) fn find_in(engine: &Engine, store: Arc<dyn Store>, path: &Path) -> Result<Option<Self>> {
        let found = Record::read_sealed(&*store, path)?;
        Ok(found.map(|(record, sealed)| Self {
            engine: engine.clone(),
            store,
            path: path.into(),
            record,
            sealed: Arc::new(sealed),
        }))
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

    /// The name of the file of a rank.
    pub fn rank_file(rank: usize) -> String {
        rank_file(rank)
    }

    /// What a rank said of its file when it saved it, held against the commit record.
    pub fn file_record(&self, rank: usize) -> Result<FileRecord> {
        self.committed(|| self.sealed_record(rank))
    }

    /// Whether one state dict was shared over the ranks: a rank's file is then a part of
    /// it, where absent values stand for what other ranks have.
    pub fn is_shared(&self) -> bool {
        self.record.shared
    }

    /// The file of one rank. An error if it is not the one that was committed: its
    /// length, the checksum of all of it that is no payload, and the payloads' own
    /// checksums as it has them are compared with its record. The payloads themselves
    /// are not read; [`File::load`] and [`verify`](Self::verify) do, and compare.
    pub fn file(&self, rank: usize) -> Result<File> {
        self.committed(|| self.sealed_file(rank).map(|(file, _)| file))
    }

    /// The state dict that was shared over the ranks, merged, its payloads still
    /// in the ranks' files. A checkpoint of one rank is that rank's state dict.
    pub fn merged(&self) -> Result<StateDict<'static>> {
        if self.sealed.outline.is_some() {
            return self.committed(|| self.merge().map(|(merged, _)| merged));
        }
        match self.record.world_size {
            1 => Ok(self.file(0)?.state().clone()),
            ranks => Err(Error::checkpoint(
                &self.path,
                format!(
                    "its {ranks} ranks saved state dicts of their own, which cannot be merged: \
                     load the file of one rank"
                ),
            )),
        }
    }

    /// An error if a file that is written to `path` would take the place of a part of this
    /// checkpoint, by whatever name.
    pub fn refuse_output(&self, path: impl AsRef<Path>) -> Result<()> {
        protected::apart_from(&*self.store, path.as_ref(), &self.path)
    }

    /// Verifies every file against the record, every payload of every rank against its
    /// checksum and its digest, if there is one, and that each storage of a shared state dict
    /// is in one rank's file.
    pub fn verify(&self) -> Result<Verified> {
        let files = match self.sealed.outline.is_some() {
            true => self.committed(|| self.merge().map(|(_, files)| files))?,
            false => {
                let files = (0..self.world_size()).map(|rank| self.committed(|| self.sealed_file(rank)));
                files.collect::<Result<_>>()?
            }
        };
        let mut all = Verified::default();
        for (file, record) in &files {
            let Verified { storages, bytes, unchecked, embedded } = match &record.storages.digest {
                Some(digests) => file.verify_with(digests)?,
                None => file.verify()?,
            };
            all.storages += storages;
            all.bytes += bytes;
            all.unchecked += unchecked;
            all.embedded += embedded;
        }
        Ok(all)
    }

    /// Looks at what was committed. An error may be of another checkpoint that is whole.
    fn committed<T>(&self, look: impl FnOnce() -> Result<T>) -> Result<T> {
        look().map_err(|error| match Record::read(&*self.store, &self.path) {
            Ok(now) if now.as_ref() != Some(&self.record) => Error::Replaced { path: self.path.clone() },
            _ => error,
        })
    }

    fn sealed_record(&self, rank: usize) -> Result<FileRecord> {
        let ranks = &self.sealed.ranks;
        let sealed = ranks.length.get(rank).zip(ranks.record_crc32.get(rank));
        let (&length, &crc32) = sealed.ok_or_else(|| {
            Error::checkpoint(
                &self.path,
                format!("rank {rank} does not exist: the checkpoint is of {} ranks", self.record.world_size),
            )
        })?;
        let path = self.path.join(rank_record(rank));
        let read = FileRecord::read(&*self.store, &path);
        let (record, found, digest) = read.map_err(|error| self.lost(&path, error))?;
        let shared = record.storages.outline.is_some();
        let expected = (crc32, length, rank_file(rank), self.record.shared);
        let digests = ranks.record_digest.as_ref().and_then(|digests| digests.get(rank));
        if (found, record.length, record.name.clone(), shared) != expected
            || digests.is_some_and(|expected| *expected != digest)
        {
            let reason = format!("it is not the record that {RECORD} seals");
            return Err(Error::checkpoint(&path, reason));
        }
        Ok(record)
    }

    fn sealed_file(&self, rank: usize) -> Result<(File, FileRecord)> {
        let record = self.sealed_record(rank)?;
        let path = self.path.join(&record.name);
        let opened = File::open_in(&self.engine, &*self.store, &path);
        let mut file = opened.map_err(|error| self.lost(&path, error))?;
        if let Some(differs) = record.differs(&file)? {
            let reason = format!("{differs}: {} has another file under this name", rank_record(rank));
            return Err(Error::checkpoint(&path, reason));
        }
        file.set_metadata(record.metadata.clone());
        Ok((file, record))
    }

    /// The error of a file that cannot be opened: if it is not there, the checkpoint has lost
    /// a part.
    fn lost(&self, path: &Path, error: Error) -> Error {
        match error {
            Error::Io { path: of, source, .. } if of == path && source.kind() == io::ErrorKind::NotFound => {
                Error::checkpoint(
                    path,
                    format!("it is missing: {RECORD} says that it is a part of the checkpoint"),
                )
            }
            error => error,
        }
    }

    /// The outline over the storages in the ranks' files, and those files with their records.
    fn merge(&self) -> Result<(StateDict<'static>, Vec<(File, FileRecord)>)> {
        let Some(sealed) = &self.sealed.outline else {
            return Err(Error::checkpoint(&self.path, "it has no outline"));
        };
        let path = self.path.join(OUTLINE);
        let source = self.store.open(&path).map_err(|error| self.lost(&path, error))?;
        let bytes = contents(&*source)?;
        let is_sealed = (source.length(), crc32(&bytes)) == (sealed.length, sealed.crc32)
            && sealed.digest.as_ref().is_none_or(|expected| *expected == digest::of(&bytes));
        if !is_sealed {
            return Err(Error::checkpoint(&path, format!("it is not the outline that {RECORD} seals")));
        }
        let outline = File::from_source(&self.engine, source)?;
        let (expected, found) = (sealed.storages as usize, outline.state().storages().len());
        if expected != found {
            let reason = format!("{RECORD} says that it names {expected} storages, and it names {found}");
            return Err(Error::checkpoint(&path, reason));
        }
        let files = (0..self.world_size()).map(|rank| self.sealed_file(rank)).collect::<Result<Vec<_>>>()?;
        let merged = shard::merge(&self.path, outline.state(), &files)?;
        Ok((merged, files))
    }
}

/// The error of a checkpoint that was never there, or that somebody removed.
pub(crate) fn absent(path: &Path) -> Error {
    Error::io(path, "open", io::Error::new(io::ErrorKind::NotFound, "there is no such directory"))
}
