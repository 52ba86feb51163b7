//! The jobs that `cargo xtask bench` measures, done by strongroom and, to
//! see what the machine can do, by plain reads and writes.
//!
//! Started as `strongroom-bench DIRECTORY MEBIBYTES TENSORS`. Does the job named
//! on each line of its input, and answers each with a line of JSON; `peers.py`
//! does the same with Python's libraries.

mod job;
mod many;
mod measure;
mod plain;
mod states;

use std::env;
use std::io::{self, BufRead, Write};

use anyhow::{Context, Result};

use job::Jobs;

fn main() -> Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [directory, mebibytes, tensors] = &args[..] else {
        anyhow::bail!("usage: strongroom-bench DIRECTORY MEBIBYTES TENSORS");
    };
    let mut jobs = Jobs::new(directory.into(), mebibytes.parse()?, tensors.parse()?);
    for name in io::stdin().lock().lines() {
        let name = name?;
        let measured = jobs.run(&name).with_context(|| name.clone())?;
        println!("{}", measured.json(&name));
        io::stdout().flush()?;
    }
    Ok(())
}
