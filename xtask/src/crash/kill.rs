//! One process of a save is killed, at each call that changes files.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};

use super::cover::{Effort, Hit, How, cover};
use super::disturbed::{Disturbed, Fault, Over};
use super::job::{Job, Scene};
use super::lab::Lab;
use super::parallel;
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
    let scenes: Vec<_> = plan.jobs().map(|job| Scene::new(lab, job)).collect::<Result<_>>()?;
    let (waiting, busy): (Vec<_>, Vec<_>) = scenes.iter().partition(|scene| scene.job.ranks.processes() > 1);
    // One after the other, several points at a time.
    for scene in busy {
        for victim in Victim::all(&scene.job) {
            table.add(row(lab, plan, scene, victim, 3)?);
        }
    }
    // Ranks that wait for a dead one do only that.
    let mut tasks = Vec::new();
    for scene in waiting {
        tasks.extend(Victim::all(&scene.job).into_iter().map(|victim| (scene, victim)));
    }
    let rows = parallel::each(&tasks, AT_ONCE, |(scene, victim)| row(lab, plan, scene, *victim, 4))?;
    table.add_joined(rows);
    Ok(())
}

/// Of jobs whose ranks wait most of the time.
const AT_ONCE: usize = 6;

fn row(lab: &Lab, plan: &Plan, scene: &Scene, victim: Victim, threads: usize) -> Result<Row> {
    let job = scene.job;
    let mut row = Row::new(job.name, victim.fault(&job));
    let points = || points(lab, scene, victim);
    let choose = |points| plan.choose(points, victim.rank(), 4);
    let effort = Effort::of(threads);
    cover(&mut row, &victim.prefix(&job), effort, points, choose, |point, how| {
        killed(lab, scene, victim, point, how)
    })?;
    Ok(row)
}

/// The calls that an undisturbed save makes.
fn points(lab: &Lab, scene: &Scene, victim: Victim) -> Result<Vec<Point>> {
    let points = Disturbed::undisturbed(lab, scene, victim.rank())?.into_iter();
    let points = points.filter(|(call, _)| call.changes());
    let points: Vec<_> = points.map(|(_, point)| point).collect();
    ensure!(!points.is_empty(), "{}: it changes no file", scene.job.name);
    Ok(points)
}

/// Kills at one call; which one it was, and what came of it.
fn killed(lab: &Lab, scene: &Scene, victim: Victim, point: &Point, how: How) -> Result<Option<Hit>> {
    if how == How::Named && victim != Victim::Parent {
        let run = Disturbed::start(lab, scene, victim.rank(), Fault::Named(point, "kill", false))?.wait()?;
        return match run.named_call_came() {
            true => hit(lab, scene, run, point.clone(), false).map(Some),
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
    let at_call = || {
        let mut points = run.points().into_iter();
        points.find(|(at, _)| *at == call && at.changes()).map(|(_, point)| point)
    };
    // The traced process is the one that started the checkpoint process.
    let dead = victim == Victim::Child || run.killed();
    let reached = match (disturbance, &trigger.before) {
        (Disturbance::Kill, _) => at_call().filter(|_| call.is_last()),
        // In the call before.
        (_, Some(_)) => Some(point.clone()).filter(|_| trigger.is_pulled_by(call, &run.root)),
        (_, None) => at_call(),
    }
    .filter(|_| dead);
    match reached {
        // What the parent handed over is saved without it.
        Some(point) => hit(lab, scene, run, point, victim == Victim::Parent).map(Some),
        None => run.forget().map(|()| None),
    }
}

fn hit(lab: &Lab, scene: &Scene, run: Over, point: Point, promised: bool) -> Result<Hit> {
    let promised = promised || run.acknowledged();
    Ok(Hit { points: vec![point], outcome: run.outcome(lab, scene, promised)? })
}

/// To a process that this one started, or that such a one did, if it is still there.
fn signal(signal: &str, process: u32) -> Result<()> {
    Command::new("kill").args([signal, &process.to_string()]).stderr(Stdio::null()).status()?;
    Ok(())
}
