//! The project's own commands: `cargo xtask COMMAND`.

mod bench;
mod component;
mod crash;
mod demo;
mod deny;
mod fuzz;
mod interop;
mod package;
mod python;
mod release;
mod run;
mod seeded;
mod setup;
mod test;

use std::env;
use std::process::ExitCode;

const USAGE: &str = "\
The project's own commands.

Usage: cargo xtask COMMAND

  component make the component and its machine code, which all builds take
            [--all]
  demo      set up, build, and run the main job on a real checkpoint
  test      set up, then everything CI runs
  interop   both directions against real PyTorch and safetensors
  trees     random trees of every kind of value in every position, against PyTorch
            [--count N] [--seed N] [--only KIND] [--at POSITION]
  readers   take files that are judged safe through every reader
            [--damaged] [--seconds N | --count N] [--seed N] [--readers LIST] [--environment NAME=PATHS]
  seeded    put bugs into the judge, one at a time, which the readers' run must find
            [--only NAME]
  scanners  hold validation against other scanners, and write the table of the docs
  fixtures  make tests/data again with real PyTorch and safetensors
  package   the crates as they are published, built where nothing else of the repository is
  release   all that a release consists of, in one folder, with checksums
  deny      licences, sources and versions of all crates, and advisories where they can be had
  fuzz      each fuzz target for some seconds  [--seconds N]
  crash     disturb saves at every step, and write the matrix of the docs
            [--sample] [--only PART] [--job PART-OF-NAME] [--in DIR] [--built] [--peers]
  bench     measure against PyTorch and safetensors  [--json FILE]";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let (command, rest) = match args.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("", &[][..]),
    };
    let result = match command {
        "component" => component::run(rest),
        "demo" => demo::run(),
        "test" => test::run(),
        "interop" => interop::run(),
        "trees" => interop::trees(rest),
        "readers" => interop::readers(rest),
        "seeded" => seeded::run(rest),
        "scanners" => interop::scanners(),
        "fixtures" => interop::fixtures(),
        "package" => package::run(),
        "release" => release::run(),
        "deny" => deny::run(),
        "fuzz" => fuzz::run(rest),
        "crash" => crash::run(rest),
        "bench" => bench::run(rest),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
