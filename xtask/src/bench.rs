//! `cargo xtask bench`: strongroom against PyTorch and safetensors, in one run.
//!
//! Both sides do the same jobs on the same files, in turns, so that what else
//! the machine does hits both. What is compared are medians.

mod options;
mod rows;
mod table;
mod worker;

use std::fs;
use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::run::{cargo_release, run as execute, target};
use crate::setup;
use options::Options;
use rows::{ROWS, Row, Side};
use table::Line;
use worker::{Place, Workers};

/// Measures everything and prints a table.
///
/// `--json FILE` writes it as JSON too; `--venv DIR` takes the Python environment
/// there instead of making one; `--only WORD` takes the rows with that word;
/// `--rounds N` sets how often each is measured; `--quick` measures little, to
/// see that all works.
pub fn run(args: &[String]) -> Result<()> {
    let options = Options::parse(args)?;
    let rows: Vec<&Row> = ROWS.iter().filter(|row| row.name.contains(&options.only)).collect();
    ensure!(!rows.is_empty(), "no row has {:?} in its name", options.only);
    let packages = ["--package", "strongroom-bench", "--package", "strongroom-cli"];
    setup::build()?;
    execute(cargo_release("build").args(packages))?;
    let directory = Scratch::new()?;
    let place = Place::new(&options, &directory.0)?;
    println!("writing files of {} MiB to read", options.mebibytes);
    Workers::new(&place).run(Side::Torch("prepare"))?;
    println!("\n{}", table::heading());
    let mut lines = Vec::new();
    for row in rows {
        let line = measure(&place, row, options.rounds)?;
        println!("{line}");
        lines.push(line);
    }
    if let Some(path) = &options.json {
        fs::write(path, table::json(&lines))?;
    }
    Ok(())
}

/// All rounds of one row, the peer and strongroom in turns.
fn measure(place: &Place, row: &'static Row, rounds: usize) -> Result<Line> {
    let mut line = Line::new(row);
    let mut workers = Workers::new(place);
    // One round more than asked: the first warms up and does not count.
    for round in 0..=rounds {
        if row.fresh {
            workers = Workers::new(place);
        }
        let theirs = match row.peer {
            Some((_, side)) => Some(row.unit.of(workers.run(side)?)),
            None => None,
        };
        let ours = row.unit.of(workers.run(row.ours)?);
        if round > 0 {
            line.theirs.extend(theirs);
            line.ours.push(ours);
        }
    }
    Ok(line)
}

/// The directory all files of a bench are in, gigabytes that go with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self> {
        let directory = target().join("bench");
        fs::create_dir_all(&directory)?;
        Ok(Self(directory))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A leftover is only a leftover.
        let _ = fs::remove_dir_all(&self.0);
    }
}
