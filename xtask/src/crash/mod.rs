//! Saves are killed, refused and torn apart at every step, and a fresh process is asked
//! what is left: the matrix of docs/durability.md.

mod check;
mod control;
mod cover;
mod disturbed;
mod errors;
mod job;
mod kill;
mod lab;
mod outcome;
mod parallel;
mod peers;
mod plain_renames;
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

pub use table::insert;

/// Builds the program, unless it is said to be, and runs the matrix. All of it writes
/// the table of the documentation as well.
pub fn run(arguments: &[String]) -> Result<()> {
    let plan = Plan::parse(arguments)?;
    setup::strace()?;
    if !plan.built {
        setup::build()?;
        done(cargo_release("build").args(["--package", "strongroom-cli", "--package", "faulty-calls"]))?;
    }
    if plan.peers {
        let table = peers::run(&Lab::new(plan.directory.as_deref(), "peers")?, plan.venv.as_deref())?;
        print!("{}", table.markdown());
        return write("peers", &table.markdown());
    }
    let table = matrix(&plan)?;
    if plan.is_full() {
        write("matrix", &format!("{}\n{}", table.markdown(), table.summary()))?;
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
    let parts: [(&str, Part); 5] = [
        ("kill", kill::run),
        ("errors", errors::run),
        ("short-writes", short::run),
        ("plain-renames", plain_renames::run),
        ("power", power::run),
    ];
    let lab = Lab::new(plan.directory.as_deref(), "matrix")?;
    control::run(&lab)?;
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

/// Puts a table at its place in the documentation.
fn write(name: &str, text: &str) -> Result<()> {
    let path = root().join(DOCUMENT);
    let document = fs::read_to_string(&path).with_context(|| format!("cannot read {DOCUMENT}"))?;
    let document = insert(&document, name, text);
    Ok(fs::write(path, document.with_context(|| format!("{DOCUMENT} has no place for {name}"))?)?)
}

/// What the tables are written into.
const DOCUMENT: &str = "docs/durability.md";
