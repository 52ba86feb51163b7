//! One process of a save is killed, at each call that changes files.

use std::fs;
use std::path::PathBuf;

use anyhow::{Result, bail};

use super::job::{JOBS, Job, LONGEST, Scene};
use super::lab::Lab;
use super::outcome::Outcome;
use super::parallel;
use super::process::{Ended, run_together};
use super::table::{Row, Table};
use super::trace::{self, Call, Disturbance, Point};

/// All jobs, each of their processes, each call.
pub fn run(lab: &Lab, table: &mut Table) -> Result<()> {
    for job in JOBS {
        if job.process {
            continue;
        }
        let scene = Scene::new(lab, job)?;
        for victim in 0..job.ranks.processes() {
            table.add(row(lab, &scene, victim)?);
        }
    }
    Ok(())
}

fn row(lab: &Lab, scene: &Scene, victim: usize) -> Result<Row> {
    let fault = match scene.job.ranks.processes() {
        1 => "kill".into(),
        _ => format!("kill rank {victim}"),
    };
    let mut row = Row::new(scene.job.name, fault);
    let points = points(lab, scene, victim)?;
    let mut missing = points.clone();
    // Threads take turns as they like: what a run did not hit, another may.
    for _ in 0..ATTEMPTS {
        let tries = missing.clone();
        let hits = parallel::each(&tries, threads(&scene.job), |point| killed(lab, scene, victim, point))?;
        for (hit, outcome) in hits.into_iter().flatten() {
            let first = missing.iter().any(|missing| missing.what == hit);
            missing.retain(|missing| missing.what != hit);
            if first || !outcome.passed() {
                row.add(&hit, &outcome);
            }
        }
        if missing.is_empty() {
            break;
        }
    }
    for point in &missing {
        row.not_hit(&point.what);
    }
    Ok(row)
}

/// The calls that an undisturbed save makes.
fn points(lab: &Lab, scene: &Scene, victim: usize) -> Result<Vec<Point>> {
    let run = Run::new(lab, scene, victim, None)?;
    if let Some(failed) = run.ended.iter().find(|ended| !ended.success()) {
        bail!("{}, under strace: {}", scene.job.name, failed.error());
    }
    let outcome = run.outcome(lab, scene)?;
    if !outcome.passed() {
        bail!("{}, undisturbed: {outcome}", scene.job.name);
    }
    let points = trace::points(&run.calls, &run.root).into_iter();
    Ok(points.filter(|(call, _)| call.changes()).map(|(_, point)| point).collect())
}

/// Kills at one call; which one it was, and what came of it.
fn killed(lab: &Lab, scene: &Scene, victim: usize, point: &Point) -> Result<Option<(String, Outcome)>> {
    let run = Run::new(lab, scene, victim, Some((point, Disturbance::Kill)))?;
    let mut points = trace::points(&run.calls, &run.root).into_iter();
    let hit = points.find(|(call, _)| {
        call.name == point.name
            && call.ordinal == point.ordinal
            && call.result.starts_with('?')
            && call.changes()
    });
    match hit {
        Some((_, hit)) => Ok(Some((hit.what, run.outcome(lab, scene)?))),
        None => Ok(None),
    }
}

/// A save with one process under strace.
struct Run {
    room: PathBuf,
    root: PathBuf,
    calls: Vec<Call>,
    ended: Vec<Ended>,
}

impl Run {
    fn new(
        lab: &Lab,
        scene: &Scene,
        victim: usize,
        disturbed: Option<(&Point, Disturbance)>,
    ) -> Result<Self> {
        let room = lab.room()?;
        let (root, log) = (room.join("run"), room.join("log"));
        scene.place(&root)?;
        let mut commands = scene.save(lab, &root)?;
        if let Some(command) = commands.get_mut(victim) {
            *command = trace::traced(command, &log, disturbed);
        }
        let ended = run_together(commands, &room, LONGEST)?;
        let calls = trace::calls(&log)?;
        Ok(Self { room, root, calls, ended })
    }

    /// What is found afterwards. Only what does not pass is kept, for who looks into it.
    fn outcome(&self, lab: &Lab, scene: &Scene) -> Result<Outcome> {
        if let Some(broken) = self.ended.iter().find(|ended| ended.panicked() || ended.status.is_none()) {
            return Ok(Outcome::HardFail(broken.error()));
        }
        let outcome = scene.check(lab, &self.root, self.ended.iter().all(Ended::success))?;
        if outcome.passed() {
            fs::remove_dir_all(&self.room)?;
        }
        Ok(outcome)
    }
}

/// Ranks that wait for a dead one do only that; else there is work for each core.
fn threads(job: &Job) -> usize {
    if job.ranks.processes() > 1 { 8 } else { 3 }
}

const ATTEMPTS: usize = 4;
