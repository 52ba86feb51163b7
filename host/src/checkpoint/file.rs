//! The record of one rank's file, which that rank writes beside it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::record::{VERSION, contents};
use crate::checkpoint::seal::{self, Seal};
use crate::payload::checksum::crc32;
use crate::payload::digest;
use crate::store::Store;
use crate::{Error, File, Result};

/// What a rank says of the file it saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct FileRecord {
    /// The version of the record's format.
    pub version: u32,
    /// The file's name in the directory.
    pub name: String,
    /// Its bytes.
    pub length: u64,
    /// CRC-32 (IEEE) of all its bytes but the payloads: of what says what they are.
    pub structure_crc32: u32,
    /// Digest of the same bytes, `algorithm:hex`, where one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub structure_digest: Option<String>,
    /// Its payloads, in the file's order.
    pub storages: StorageRecords,
    /// The texts that a state dict from safetensors has beside its tensors, for which a
    /// PyTorch file has no place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metadata: Vec<(String, String)>,
}

/// What a record says of payloads. Columns: a payload takes some twenty bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct StorageRecords {
    /// Which storage of the outline each is; none where there is no outline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outline: Option<Vec<u32>>,
    /// Bytes of each.
    pub length: Vec<u64>,
    /// CRC-32 (IEEE) of each.
    pub crc32: Vec<u32>,
    /// Digests, `algorithm:hex`, where they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Vec<String>>,
}

impl StorageRecords {
    /// How many.
    pub fn len(&self) -> usize {
        self.length.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.length.is_empty()
    }

    fn is_even(&self) -> bool {
        let payloads = self.len();
        self.crc32.len() == payloads
            && self.outline.as_ref().is_none_or(|outline| outline.len() == payloads)
            && self.digest.as_ref().is_none_or(|digest| digest.len() == payloads)
    }
}

impl FileRecord {
    /// What a record says of a file, whose payloads are these storages of the outline.
    pub(crate) fn of(
        name: &str,
        file: &File,
        outline: Option<Vec<u32>>,
        digest: Option<Vec<String>>,
    ) -> Result<Self> {
        let mut storages = StorageRecords { outline, digest, ..StorageRecords::default() };
        for part in file.parts() {
            let crc32 = part
                .checksum
                .ok_or_else(|| Error::checkpoint(file.path(), format!("{} has no checksum", part.name)))?;
            storages.length.push(part.length);
            storages.crc32.push(crc32);
        }
        if !storages.is_even() {
            let reason = "its payloads are not those of the state dict";
            return Err(Error::checkpoint(file.path(), reason));
        }
        Ok(Self {
            version: VERSION,
            name: name.into(),
            length: file.length(),
            structure_crc32: file.structure_crc32()?,
            structure_digest: storages.digest.is_some().then(|| file.structure_digest()).transpose()?,
            storages,
            metadata: file.state().metadata().to_vec(),
        })
    }

    /// The bytes of its own file.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut fields: Vec<(&str, &dyn seal::Field)> = vec![
            ("version", &self.version),
            ("name", &self.name),
            ("length", &self.length),
            ("structure_crc32", &self.structure_crc32),
        ];
        if let Some(digest) = &self.structure_digest {
            fields.push(("structure_digest", digest));
        }
        fields.push(("storages", &self.storages));
        if !self.metadata.is_empty() {
            fields.push(("metadata", &self.metadata));
        }
        Ok(seal::seal(&seal::lines(&fields)?, Seal::Whole).into_bytes())
    }

    /// Reads a record of a rank's file.
    ///
    /// Answers the CRC-32 and the digest of its bytes too, which the commit record has.
    pub(crate) fn read(store: &dyn Store, path: &Path) -> Result<(Self, u32, String)> {
        let json = contents(&*store.open(path)?)?;
        Ok((Self::parse(path, &json)?, crc32(&json), digest::of(&json)))
    }

    /// A record from its bytes.
    pub(crate) fn parse(path: &Path, json: &[u8]) -> Result<Self> {
        let damaged = |error: String| Error::checkpoint(path, format!("the record is damaged: {error}"));
        let json = seal::unseal(json, Seal::Whole).map_err(damaged)?;
        let record: Self = serde_json::from_slice(&json).map_err(|error| damaged(error.to_string()))?;
        if record.version != VERSION || !record.storages.is_even() {
            return Err(damaged("it contradicts itself".into()));
        }
        let mut keys: Vec<&str> = record.metadata.iter().map(|(key, _)| key.as_str()).collect();
        keys.sort_unstable();
        if let Some([twice, _]) = keys.array_windows().find(|[a, b]| a == b) {
            return Err(damaged(format!("it has the metadata key {twice:?} twice")));
        }
        let digests = record.storages.digest.iter().flatten().chain(&record.structure_digest);
        if let Some(unknown) = digests.into_iter().find(|digest| !digest::is_known(digest)) {
            return Err(damaged(format!("`{unknown}` is no digest of an algorithm that is known here")));
        }
        let has_digests = record.structure_digest.is_some() && record.storages.digest.is_some();
        if record.storages.outline.is_some() && !has_digests {
            return Err(damaged(NO_DIGESTS.into()));
        }
        Ok(record)
    }

    /// How a file is another than this, if it is.
    pub(crate) fn differs(&self, file: &File) -> Result<Option<String>> {
        if self.length != file.length() {
            return Ok(Some(format!("expected {} bytes, found {}", self.length, file.length())));
        }
        let parts = file.parts();
        if self.storages.len() != parts.len() {
            return Ok(Some(format!("expected {} payloads, found {}", self.storages.len(), parts.len())));
        }
        let records = self.storages.length.iter().zip(&self.storages.crc32);
        let different = records
            .zip(parts)
            .find(|((length, crc32), part)| (**length, Some(**crc32)) != (part.length, part.checksum));
        if let Some(((length, crc32), part)) = different {
            return Ok(Some(format!(
                "expected {} of {length} bytes with checksum {crc32:08x}, found {} bytes with {:08x}",
                part.name,
                part.length,
                part.checksum.unwrap_or(0)
            )));
        }
        if let Some(expected) = &self.structure_digest {
            let found = file.structure_digest()?;
            if found != *expected {
                return Ok(Some(format!("expected {expected} of all that is no payload, found {found}")));
            }
        }
        let structure = file.structure_crc32()?;
        Ok((structure != self.structure_crc32).then(|| {
            format!(
                "expected checksum {:08x} of all that is no payload, found {structure:08x}",
                self.structure_crc32
            )
        }))
    }
}

/// The CRC-32 of all bytes of a file.
pub(crate) fn crc32_of(source: &dyn crate::store::Source) -> Result<u32> {
    Ok(crc32(&contents(source)?))
}

/// Of a record that its writer did not write so.
pub(super) const NO_DIGESTS: &str = "it has no digests, which all have of a state dict that ranks share";
