//! Saves are killed, refused and torn apart at every step, and a fresh process is asked
//! what is left: the matrix of docs/durability.md.

mod check;
mod disturbed;
mod job;
mod kill;
mod lab;
mod outcome;
mod parallel;
mod power;
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
    let only = arguments.iter().position(|argument| argument == "--job").and_then(|at| arguments.get(at + 1));
    let wanted = |job: &job::Job| only.is_none_or(|only| job.name.contains(only));
    let has = |option: &str| arguments.iter().any(|argument| argument == option);
    if has("--power") {
        power::run(&lab, has("--sample"), &mut table, &wanted)?;
    } else {
        kill::run(&lab, &mut table, &wanted)?;
    }
    print!("{}", table.markdown());
    ensure!(table.passed(), "not all points pass");
    Ok(())
}
