//! One process of a save is killed, at each call that changes files.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

use super::disturbed::Disturbed;
use super::job::{JOBS, Job, Scene};
use super::lab::Lab;
use super::outcome::Outcome;
use super::parallel;
use super::table::{Row, Table};
use super::trace::{self, Call, Disturbance, Point};

/// Who is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    /// The process of a rank, which writes.
    Rank(usize),
    /// The checkpoint process, which writes.
    Child,
    /// The process that started the checkpoint process.
    Parent,
}

impl Victim {
    fn all(job: &Job) -> Vec<Self> {
        match job.process {
            true => vec![Self::Child, Self::Parent],
            false => (0..job.ranks.processes()).map(Self::Rank).collect(),
        }
    }

    /// The rank whose process is traced.
    fn rank(self) -> usize {
        if let Self::Rank(rank) = self { rank } else { 0 }
    }

    fn fault(self, job: &Job) -> String {
        match self {
            Self::Rank(_) if job.ranks.processes() == 1 => "kill".into(),
            Self::Rank(rank) => format!("kill rank {rank}"),
            Self::Child => "kill the checkpoint process".into(),
            Self::Parent => "kill the process that saves".into(),
        }
    }
}

/// All jobs, each of their processes, each call.
pub fn run(lab: &Lab, table: &mut Table, wanted: &dyn Fn(&Job) -> bool) -> Result<()> {
    for job in JOBS.into_iter().filter(wanted) {
        let scene = Scene::new(lab, job)?;
        for victim in Victim::all(&job) {
            table.add(row(lab, &scene, victim)?);
        }
    }
    Ok(())
}

fn row(lab: &Lab, scene: &Scene, victim: Victim) -> Result<Row> {
    let mut row = Row::new(scene.job.name, victim.fault(&scene.job));
    let mut missing = points(lab, scene, victim)?;
    // Threads take turns as they like: what a run did not hit, another may.
    for _ in 0..ATTEMPTS {
        let tries: Vec<_> = missing.iter().filter(|point| point.trigger.is_some()).cloned().collect();
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
fn points(lab: &Lab, scene: &Scene, victim: Victim) -> Result<Vec<Point>> {
    let (calls, root) = Disturbed::undisturbed(lab, scene, victim.rank())?;
    let points = trace::points(&calls, &root).into_iter().filter(|(call, _)| call.changes());
    let points: Vec<_> = points.map(|(_, point)| point).collect();
    ensure!(!points.is_empty(), "{}: it changes no file", scene.job.name);
    Ok(points)
}

/// Kills at one call; which one it was, and what came of it.
fn killed(lab: &Lab, scene: &Scene, victim: Victim, point: &Point) -> Result<Option<(String, Outcome)>> {
    let Some(trigger) = &point.trigger else { return Ok(None) };
    let disturbance = match victim {
        // Stopped, its child would be hung up on: the kernel does so to orphans.
        Victim::Parent => Disturbance::Hold,
        _ if trigger.before => Disturbance::Stop,
        _ => Disturbance::Kill,
    };
    let mut run = Disturbed::start(lab, scene, victim.rank(), Some((trigger, disturbance)))?;
    if disturbance == Disturbance::Stop {
        run.once(trace::stopped, |process| signal("-KILL", process))?;
    }
    if disturbance == Disturbance::Hold {
        let parent = |calls: &[Call]| Some(calls.first()?.process);
        let held = |log: &Path| {
            let calls = trace::calls(log).ok()?;
            calls.iter().any(|call| call.is_at(trigger)).then(|| parent(&calls))?
        };
        run.once(held, |process| signal("-KILL", process))?;
    }
    let run = run.wait()?;
    let Some(call) = run.calls.iter().find(|call| call.is_at(trigger)) else { return Ok(None) };
    let hit = match disturbance {
        Disturbance::Kill => {
            let mut points = trace::points(&run.calls, &run.root).into_iter();
            let hit = points.find(|(at, _)| *at == call && call.is_last() && call.changes());
            hit.map(|(_, hit)| hit.what)
        }
        _ => Some(point.what.clone()),
    };
    let Some(hit) = hit else { return Ok(None) };
    // What the parent handed over is saved without it.
    let promised = victim == Victim::Parent || run.acknowledged();
    Ok(Some((hit, run.outcome(lab, scene, promised)?)))
}

/// To a process that this one started, or that such a one did.
fn signal(signal: &str, process: u32) -> Result<()> {
    let done = Command::new("kill").args([signal, &process.to_string()]).status()?;
    ensure!(done.success(), "kill {signal} {process}: {done}");
    Ok(())
}

/// Ranks that wait for a dead one do only that; else there is work for each core.
fn threads(job: &Job) -> usize {
    if job.ranks.processes() > 1 { 12 } else { 3 }
}

const ATTEMPTS: usize = 4;
