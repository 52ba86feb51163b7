//! A checkpoint of as many ranks as nobody has here, made by its documented format
//! (docs/checkpoint-directory.md): what listing it costs.

use std::fmt::Write;
use std::fs::{self, File};
use std::path::Path;

use anyhow::Result;

const RANKS: usize = 10_000;
const TENSORS: usize = 10_000;

/// Makes it in `root`, all of its files but the commit record without content, and says
/// what the records take.
pub fn make(root: &Path) -> Result<()> {
    let directory = root.join("step-1");
    fs::create_dir_all(&directory)?;
    let record = record_length()?;
    let rank = 1u64 << 30;
    let (mut inventory, mut length) = (crc32fast::Hasher::new(), 0);
    for number in 0..RANKS {
        for (name, bytes) in
            [(format!("checkpoint_{number}.pt"), rank), (format!("checkpoint_{number}.json"), record)]
        {
            File::create(directory.join(&name))?.set_len(bytes)?;
            inventory.update(format!("{name} {bytes}\n").as_bytes());
            length += bytes;
        }
    }
    let head = sealed(
        &format!(
            "{{\n  \"version\": 2,\n  \"world_size\": {RANKS},\n  \"committed\": 1,\n  \"shared\": false,\n  \
             \"length\": {length},\n  \"inventory_crc32\": {}",
            inventory.finalize()
        ),
        "head_crc32",
    );
    let digest = format!("blake3:{}", "0".repeat(64));
    let columns = format!(
        "{{\"length\":{:?},\"record_length\":{:?},\"record_crc32\":{:?},\"record_digest\":{:?}}}",
        vec![rank; RANKS],
        vec![record; RANKS],
        vec![u32::MAX; RANKS],
        vec![digest; RANKS]
    );
    let whole = sealed(&format!("{head},\n  \"ranks\": {columns},\n  \"outline\": null"), "crc32");
    eprintln!(
        "{RANKS} ranks of {TENSORS} tensors each: the record of a rank has {record} bytes, strongroom.json {}",
        whole.len() + 2
    );
    fs::write(directory.join("strongroom.json"), format!("{whole}\n}}"))?;
    Ok(())
}

/// Bytes of the record of a rank of so many tensors.
fn record_length() -> Result<u64> {
    let digest = format!("\"blake3:{}\"", "0".repeat(64));
    let mut columns = String::from("{\"length\":[");
    for (name, value) in [("", "4194304"), ("],\"crc32\":[", "4294967295"), ("],\"digest\":[", &digest)] {
        columns.push_str(name);
        for tensor in 0..TENSORS {
            write!(columns, "{}{value}", if tensor > 0 { "," } else { "" })?;
        }
    }
    columns.push_str("]}");
    // And the lines around it.
    Ok(columns.len() as u64 + 250)
}

/// A JSON object without its end, and the line that seals it.
fn sealed(body: &str, name: &str) -> String {
    format!("{body},\n  \"{name}\": {}", crc32fast::hash(body.as_bytes()))
}
