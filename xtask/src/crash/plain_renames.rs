//! A file system that knows plain renames only, as NFS does.

use anyhow::{Result, ensure};

use super::disturbed::{Disturbed, Fault};
use super::job::Scene;
use super::lab::Lab;
use super::outcome::Outcome;
use super::plan::Plan;
use super::process::Ended;
use super::table::{Row, Table};
use super::trace::{Call, Disturbance, Trigger};

/// All jobs, each of their processes. All saves succeed, but those that replace: they
/// say that they cannot, and cost nothing.
pub fn run(lab: &Lab, plan: &Plan, table: &mut Table) -> Result<()> {
    for job in plan.jobs() {
        let scene = Scene::new(lab, job)?;
        let mut row = Row::new(job.name, "renames know no flags");
        row.add("rank 0", &saved(lab, &scene)?);
        table.add(row);
    }
    Ok(())
}

/// Rank 0 is the one that commits.
fn saved(lab: &Lab, scene: &Scene) -> Result<Outcome> {
    let trigger = Trigger { name: "renameat2".into(), ordinal: 1, before: None };
    let fault = Fault::Call(&trigger, Disturbance::Errors("EINVAL"));
    let run = Disturbed::start(lab, scene, 0, fault)?.wait()?;
    ensure!(run.calls.iter().any(Call::is_injected), "{}: it calls no renameat2", scene.job.name);
    let failed = run.ended.iter().find(|ended| !ended.success());
    let as_expected = match failed {
        Some(failed) => scene.job.overwrite && failed.stderr.contains(REFUSED),
        None => !scene.job.overwrite,
    };
    if !as_expected {
        return Ok(Outcome::HardFail(failed.map_or_else(|| "it replaced a checkpoint".into(), Ended::error)));
    }
    let acknowledged = failed.is_none();
    run.outcome(lab, scene, acknowledged)
}

const REFUSED: &str = "this file system cannot replace a directory in one step";
