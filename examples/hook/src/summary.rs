//! What a committed checkpoint holds, in a line.

use std::fs;
use std::path::Path;

use serde::Deserialize;

/// The part of `strongroom.json` that is of interest here.
#[derive(Deserialize)]
struct Record {
    ranks: Vec<File>,
}

#[derive(Deserialize)]
struct File {
    length: u64,
    storages: Vec<serde::de::IgnoredAny>,
}

/// Reads the record in `directory`: `2 ranks, 14 storages, 40960 bytes`.
pub fn of(directory: &Path) -> Result<String, String> {
    let failed = |error: &dyn std::fmt::Display| format!("strongroom.json: {error}");
    let json = fs::read(directory.join("strongroom.json")).map_err(|error| failed(&error))?;
    let Record { ranks } = serde_json::from_slice(&json).map_err(|error| failed(&error))?;
    let storages: usize = ranks.iter().map(|file| file.storages.len()).sum();
    let bytes: u64 = ranks.iter().map(|file| file.length).sum();
    Ok(format!("{} ranks, {storages} storages, {bytes} bytes", ranks.len()))
}
