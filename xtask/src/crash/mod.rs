//! Saves are killed, refused and torn apart at every step, and a fresh process is asked
//! what is left: the matrix of docs/durability.md.

mod check;
mod disturbed;
mod job;
mod kill;
mod lab;
mod outcome;
mod parallel;
mod peers;
mod process;
mod table;
mod trace;

use anyhow::{Result, ensure};

use crate::run::{cargo_release, root, run as done};
use crate::{python, setup};
use lab::Lab;
use table::Table;

/// Builds the program, unless it is said to be, and runs the matrix.
pub fn run(arguments: &[String]) -> Result<()> {
    setup::strace()?;
    if !arguments.iter().any(|argument| argument == "--built") {
        setup::build()?;
        done(&mut cargo_release("build"))?;
    }
    let lab = Lab::new("matrix")?;
    if arguments.iter().any(|argument| argument == "--peers") {
        let venv = arguments.iter().position(|argument| argument == "--venv");
        let python = match venv.and_then(|at| arguments.get(at + 1)) {
            Some(venv) => root().join(venv).join("bin/python"),
            None => python::torch()?,
        };
        print!("{}", peers::run(&lab, &python)?.markdown());
        return Ok(());
    }
    let mut table = Table::default();
    let only = arguments.iter().position(|argument| argument == "--job").and_then(|at| arguments.get(at + 1));
    kill::run(&lab, &mut table, &|job| only.is_none_or(|only| job.name.contains(only)))?;
    print!("{}", table.markdown());
    ensure!(table.passed(), "not all points pass");
    Ok(())
}
