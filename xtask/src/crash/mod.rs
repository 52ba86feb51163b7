//! Saves are killed, refused and torn apart at every step, and a fresh process is asked
//! what is left: the matrix of docs/durability.md.

mod check;
mod cover;
mod disturbed;
mod errors;
mod job;
mod kill;
mod lab;
mod outcome;
mod parallel;
mod process;
mod short;
mod table;
mod trace;

use anyhow::{Result, ensure};

use crate::run::{cargo_release, run as done};
use crate::setup;
use job::Job;
use lab::Lab;
use table::Table;

/// Builds the program, unless it is said to be, and runs the matrix.
pub fn run(arguments: &[String]) -> Result<()> {
    setup::strace()?;
    if !arguments.iter().any(|argument| argument == "--built") {
        setup::build()?;
        done(&mut cargo_release("build"))?;
        done(cargo_release("build").args(["--package", "faulty-writes"]))?;
    }
    let lab = Lab::new("matrix")?;
    let mut table = Table::default();
    let value =
        |name| arguments.iter().position(|argument| argument == name).and_then(|at| arguments.get(at + 1));
    let (only, job) = (value("--only"), value("--job"));
    let wanted = |part: &str| only.is_none_or(|only| only == part);
    let job = |it: &Job| job.is_none_or(|job| it.name.contains(job));
    if wanted("kill") {
        kill::run(&lab, &mut table, &job)?;
    }
    if wanted("errors") {
        errors::run(&lab, &mut table, &job)?;
    }
    if wanted("short-writes") {
        short::run(&lab, &mut table, &job)?;
    }
    print!("{}", table.markdown());
    ensure!(table.passed(), "not all points pass");
    Ok(())
}
