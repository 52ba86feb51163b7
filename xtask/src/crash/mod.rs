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
mod plan;
mod power;
mod process;
mod short;
mod table;
mod trace;

use std::fs;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::run::{cargo_release, root, run as done};
use crate::setup;
use lab::Lab;
use plan::Plan;
use table::Table;

/// Builds the program, unless it is said to be, and runs the matrix. All of it writes
/// the table of the documentation as well.
pub fn run(arguments: &[String]) -> Result<()> {
    let plan = Plan::parse(arguments)?;
    setup::strace()?;
    if !plan.built {
        setup::build()?;
        done(cargo_release("build").args(["--package", "strongroom-cli", "--package", "faulty-calls"]))?;
    }
    let table = matrix(&plan)?;
    if plan.is_full() {
        let path = root().join(DOCUMENT);
        let text = format!("{}\n{}", table.markdown(), table.summary());
        let document = table::insert(&fs::read_to_string(&path)?, "matrix", &text);
        fs::write(path, document.with_context(|| format!("{DOCUMENT} has no place for the matrix"))?)?;
    }
    print!("{}\n{}", table.markdown(), table.summary());
    ensure!(table.passed(), "not all points pass");
    Ok(())
}

/// A bounded part of the matrix, with programs that are built.
pub fn sample() -> Result<()> {
    run(&["--built", "--sample"].map(String::from))
}

fn matrix(plan: &Plan) -> Result<Table> {
    type Part = fn(&Lab, &Plan, &mut Table) -> Result<()>;
    let parts: [(&str, Part); 4] =
        [("kill", kill::run), ("errors", errors::run), ("short-writes", short::run), ("power", power::run)];
    let lab = Lab::new("matrix")?;
    let mut table = Table::default();
    for (name, part) in parts.into_iter().filter(|(name, _)| plan.wants(name)) {
        println!("{name}");
        let start = Instant::now();
        part(&lab, plan, &mut table)?;
        println!("{name}: {:.0} s", start.elapsed().as_secs_f64());
    }
    if table.passed() {
        lab.clear()?;
    }
    Ok(table)
}

/// What the whole matrix is written into.
const DOCUMENT: &str = "docs/durability.md";
