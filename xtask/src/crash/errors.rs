//! The file system answers an error, once, at each call of a save.

use anyhow::{Result, ensure};

use super::cover::{Hit, cover};
use super::disturbed::{Disturbed, Over};
use super::job::{JOBS, Job, Scene};
use super::lab::Lab;
use super::outcome::Outcome;
use super::process::Ended;
use super::table::{Row, Table};
use super::trace::{self, Disturbance, Point};

/// The errors, and what a person reads.
const ERRORS: [(&str, &str); 5] = [
    ("ENOSPC", "No space left on device"),
    ("EIO", "Input/output error"),
    ("EDQUOT", "Disk quota exceeded"),
    ("EINTR", "Interrupted system call"),
    ("EROFS", "Read-only file system"),
];

/// Those that reading gives too.
const OF_READING: [&str; 2] = ["EIO", "EINTR"];

/// All jobs, each of their processes, each call, each error.
pub fn run(lab: &Lab, table: &mut Table, wanted: &dyn Fn(&Job) -> bool) -> Result<()> {
    for job in JOBS.into_iter().filter(wanted) {
        let scene = Scene::new(lab, job)?;
        let names: Vec<_> = ERRORS.iter().map(|(name, _)| *name).collect();
        let mut row = Row::new(job.name, names.join(", "));
        for rank in 0..job.ranks.processes() {
            for (error, text) in ERRORS {
                let points = || points(lab, &scene, rank, OF_READING.contains(&error));
                let prefix = match job.ranks.processes() {
                    1 => format!("{error} at "),
                    _ => format!("{error} in rank {rank} at "),
                };
                cover(&mut row, &prefix, points, THREADS, |point| {
                    refused(lab, &scene, rank, point, error, text)
                })?;
            }
        }
        table.add(row);
    }
    Ok(())
}

/// The calls that an undisturbed save makes: those that change files, or those that open
/// them too.
fn points(lab: &Lab, scene: &Scene, rank: usize, reading: bool) -> Result<Vec<Point>> {
    let (calls, root) = Disturbed::undisturbed(lab, scene, rank)?;
    let points = trace::points(&calls, &root).into_iter();
    let points: Vec<_> = points
        .filter(|(call, _)| call.changes() || (reading && call.opens()))
        .map(|(_, mut point)| {
            // An error cannot be given to the call after one.
            point.trigger = point.trigger.filter(|trigger| trigger.before.is_none());
            point
        })
        .collect();
    ensure!(!points.is_empty(), "{}: it changes no file", scene.job.name);
    Ok(points)
}

/// Gives one call an error; what came of it.
fn refused(
    lab: &Lab,
    scene: &Scene,
    rank: usize,
    point: &Point,
    error: &'static str,
    text: &str,
) -> Result<Option<Hit>> {
    let Some(trigger) = &point.trigger else { return Ok(None) };
    let run = Disturbed::start(lab, scene, rank, Some((trigger, Disturbance::Error(error))))?.wait()?;
    let points = trace::points(&run.calls, &run.root);
    let hit = points.into_iter().filter(|(call, _)| call.is_injected());
    let whats: Vec<_> = hit.map(|(_, point)| point.what).collect();
    let injected = run.calls.iter().filter(|call| call.is_injected()).count();
    // Another process of the save may have been given it, at a file of its own.
    if whats.is_empty() || whats.len() != injected {
        run.forget()?;
        return Ok(None);
    }
    if let Some(unclear) = unclear(scene, &run, rank, text) {
        return Ok(Some(Hit { whats, outcome: Outcome::HardFail(unclear) }));
    }
    let acknowledged = run.acknowledged();
    let outcome = run.outcome(lab, scene, acknowledged)?;
    Ok(Some(Hit { whats, outcome }))
}

/// What is wrong with how a failed save says so.
fn unclear(scene: &Scene, run: &Over, rank: usize, text: &str) -> Option<String> {
    let failed = |ended: &&Ended| !ended.success() && !ended.panicked() && ended.status.is_some();
    run.ended.iter().filter(failed).find_map(|ended| {
        let errors: Vec<_> = ended.stderr.lines().filter(|line| !line.starts_with("hint: ")).collect();
        let [error] = errors[..] else { return Some(format!("not one error: {}", ended.error())) };
        let several = scene.job.ranks.processes() > 1;
        let missing = if !error.starts_with("error: ") {
            "that it is an error"
        } else if !error.contains(text) {
            "the cause"
        } else if !error.contains(&*run.root.to_string_lossy()) {
            "the file"
        } else if several && !error.contains(&format!("rank {rank}")) {
            "the rank"
        } else {
            return None;
        };
        Some(format!("the error does not say {missing}: {error}"))
    })
}

const THREADS: usize = 4;
