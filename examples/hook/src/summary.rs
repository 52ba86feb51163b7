//! What a committed checkpoint holds, in a line.

use std::fs;
use std::path::Path;

use serde::Deserialize;

/// The part of `strongroom.json` that is of interest here.
#[derive(Deserialize)]
struct Record {
    world_size: usize,
    length: u64,
}

/// Reads the record in `directory`: `2 ranks, 40960 bytes`.
pub fn of(directory: &Path) -> Result<String, String> {
    let failed = |error: &dyn std::fmt::Display| format!("strongroom.json: {error}");
    let json = fs::read(directory.join("strongroom.json")).map_err(|error| failed(&error))?;
    let Record { world_size, length } = serde_json::from_slice(&json).map_err(|error| failed(&error))?;
    Ok(format!("{world_size} ranks, {length} bytes"))
}
