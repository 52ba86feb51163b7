//! What to measure.

use std::path::PathBuf;
use std::slice::Iter;

use anyhow::{Context, Result, bail};

/// The command line of `cargo xtask bench`.
pub struct Options {
    /// Where the results go as JSON.
    pub json: Option<PathBuf>,
    /// A Python environment with torch and safetensors, to be used as it is.
    pub venv: Option<PathBuf>,
    /// A part of the names of the rows to measure.
    pub only: String,
    /// How often each row is measured.
    pub rounds: usize,
    /// The size of the large state dict.
    pub mebibytes: usize,
    /// How many tensors the other has.
    pub tensors: usize,
}

impl Options {
    /// Reads the command line.
    pub fn parse(args: &[String]) -> Result<Self> {
        let mut options =
            Self { json: None, venv: None, only: String::new(), rounds: 5, mebibytes: 1024, tensors: 20_000 };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--json" => options.json = Some(value(arg, &mut args)?.into()),
                "--venv" => options.venv = Some(value(arg, &mut args)?.into()),
                "--only" => options.only = value(arg, &mut args)?,
                "--rounds" => options.rounds = value(arg, &mut args)?.parse().context("--rounds")?,
                "--quick" => (options.rounds, options.mebibytes, options.tensors) = (1, 64, 1000),
                _ => bail!("bench knows no {arg:?}: see `cargo xtask`"),
            }
        }
        Ok(options)
    }
}

fn value(name: &str, args: &mut Iter<'_, String>) -> Result<String> {
    args.next().cloned().with_context(|| format!("{name} needs a value"))
}
