//! The commit record: `strongroom.json`, written last.
//!
//! It is one JSON object with a head, which is all that listing checkpoints needs, and
//! which has a checksum of its own, so that it can be read without the rest:
//!
//! ```text
//! {
//!   "version": 2,
//!   …
//!   "head_crc32": 1308490698,
//!   "ranks": { … },
//!   "crc32": 3051332910
//! }
//! ```

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::file::NO_DIGESTS;
use super::{OUTLINE, RECORD, rank_file, rank_record};
use crate::checkpoint::seal::{self, Seal};
use crate::payload::checksum::Hasher;
use crate::store::{Source, Store};
use crate::{Error, RankInfo, Result};

/// The version of the record that this library writes, and the only one it reads.
pub(crate) const VERSION: u32 = 2;

/// The head of a commit record: what was committed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Record {
    /// The version of the record's format.
    pub version: u32,
    /// How many ranks saved.
    pub world_size: usize,
    /// When it was committed: nanoseconds since 1970, UTC.
    pub committed: u64,
    /// Whether one state dict was shared over the ranks. Else each saved its own.
    pub shared: bool,
    /// Bytes of all its files, this record aside.
    pub length: u64,
    /// CRC-32 (IEEE) of the names and lengths of all its files, this record aside.
    pub inventory_crc32: u32,
}

/// The rest of a commit record: what seals the records of the ranks' files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sealed {
    /// The ranks' files.
    pub(crate) ranks: Ranks,
    /// The outline, where one state dict was shared over the ranks.
    #[serde(default)]
    pub(crate) outline: Option<OutlineSeal>,
}

/// What a commit record says of each rank's file, by rank. Columns: of ten thousand
/// ranks they are a few hundred kilobytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ranks {
    /// Bytes of the file.
    pub(crate) length: Vec<u64>,
    /// Bytes of its record.
    pub(crate) record_length: Vec<u64>,
    /// CRC-32 of its record.
    pub(crate) record_crc32: Vec<u32>,
    /// Digests of its record, `algorithm:hex`; none where none was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) record_digest: Option<Vec<String>>,
}

/// What a commit record says of the outline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutlineSeal {
    /// Bytes.
    pub(crate) length: u64,
    /// CRC-32 of all of them.
    pub(crate) crc32: u32,
    /// Their digest, `algorithm:hex`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) digest: Option<String>,
    /// How many storages it names: each is in exactly one rank's file.
    pub(crate) storages: u32,
}

/// The one field that records of all versions have.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

impl Record {
    /// The record of what these seal.
    pub(crate) fn new(committed: u64, sealed: &Sealed) -> Self {
        let files = sealed.files();
        Self {
            version: VERSION,
            world_size: sealed.ranks.length.len(),
            committed,
            shared: sealed.outline.is_some(),
            length: files.iter().fold(0, |sum, (_, length)| sum.saturating_add(*length)),
            inventory_crc32: inventory(&files),
        }
    }

    /// The names of its files, this record aside.
    pub(crate) fn names(&self) -> impl Iterator<Item = String> {
        let ranks = (0..self.world_size).flat_map(|rank| [rank_file(rank), rank_record(rank)]);
        ranks.chain(self.shared.then(|| OUTLINE.into()))
    }

    /// Reads the head of the record in the directory `path`; none if there is none.
    /// However many ranks there are, a few kilobytes are read.
    pub(crate) fn read(store: &dyn Store, path: &Path) -> Result<Option<Self>> {
        let path = path.join(RECORD);
        let Some(source) = open(store, &path)? else { return Ok(None) };
        let mut bytes = vec![0; usize::try_from(source.length()).unwrap_or(HEAD).min(HEAD)];
        source.read_at(0, &mut bytes)?;
        let head = Self::parse(&path, &bytes)?;
        // What was cut short, or written over, has another end.
        let mut end = bytes.split_off(bytes.len().saturating_sub(seal::LONGEST_TAIL));
        source.read_at(source.length() - end.len() as u64, &mut end)?;
        if !seal::ends(&end) {
            return Err(damaged(&path, "it does not end as one does, and was cut short"));
        }
        Ok(Some(head))
    }

    /// Reads the whole record in the directory `path`; none if there is none.
    pub(crate) fn read_sealed(store: &dyn Store, path: &Path) -> Result<Option<(Self, Sealed)>> {
        let path = path.join(RECORD);
        let Some(source) = open(store, &path)? else { return Ok(None) };
        let mut start = vec![0; usize::try_from(source.length()).unwrap_or(HEAD).min(HEAD)];
        source.read_at(0, &mut start)?;
        let head = Self::parse(&path, &start)?;
        if source.length() > (head.world_size as u64).saturating_mul(LONGEST_RANK).saturating_add(HEAD as u64)
        {
            return Err(damaged(&path, "it is longer than what there is to say of its ranks"));
        }
        let json = contents(&*source)?;
        let damaged = |error: String| damaged(&path, &error);
        let json = seal::unseal(&json, Seal::Whole).map_err(damaged)?;
        let rest: Rest = serde_json::from_slice(&json).map_err(|error| damaged(error.to_string()))?;
        let sealed = Sealed { ranks: rest.ranks, outline: rest.outline };
        if Self::new(head.committed, &sealed) != head || !sealed.ranks.are_even() {
            return Err(damaged("it contradicts itself".into()));
        }
        let has_digests =
            |outline: &OutlineSeal| outline.digest.is_some() && sealed.ranks.record_digest.is_some();
        if !sealed.outline.as_ref().is_none_or(has_digests) {
            return Err(damaged(NO_DIGESTS.into()));
        }
        Ok(Some((head, sealed)))
    }

    fn parse(path: &Path, bytes: &[u8]) -> Result<Self> {
        let damaged = |error: String| damaged(path, &error);
        let Some(json) = seal::head(bytes) else {
            // The version first: what else a record of another version has is not known.
            return Err(match version(bytes) {
                // Only those of before have no head.
                Some(version) if version < VERSION => other_version(path, version),
                _ => damaged("it has no head that its checksum fits".into()),
            });
        };
        let Version { version } =
            serde_json::from_slice(&json).map_err(|error| damaged(error.to_string()))?;
        if version != VERSION {
            return Err(other_version(path, version));
        }
        let head: Self = serde_json::from_slice(&json).map_err(|error| damaged(error.to_string()))?;
        if head.world_size == 0 || head.world_size > MOST_RANKS {
            return Err(damaged(format!("it is of {} ranks", head.world_size)));
        }
        Ok(head)
    }

    /// The bytes of its file.
    pub(crate) fn to_bytes(&self, sealed: &Sealed) -> Result<Vec<u8>> {
        let head = seal::lines(&[
            ("version", &self.version),
            ("world_size", &self.world_size),
            ("committed", &self.committed),
            ("shared", &self.shared),
            ("length", &self.length),
            ("inventory_crc32", &self.inventory_crc32),
        ])?;
        let rest = seal::lines(&[("ranks", &sealed.ranks), ("outline", &sealed.outline)])?;
        Ok(seal::seal(&seal::join(&seal::seal(&head, Seal::Head), &rest), Seal::Whole).into_bytes())
    }

    /// What of its files is not there, or is of another length, if something is: then
    /// the directory is no whole checkpoint, whatever the record says. Looks at names and
    /// lengths only.
    pub(crate) fn incomplete(&self, store: &dyn Store, path: &Path) -> Result<Option<String>> {
        let entries = match store.list(path) {
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Err(Error::Replaced { path: path.into() });
            }
            entries => entries?,
        };
        let found: HashMap<OsString, u64> = entries
            .into_iter()
            .filter(|entry| !entry.directory)
            .map(|entry| (entry.name, entry.length))
            .collect();
        let found: HashMap<String, u64> =
            found.into_iter().filter_map(|(name, length)| Some((name.into_string().ok()?, length))).collect();
        let mut files = Vec::new();
        for name in self.names() {
            match found.get(&name) {
                Some(&length) => files.push((name, length)),
                None => return Ok(Some(format!("{name} is missing"))),
            }
        }
        if inventory(&files) == self.inventory_crc32 {
            return Ok(None);
        }
        let Some((_, sealed)) = Self::read_sealed(store, path)? else {
            return Ok(Some(format!("{RECORD} is missing")));
        };
        let differs = sealed.files().into_iter().zip(files).find(|(record, found)| record != found);
        Ok(Some(match differs {
            Some(((name, expected), (_, found))) => {
                format!("{name} has {found} bytes, where {expected} were committed")
            }
            None => "its files are not those that were committed".into(),
        }))
    }
}

/// All of a record, for what follows its head.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "all fields are named so that no other is accepted")]
struct Rest {
    version: u32,
    world_size: usize,
    committed: u64,
    shared: bool,
    length: u64,
    inventory_crc32: u32,
    head_crc32: u32,
    ranks: Ranks,
    outline: Option<OutlineSeal>,
}

impl Sealed {
    /// The names and lengths of all files, the record aside, in one order.
    fn files(&self) -> Vec<(String, u64)> {
        let Ranks { length, record_length, .. } = &self.ranks;
        let mut files = Vec::new();
        for (rank, (&length, &record)) in length.iter().zip(record_length).enumerate() {
            files.push((rank_file(rank), length));
            files.push((rank_record(rank), record));
        }
        files.extend(self.outline.as_ref().map(|outline| (OUTLINE.into(), outline.length)));
        files
    }
}

impl Ranks {
    /// Whether all columns are of as many ranks.
    fn are_even(&self) -> bool {
        let ranks = self.length.len();
        let digests = self.record_digest.as_ref().is_none_or(|digests| digests.len() == ranks);
        self.record_length.len() == ranks && self.record_crc32.len() == ranks && digests
    }
}

/// The checksum of names and lengths.
fn inventory(files: &[(String, u64)]) -> u32 {
    let mut hasher = Hasher::new();
    for (name, length) in files {
        hasher.update(format!("{name} {length}\n").as_bytes());
    }
    hasher.finalize()
}

/// The version that some bytes say they are of, whatever else they are.
fn version(bytes: &[u8]) -> Option<u32> {
    let text = String::from_utf8_lossy(bytes);
    let (_, rest) = text.split_once("\"version\":")?;
    rest.trim_start().split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn other_version(path: &Path, version: u32) -> Error {
    if version > VERSION {
        return Error::Newer { path: path.into(), version, supported: VERSION };
    }
    let reason = format!(
        "the commit record is of version {version}, from before a release, and this reads version {VERSION}: \
         load the checkpoint with the program that wrote it, and save it again"
    );
    Error::checkpoint(path, reason)
}

fn damaged(path: &Path, error: &str) -> Error {
    Error::checkpoint(path, format!("the commit record is damaged: {error}"))
}

/// A file of the directory, open; none if there is none.
fn open(store: &dyn Store, path: &Path) -> Result<Option<Arc<dyn Source>>> {
    // Who is on the way to it when its directory is replaced finds the old directory,
    // and nothing in it any more.
    let mut is_link = true;
    for _ in 0..3 {
        match store.open(path) {
            Err(Error::Io { source, .. })
                if matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
            {
                is_link &= store.exists(path)?;
            }
            Err(Error::Io { source, .. }) if is_no_file(&source) => {
                return Err(damaged(path, &source.to_string()));
            }
            opened => return opened.map(Some),
        }
    }
    if is_link { Err(damaged(path, "it is a link that leads nowhere")) } else { Ok(None) }
}

/// Whether an error says that what has a name is no file, nor a link to one, and not that it cannot
/// be read now.
fn is_no_file(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidInput || error.raw_os_error() == Some(Errno::LOOP.raw_os_error())
}

/// All bytes of a record.
pub(crate) fn contents(source: &dyn Source) -> Result<Vec<u8>> {
    let length = usize::try_from(source.length()).ok().filter(|&length| length <= LARGEST);
    let length = length
        .ok_or_else(|| Error::checkpoint(source.path(), format!("a record has at most {LARGEST} bytes")))?;
    let mut bytes = vec![0; length];
    source.read_at(0, &mut bytes)?;
    Ok(bytes)
}

/// A head is shorter.
const HEAD: usize = 4096;

/// A record of ten thousand ranks, or of a file of a million payloads, has a few tens of
/// megabytes.
const LARGEST: usize = 1 << 30;

/// What is said of a rank is shorter.
const LONGEST_RANK: u64 = 512;

/// Each has names that are looked for.
const MOST_RANKS: usize = RankInfo::MOST;

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(ranks: usize) -> Sealed {
        Sealed {
            ranks: Ranks {
                length: vec![1563; ranks],
                record_length: vec![300; ranks],
                record_crc32: vec![7; ranks],
                record_digest: Some(vec!["blake3:0".into(); ranks]),
            },
            outline: Some(OutlineSeal { length: 10, crc32: 1, digest: Some("blake3:0".into()), storages: 2 }),
        }
    }

    #[test]
    fn a_head_is_read_without_the_rest() {
        let sealed = sealed(1000);
        let record = Record::new(5, &sealed);
        let bytes = record.to_bytes(&sealed).unwrap();
        assert!(bytes.len() > HEAD);
        let path = Path::new("step-1/strongroom.json");
        assert_eq!(Record::parse(path, &bytes[..HEAD]).unwrap(), record);
        serde_json::from_slice::<serde_json::Value>(&bytes).unwrap();
    }

    #[test]
    fn every_bit_of_it_counts() {
        let sealed = sealed(2);
        let store = crate::store::Memory::default();
        let bytes = Record::new(5, &sealed).to_bytes(&sealed).unwrap();
        let read = |bytes: Vec<u8>| {
            store.insert("d/strongroom.json", bytes);
            Record::read_sealed(&store, Path::new("d"))
        };
        assert_eq!(read(bytes.clone()).unwrap().unwrap().1, sealed);
        for at in 0..bytes.len() {
            for bit in [0, 3, 7] {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                assert!(read(damaged).is_err(), "byte {at}");
            }
            assert!(read(bytes[..at].to_vec()).is_err(), "{at} bytes");
        }
    }

    #[test]
    fn records_of_other_versions_say_what_to_do() {
        let error = |text: &str| Record::parse(Path::new("r"), text.as_bytes()).unwrap_err().to_string();
        assert!(error("{\n  \"version\": 1,\n  \"world_size\": 1\n}").contains("save it again"));
        let later = seal::join(&seal::seal("{\n  \"version\": 3\n}", Seal::Head), "{\n  \"new\": 1\n}");
        assert!(error(&later).contains("version 3"));
        // What cannot be known to be of a later version is damaged.
        assert!(error(&later.replace("\"version\": 3", "\"version\": 4")).contains("damaged"));
    }
}
