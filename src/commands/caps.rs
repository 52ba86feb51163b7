use std::time::Duration;

use anyhow::{Result, bail};
use strongroom::Limits;

use super::{duration, size};
use crate::failure::Usage;

/// What reading a file may take.
#[derive(clap::Args)]
#[command(next_help_heading = "Limits")]
pub struct Caps {
    /// Memory that understanding one file may take: 64M, 4G
    #[arg(long, value_name = "SIZE", default_value = "2G", value_parser = size::parse)]
    max_memory: usize,

    /// Time that understanding one file may take, tensor data aside: 500ms, 5m
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = duration::parse)]
    timeout: Duration,

    /// Set another limit, which an error has named; may be given many times
    ///
    /// entries, directory_bytes, pickle_bytes, opcodes, memo, string_bytes, depth, nodes or
    /// tree. Ordinary files stay far below: raise one only for a file that you trust.
    #[arg(long = "limit", value_name = "NAME=N", value_parser = name_and_number)]
    others: Vec<(String, u64)>,
}

/// The names that `--limit` takes.
pub const NAMES: [&str; 9] = [
    "entries",
    "directory_bytes",
    "pickle_bytes",
    "opcodes",
    "memo",
    "string_bytes",
    "depth",
    "nodes",
    "tree",
];

impl Caps {
    /// The limits that were asked for.
    pub fn limits(&self) -> Result<Limits> {
        let mut limits = Limits { memory: self.max_memory, deadline: self.timeout, ..Limits::default() };
        let format = &mut limits.format;
        for (name, number) in &self.others {
            let narrow = || {
                u32::try_from(*number)
                    .map_err(|_| Usage(format!("--limit {name}={number}: at most {}", u32::MAX)))
            };
            match name.as_str() {
                "entries" => format.entries = narrow()?,
                "directory_bytes" => format.directory_bytes = *number,
                "pickle_bytes" => format.pickle_bytes = *number,
                "opcodes" => format.opcodes = *number,
                "memo" => format.memo = narrow()?,
                "string_bytes" => format.string_bytes = *number,
                "depth" => format.depth = narrow()?,
                "nodes" => format.nodes = narrow()?,
                "tree" => format.tree = *number,
                _ => bail!(Usage(format!("--limit {name}: there is no such limit; `--help` names them"))),
            }
        }
        Ok(limits)
    }
}

fn name_and_number(text: &str) -> Result<(String, u64), &'static str> {
    const EXPECTED: &str = "expected NAME=N, as in depth=4000";
    let (name, number) = text.split_once('=').ok_or(EXPECTED)?;
    Ok((name.into(), size::parse(number).map_err(|_| EXPECTED)? as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_one_of_a_limit() {
        let set = |name: &str| {
            let others = vec![(name.to_owned(), 1)];
            Caps { max_memory: 1, timeout: Duration::ZERO, others }.limits().is_ok()
        };
        assert!(NAMES.into_iter().all(set) && !set("bytes of all paths"));
    }
}
