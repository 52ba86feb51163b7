//! The `strongroom` command: dispatch and exit codes. It knows no format.

mod commands;
mod context;
mod failure;
mod inventory;
mod output;
mod progress;
mod signals;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use commands::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(error) = signals::watch() {
        return failure::report(&error.into());
    }
    let stdout = io::stdout();
    let mut out = io::BufWriter::new(stdout.lock());
    let done = cli.command.exec(&mut out).and_then(|code| Ok(out.flush().map(|()| code)?));
    signals::unless_caught();
    match done {
        Ok(code) => code,
        Err(error) => failure::report(&error),
    }
}
