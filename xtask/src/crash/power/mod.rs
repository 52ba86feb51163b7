//! Power loss: what a disk may hold after it, in place of what the system calls left.
//!
//! A save is recorded once. Its calls become operations on inodes ([`replay`]); a
//! file system [`order`]s them on disk by its own rules, within what the syncs among
//! them allow; and each of the [`states`] that can come of it is made as a directory
//! and checked like one that a killed process left.

mod contents;
mod history;
mod log;
mod names;
mod order;
mod random;
mod record;
mod replay;
mod states;
mod survey;
#[cfg(test)]
mod tests;

use anyhow::{Result, ensure};

use super::job::{JOBS, Scene};
use super::lab::Lab;
use super::table::Table;
use survey::{SEED, Scratch, Survey};

/// All jobs; with `sample`, some states of each.
pub fn run(lab: &Lab, sample: bool, table: &mut Table) -> Result<()> {
    println!("power loss: samples have the seed {SEED}");
    let scratch = Scratch::new(lab)?;
    let limit = if sample { SAMPLE } else { ALL };
    for job in JOBS {
        let scene = Scene::new(lab, job)?;
        let history = record::record(lab, &scene)?;
        let survey = Survey { lab, scene: &scene, history: &history, limit, scratch: &scratch };
        survey.rows()?.into_iter().for_each(|row| table.add(row));
    }
    Ok(())
}

/// The proof that this part can fail: a save that forgets a sync is found out.
pub fn control(lab: &Lab) -> Result<()> {
    let scene = Scene::new(lab, JOBS[0])?;
    let history = record::record(lab, &scene)?;
    let survey = Survey { lab, scene: &scene, history: &history, limit: ALL, scratch: &Scratch::new(lab)? };
    let (idle, needed): (Vec<_>, Vec<_>) = survey.syncs()?.into_iter().partition(|(_, idle)| *idle);
    println!("power loss: without one of these syncs, states fail that did not");
    needed.iter().for_each(|(sync, _)| println!("  {sync}"));
    println!("power loss: without one of these, none does");
    idle.iter().for_each(|(sync, _)| println!("  {sync}"));
    ensure!(needed.len() >= NEEDED, "the model does not see that a sync is missing");
    Ok(())
}

/// States of one job on one kind of file system, at most.
const ALL: usize = 20_000;
const SAMPLE: usize = 40;

/// The rank's file, the record, and the directory that the checkpoint is renamed in.
const NEEDED: usize = 3;
