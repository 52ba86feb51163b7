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

use anyhow::Result;

use super::job::{JOBS, Scene};
use super::lab::Lab;
use super::table::Table;
use survey::{Scratch, Survey};

/// All jobs; with `sample`, some states of each.
pub fn run(lab: &Lab, sample: bool, table: &mut Table) -> Result<()> {
    let scratch = Scratch::new(lab)?;
    for job in JOBS {
        let scene = Scene::new(lab, job)?;
        let history = record::record(lab, &scene)?;
        let limit = if sample { SAMPLE } else { ALL };
        let survey = Survey { lab, scene: &scene, history: &history, limit, scratch: &scratch };
        survey.rows()?.into_iter().for_each(|row| table.add(row));
    }
    Ok(())
}

/// States of one job on one kind of file system, at most.
const ALL: usize = 20_000;
const SAMPLE: usize = 40;
