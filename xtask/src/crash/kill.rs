//! One process of a save is killed, at each call that changes files.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

use super::cover::{Effort, Hit, How, cover};
use super::disturbed::{Disturbed, Fault, Over};
use super::job::{Job, Scene};
use super::lab::Lab;
use super::plan::Plan;
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

    fn fault(self, job: &Job) -> &'static str {
        match self {
            Self::Rank(_) if job.ranks.processes() == 1 => "kill",
            Self::Rank(_) => "kill one rank",
            Self::Child => "kill the checkpoint process",
            Self::Parent => "kill the process that saves",
        }
    }

    fn prefix(self, job: &Job) -> String {
        match self {
            Self::Rank(rank) if job.ranks.processes() > 1 => format!("rank {rank}, "),
            _ => String::new(),
        }
    }
}

/// All jobs, each of their processes, each call.
pub fn run(lab: &Lab, plan: &Plan, table: &mut Table) -> Result<()> {
    for job in plan.jobs() {
        let scene = Scene::new(lab, job)?;
        let mut rows: Vec<Row> = Vec::new();
        for victim in Victim::all(&job) {
            let fault = victim.fault(&job);
            if rows.last().is_none_or(|row| row.fault != fault) {
                rows.push(Row::new(job.name, fault));
            }
            let Some(row) = rows.last_mut() else { continue };
            let stride = if job.ranks.processes() > 1 { 6 } else { 4 };
            let points = || Ok(plan.choose(points(lab, &scene, victim)?, victim.rank(), stride));
            let effort = Effort::of(plan, threads(&job));
            cover(row, &victim.prefix(&job), effort, points, |point, how| {
                killed(lab, &scene, victim, point, how)
            })?;
        }
        rows.into_iter().for_each(|row| table.add(row));
    }
    Ok(())
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
fn killed(lab: &Lab, scene: &Scene, victim: Victim, point: &Point, how: How) -> Result<Option<Hit>> {
    if how == How::Named && victim != Victim::Parent {
        let run = Disturbed::start(lab, scene, victim.rank(), Fault::Named(point, "kill"))?.wait()?;
        return match run.named_call_came() {
            true => hit(lab, scene, run, point.what.clone(), false).map(Some),
            false => run.forget().map(|()| None),
        };
    }
    let Some(trigger) = &point.trigger else { return Ok(None) };
    let disturbance = match victim {
        // Stopped, its child would be hung up on: the kernel does so to orphans.
        Victim::Parent => Disturbance::Hold,
        _ if trigger.before.is_some() => Disturbance::Stop,
        _ => Disturbance::Kill,
    };
    let mut run = Disturbed::start(lab, scene, victim.rank(), Fault::Call(trigger, disturbance))?;
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
    let Some(call) = run.calls.iter().find(|call| call.is_at(trigger)) else {
        return run.forget().map(|()| None);
    };
    let what = match disturbance {
        Disturbance::Kill => {
            let mut points = trace::points(&run.calls, &run.root).into_iter();
            let point = points.find(|(at, _)| *at == call && call.is_last() && call.changes());
            point.map(|(_, point)| point.what)
        }
        _ => trigger.is_pulled_by(call, &run.root).then(|| point.what.clone()),
    };
    match what {
        // What the parent handed over is saved without it.
        Some(what) => hit(lab, scene, run, what, victim == Victim::Parent).map(Some),
        None => run.forget().map(|()| None),
    }
}

fn hit(lab: &Lab, scene: &Scene, run: Over, what: String, promised: bool) -> Result<Hit> {
    let promised = promised || run.acknowledged();
    Ok(Hit { whats: vec![what], outcome: run.outcome(lab, scene, promised)? })
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
