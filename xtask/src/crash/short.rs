//! Every write takes fewer bytes than it was given, as a signal or a quota may have it.

use anyhow::{Result, ensure};

use super::disturbed::{Disturbed, Fault};
use super::job::Scene;
use super::lab::Lab;
use super::outcome::Outcome;
use super::plan::Plan;
use super::process::Ended;
use super::table::{Row, Table};
use super::trace::{self, Call};

/// All jobs, each of their processes. All saves succeed.
pub fn run(lab: &Lab, plan: &Plan, table: &mut Table) -> Result<()> {
    for job in plan.jobs() {
        let scene = Scene::new(lab, job)?;
        let mut row = Row::new(job.name, format!("no write takes more than {MOST} bytes"));
        for rank in 0..job.ranks.processes() {
            row.add(&format!("rank {rank}"), &cut_short(lab, &scene, rank)?);
        }
        table.add(row);
    }
    Ok(())
}

fn cut_short(lab: &Lab, scene: &Scene, rank: usize) -> Result<Outcome> {
    let fault = Fault::Short(MOST);
    let run = Disturbed::start(lab, scene, rank, fault)?.wait()?;
    let points = trace::points(&run.calls, &run.root);
    let written = points.iter().filter_map(|(call, _)| written(call));
    let (count, longest) = written.fold((0, 0), |(count, longest), bytes| (count + 1, longest.max(bytes)));
    ensure!(count > 1 && longest == MOST, "{}: {count} writes of up to {longest} bytes", scene.job.name);
    if let Some(failed) = run.ended.iter().find(|ended| !ended.success()) {
        return Ok(Outcome::HardFail(Ended::error(failed)));
    }
    run.outcome(lab, scene, true)
}

/// The bytes that a call wrote.
fn written(call: &Call) -> Option<usize> {
    let writes = ["write", "pwrite64", "writev"].contains(&&*call.name);
    if writes { call.result.parse().ok() } else { None }
}

const MOST: usize = 4097;
