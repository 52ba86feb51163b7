//! Bugs that are put into the judge on purpose, one at a time: the runs that take safe files
//! through real readers must find each.

mod bugs;
mod search;
mod tree;

use std::fs;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::crash::insert;
use crate::run::{cargo_release, root, run as execute, target};
use crate::{python, setup};
use bugs::{BUGS, Bug};
use search::{Found, search};
use tree::Tree;

/// Looks for all bugs, and first of all without any; or for those that `--only` names. All of
/// them write the table of the documentation as well.
pub fn run(arguments: &[String]) -> Result<()> {
    let chosen = chosen(arguments)?;
    setup::build()?;
    let python = python::torch()?;
    let tree = Tree::new(&target().join("seeded"))?;
    for bug in BUGS {
        tree.check(bug)?;
    }
    println!("building the command, and the component as it is");
    execute(cargo_release("build").args(["--bin", "strongroom"]))?;
    let sound = tree.component("sound")?;
    let is_full = chosen.len() == BUGS.len();
    if is_full {
        for args in bugs::runs() {
            let start = Instant::now();
            let found = search(&python, &tree, &sound, args)?;
            let what = found.as_ref().map_or_else(|| "nothing".into(), Found::sentence);
            println!("without a bug, {}: {what}, {:.0} s", args[0], start.elapsed().as_secs_f64());
            ensure!(found.is_none(), "the run finds something in the judge as it is");
        }
    }
    let mut rows = Vec::new();
    for bug in &chosen {
        let start = Instant::now();
        let component = tree.with(bug)?;
        let found = search(&python, &tree, &component, bug.run)?;
        let what = found.as_ref().map_or_else(|| "NOT FOUND".into(), Found::sentence);
        println!("{}: {what}, {:.0} s", bug.name, start.elapsed().as_secs_f64());
        rows.push((*bug, found));
    }
    let table = table(&rows);
    print!("{table}");
    let missed: Vec<&str> =
        rows.iter().filter(|(_, found)| found.is_none()).map(|(bug, _)| bug.name).collect();
    ensure!(missed.is_empty(), "{} of {} bugs not found: {}", missed.len(), rows.len(), missed.join(", "));
    if is_full {
        write(&table)?;
    }
    Ok(())
}

/// The bugs that were asked for.
fn chosen(arguments: &[String]) -> Result<Vec<&'static Bug>> {
    let mut chosen = Vec::new();
    for pair in arguments.chunks(2) {
        let [flag, name] = pair else { bail!(USAGE) };
        ensure!(flag == "--only", USAGE);
        let bug = BUGS.iter().find(|bug| bug.name == name);
        chosen.push(bug.with_context(|| {
            let names: Vec<&str> = BUGS.iter().map(|bug| bug.name).collect();
            format!("no bug has the name {name}; there are {}", names.join(", "))
        })?);
    }
    Ok(if chosen.is_empty() { BUGS.iter().collect() } else { chosen })
}

fn table(rows: &[(&Bug, Option<Found>)]) -> String {
    let mut table =
        String::from("| bug | what is wrong then | found by | as | in file |\n|---|---|---|---|---:|\n");
    for (bug, found) in rows {
        let (reader, what, files) = match found {
            Some(found) => (found.reader.as_str(), found.what.as_str(), found.file.to_string()),
            None => ("**not found**", "", String::new()),
        };
        table += &format!("| {} | {} | {reader} | {what} | {files} |\n", bug.name, bug.breaks);
    }
    table
}

/// Puts the table at its place in the documentation.
fn write(table: &str) -> Result<()> {
    let path = root().join(DOCUMENT);
    let document = fs::read_to_string(&path).with_context(|| format!("cannot read {DOCUMENT}"))?;
    let document = insert(&document, "seeded", table);
    Ok(fs::write(path, document.with_context(|| format!("{DOCUMENT} has no place for the bugs"))?)?)
}

/// What the table is written into.
const DOCUMENT: &str = "docs/readers.md";
const USAGE: &str = "usage: cargo xtask seeded [--only NAME]...";
