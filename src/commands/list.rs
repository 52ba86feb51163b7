use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::Result;
use serde::Serialize;
use strongroom::Listed;

use super::place;
use crate::context::Context;
use crate::output::table::{Side, Table};
use crate::output::{Printable, json, note, size};

/// List the committed checkpoints in a directory of checkpoints, the oldest first
///
/// A save that was interrupted is passed over. So is a checkpoint whose record is damaged,
/// or that lacks its record, a file or the end of one, which a note says. Of a directory that
/// does not exist, as that of a run before its first checkpoint, the list is empty, and a note
/// says that, too.
#[derive(clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// The directory that holds checkpoint directories
    root: PathBuf,

    /// Print JSON: a list of objects
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Prints the list.
    pub fn exec(self, out: &mut dyn Write) -> Result<()> {
        let is_there = place::is_there(&self.root)?;
        let context = Context::start()?;
        let all = context.list(&self.root)?;
        if !is_there {
            note(&format!("{}: there is no such directory", self.root.display()));
        } else if all.is_empty() {
            note(&context.none_in(&self.root));
        }
        if self.json {
            return Ok(json::write(out, &all.iter().map(Entry::of).collect::<Vec<_>>())?);
        }
        Ok(table(out, &all)?)
    }
}

/// One checkpoint in JSON.
#[derive(Serialize)]
pub struct Entry {
    path: String,
    /// The number in its name.
    number: Option<u64>,
    /// When it was committed: RFC 3339, UTC.
    committed: String,
    world_size: usize,
    bytes: u64,
}

impl Entry {
    /// What JSON says of it.
    pub fn of(listed: &Listed) -> Self {
        Self {
            path: listed.path.display().to_string(),
            number: listed.number,
            committed: time(listed.committed),
            world_size: listed.world_size,
            bytes: listed.length,
        }
    }
}

fn table(out: &mut dyn Write, all: &[Listed]) -> io::Result<()> {
    let columns = [
        ("checkpoint", Side::Left),
        ("committed", Side::Left),
        ("ranks", Side::Right),
        ("size", Side::Right),
    ];
    let mut table = Table::new(columns);
    let rows: Vec<[String; 4]> = all
        .iter()
        .map(|listed| {
            let path = listed.path.display().to_string();
            let ranks = listed.world_size.to_string();
            [Printable(&path).to_string(), time(listed.committed), ranks, size(listed.length)]
        })
        .collect();
    rows.iter().for_each(|row| table.measure(row));
    table.head(out)?;
    rows.iter().try_for_each(|row| table.row(out, row))
}

/// A time as `2026-01-31T12:00:00Z`.
fn time(nanoseconds: u64) -> String {
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_nanos(nanoseconds)).to_string()
}

const EXAMPLES: &str = "\
Examples:
  strongroom list run
  strongroom list run --json | jq -r '.[] | select(.bytes > 1000000000).path'";
