//! The `strongroom` command: dispatch and exit codes. It knows no format.

mod commands;
mod context;
mod failure;
mod inventory;
mod output;
mod patience;
mod progress;
mod removed;
mod signals;
mod waits;

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use commands::Cli;
use output::stdout::Stdout;

fn main() -> ExitCode {
    if let Err(error) = signals::watch() {
        return ExitCode::from(failure::report(&error.into()));
    }
    #[cfg(feature = "etcd")]
    strongroom_etcd::register();
    let mut out = Stdout::open();
    let done = run(&mut out).and_then(|code| Ok(out.flush().map(|()| code)?));
    signals::unless_caught();
    ExitCode::from(done.unwrap_or_else(|error| failure::report(&error)))
}

/// Does what the command line says, and answers the exit code.
fn run(out: &mut Stdout) -> Result<u8> {
    let asked = match Cli::try_parse() {
        Ok(cli) => return cli.exec(out),
        Err(error) if error.use_stderr() => {
            // Nobody is left to tell if this fails.
            let _ = error.print();
            return Ok(failure::USAGE);
        }
        // Help is an answer too.
        Err(asked) => asked.render(),
    };
    match out.is_terminal() {
        true => write!(out, "{}", asked.ansi())?,
        false => write!(out, "{asked}")?,
    }
    Ok(0)
}
