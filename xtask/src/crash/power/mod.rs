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

use super::job::Scene;
use super::lab::Lab;
use super::plan::Plan;
use super::table::Table;
use survey::{SEED, Scratch, Survey};

/// All jobs, on each kind of file system; all states or a sample. The whole has the
/// proof that it can fail.
pub fn run(lab: &Lab, plan: &Plan, table: &mut Table) -> Result<()> {
    println!("  samples have the seed {SEED}");
    let scratch = Scratch::new(lab)?;
    let limit = if plan.sample { SAMPLE } else { ALL };
    for job in plan.jobs() {
        let scene = Scene::new(lab, job)?;
        let history = record::record(lab, &scene)?;
        let survey = Survey { lab, scene: &scene, history: &history, limit, scratch: &scratch };
        // The one with the most directories to sync.
        if !plan.sample && job.existing == 0 {
            control(&survey)?;
        }
        survey.rows()?.into_iter().for_each(|row| table.add(row));
        // The one that leaves most behind, and that can be done again at each point.
        if job.overwrite && job.keep_last.is_some() {
            let points = plan.choose(history.namings(), 0, 5);
            table.add(survey.row_after_kill(&points)?);
        }
    }
    Ok(())
}

/// A save that forgets a sync is found out.
fn control(survey: &Survey) -> Result<()> {
    let (idle, needed): (Vec<_>, Vec<_>) = survey.syncs()?.into_iter().partition(|(_, idle)| *idle);
    println!("  without any one of these syncs, states fail that did not:");
    needed.iter().for_each(|(sync, _)| println!("    {sync}"));
    idle.iter().for_each(|(sync, _)| println!("    {sync}: none does"));
    let is_needed = |what: &&str| {
        needed.iter().any(|(sync, _)| sync.ends_with(*what) || (what.ends_with('.') && sync.contains(*what)))
    };
    ensure!(idle.is_empty(), "a sync that no disk needs");
    let unseen = NEEDED.iter().find(|what| !is_needed(what));
    ensure!(unseen.is_none(), "the model does not see that this sync is missing: {unseen:?}");
    Ok(())
}

/// States of one job on one kind of file system, at most.
const ALL: usize = 2_000;
const SAMPLE: usize = 15;

/// The rank's file and its record, the commit record, the directory of them, the directory of checkpoints, and the
/// two above that are new or hold a new one.
const NEEDED: [&str; 7] = [
    ".checkpoint_0.pt.",
    ".checkpoint_0.json.",
    ".strongroom.json.",
    ".strongroom-staging",
    "fsync runs/experiment",
    "fsync runs",
    "fsync ",
];
