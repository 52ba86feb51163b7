//! Saves are killed, refused and torn apart at every step, and a fresh process is asked
//! what is left: the matrix of docs/durability.md.

mod check;
mod job;
mod kill;
mod lab;
mod outcome;
mod parallel;
mod process;
mod table;
mod trace;

use anyhow::{Result, ensure};

use crate::run::{cargo_release, run as done};
use crate::setup;
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
    let mut table = Table::default();
    kill::run(&lab, &mut table)?;
    print!("{}", table.markdown());
    ensure!(table.passed(), "not all points pass");
    Ok(())
}
