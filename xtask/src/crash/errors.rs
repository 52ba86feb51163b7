//! The file system answers an error, once, at each call of a save.

use anyhow::{Result, ensure};

use super::cover::{Hit, cover};
use super::disturbed::{Disturbed, Fault, Over};
use super::job::{JOBS, Job, Scene};
use super::lab::Lab;
use super::outcome::Outcome;
use super::process::Ended;
use super::table::{Row, Table};
use super::trace::{self, Disturbance, Point};

/// An error of the system.
#[derive(Clone, Copy)]
struct Errno {
    name: &'static str,
    number: u8,
    /// What a person reads.
    text: &'static str,
}

const ERRORS: [Errno; 5] = [
    Errno { name: "ENOSPC", number: 28, text: "No space left on device" },
    Errno { name: "EIO", number: 5, text: "Input/output error" },
    Errno { name: "EDQUOT", number: 122, text: "Disk quota exceeded" },
    Errno { name: "EINTR", number: 4, text: "Interrupted system call" },
    Errno { name: "EROFS", number: 30, text: "Read-only file system" },
];

/// Those that reading gives too.
const OF_READING: [&str; 2] = ["EIO", "EINTR"];

/// All jobs, each of their processes, each call, each error.
pub fn run(lab: &Lab, table: &mut Table, wanted: &dyn Fn(&Job) -> bool) -> Result<()> {
    for job in JOBS.into_iter().filter(wanted) {
        let scene = Scene::new(lab, job)?;
        let names: Vec<_> = ERRORS.iter().map(|error| error.name).collect();
        let mut row = Row::new(job.name, names.join(", "));
        for rank in 0..job.ranks.processes() {
            for error in ERRORS {
                let points = || points(lab, &scene, rank, OF_READING.contains(&error.name));
                let prefix = match job.ranks.processes() {
                    1 => format!("{} at ", error.name),
                    _ => format!("{} in rank {rank} at ", error.name),
                };
                cover(&mut row, &prefix, points, THREADS, |point| refused(lab, &scene, rank, point, error))?;
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
    let points = points.filter(|(call, _)| call.changes() || (reading && call.opens()));
    let points: Vec<_> = points.map(|(_, point)| point).collect();
    ensure!(!points.is_empty(), "{}: it changes no file", scene.job.name);
    Ok(points)
}

/// Gives one call an error; what came of it.
fn refused(lab: &Lab, scene: &Scene, rank: usize, point: &Point, error: Errno) -> Result<Option<Hit>> {
    let Some(trigger) = &point.trigger else { return Ok(None) };
    let refusal = refusal(point, error);
    let fault = match (&trigger.before, &refusal) {
        (None, _) => Fault::Call(trigger, Disturbance::Error(error.name)),
        (Some(_), Some(refusal)) => Fault::Writes("FAULTY_WRITES_REFUSE", refusal),
        // An error cannot be given to the call after one.
        (Some(_), None) => return Ok(None),
    };
    let run = Disturbed::start(lab, scene, rank, fault)?.wait()?;
    let points = trace::points(&run.calls, &run.root);
    let whats = if trigger.before.is_none() {
        let hits = points.into_iter().filter(|(call, _)| call.is_injected());
        let whats: Vec<_> = hits.map(|(_, point)| point.what).collect();
        let injected = run.calls.iter().filter(|call| call.is_injected()).count();
        // Another process of the save may have been given it, at a file of its own.
        if whats.len() == injected { whats } else { Vec::new() }
    } else {
        // strace saw no such write: it was refused before.
        let written = points.iter().any(|(_, written)| written.what == point.what);
        if written { Vec::new() } else { vec![point.what.clone()] }
    };
    if whats.is_empty() {
        run.forget()?;
        return Ok(None);
    }
    if let Some(unclear) = unclear(scene, &run, rank, error.text) {
        return Ok(Some(Hit { whats, outcome: Outcome::HardFail(unclear) }));
    }
    let acknowledged = run.acknowledged();
    let outcome = run.outcome(lab, scene, acknowledged)?;
    Ok(Some(Hit { whats, outcome }))
}

/// How the first write into a file is refused: `strongroom.json:28`.
fn refusal(point: &Point, error: Errno) -> Option<String> {
    let path = point.what.strip_prefix("pwrite64 ")?;
    let name = path.rsplit('/').next()?.trim_start_matches('.').split(".*").next()?;
    Some(format!("{name}:{}", error.number))
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
