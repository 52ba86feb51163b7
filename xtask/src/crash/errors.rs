//! The file system answers an error at each call of a save, once or from there on.

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Result, ensure};

use super::cover::{Effort, Hit, How, cover};
use super::disturbed::{Disturbed, Fault, Over};
use super::job::{Ranks, Scene};
use super::lab::Lab;
use super::outcome::Outcome;
use super::plan::Plan;
use super::process::Ended;
use super::table::{Row, Table};
use super::trace::{Disturbance, Point, Trigger};

/// An error of the system.
#[derive(Clone, Copy)]
struct Errno {
    name: &'static str,
    number: u8,
    /// What a person reads.
    text: &'static str,
    /// All later calls of the same name fail too: the disk is still full.
    stays: bool,
}

const ENOSPC: Errno = Errno { name: "ENOSPC", number: 28, text: "No space left on device", stays: false };
const EIO: Errno = Errno { name: "EIO", number: 5, text: "Input/output error", stays: false };
const EROFS: Errno = Errno { name: "EROFS", number: 30, text: "Read-only file system", stays: false };
const ERRORS: [Errno; 8] = [
    ENOSPC,
    EIO,
    Errno { name: "EDQUOT", number: 122, text: "Disk quota exceeded", stays: false },
    Errno { name: "EINTR", number: 4, text: "Interrupted system call", stays: false },
    EROFS,
    Errno { stays: true, ..ENOSPC },
    Errno { stays: true, ..EIO },
    Errno { stays: true, ..EROFS },
];

/// Those that reading gives too.
const OF_READING: [&str; 2] = ["EIO", "EINTR"];

/// All jobs, each of their processes, each call, each error.
pub fn run(lab: &Lab, plan: &Plan, table: &mut Table) -> Result<()> {
    for (number, job) in plan.jobs().enumerate() {
        let scene = Scene::new(lab, job)?;
        let mut rows = [false, true].map(|stays| Row::new(job.name, fault(stays)));
        let [once, staying] = &mut rows;
        for rank in 0..job.ranks.processes() {
            for error in plan.choose(ERRORS.to_vec(), number + rank, 3) {
                let row = if error.stays { &mut *staying } else { &mut *once };
                let points = || points(lab, &scene, rank, OF_READING.contains(&error.name));
                let choose = |points| plan.choose(points, rank, 6);
                let prefix = match job.ranks.processes() {
                    1 => format!("{} at ", error.name),
                    _ => format!("{} in rank {rank} at ", error.name),
                };
                cover(row, &prefix, Effort::of(THREADS), points, choose, |point, how| {
                    refused(lab, &scene, rank, point, how, error)
                })?;
            }
        }
        rows.into_iter().for_each(|row| table.add(row));
    }
    Ok(())
}

fn fault(stays: bool) -> String {
    let errors = ERRORS.iter().filter(|error| error.stays == stays).map(|error| error.name);
    let names = errors.collect::<Vec<_>>().join(", ");
    if stays { format!("{names}, and it stays") } else { names }
}

/// The calls that an undisturbed save makes: those that change files, or those that open
/// or lock them too.
fn points(lab: &Lab, scene: &Scene, rank: usize, reading: bool) -> Result<Vec<Point>> {
    let points = Disturbed::undisturbed(lab, scene, rank)?.into_iter();
    let points =
        points.filter(|(call, _)| call.changes() || (reading && (call.opens() || call.name == "flock")));
    let points: Vec<_> = points.map(|(_, point)| point).collect();
    ensure!(!points.is_empty(), "{}: it changes no file", scene.job.name);
    Ok(points)
}

/// Gives one call an error; what came of it.
fn refused(
    lab: &Lab,
    scene: &Scene,
    rank: usize,
    point: &Point,
    how: How,
    error: Errno,
) -> Result<Option<Hit>> {
    let number = error.number.to_string();
    let disturbance = match error.stays {
        true => Disturbance::Errors(error.name),
        false => Disturbance::Error(error.name),
    };
    let fault = match (how, &point.trigger) {
        (How::Named, _) => Fault::Named(point, &number, error.stays),
        (How::Counted, Some(trigger @ Trigger { before: None, .. })) => Fault::Call(trigger, disturbance),
        // An error cannot be given to the call after one.
        (How::Counted, _) => return Ok(None),
    };
    let run = Disturbed::start(lab, scene, rank, fault)?.wait()?;
    let points = match how {
        How::Named if run.named_call_came() => vec![point.clone()],
        How::Named => Vec::new(),
        How::Counted => injected(&run),
    };
    let Some(first) = points.first() else {
        run.forget()?;
        return Ok(None);
    };
    let of_sync = first.name() == "fsync" && error.name != "EINTR";
    let reason = if of_sync && run.succeeded() {
        Some(format!("{} could not be brought to disk, and no rank failed", first.path()))
    } else if !run.succeeded() && scene.is_saved(&run.root) && !says_it_is_there(&run) {
        Some("the save failed, the checkpoint is there, and no error says so".into())
    } else {
        unclear(scene, &run, rank, &points, error.text)
    };
    if let Some(reason) = reason {
        return Ok(Some(Hit { points, outcome: Outcome::HardFail(reason) }));
    }
    let acknowledged = run.acknowledged();
    let outcome = run.outcome(lab, scene, acknowledged)?;
    Ok(Some(Hit { points, outcome }))
}

/// Whether a rank that failed after the commit says that there was one.
fn says_it_is_there(run: &Over) -> bool {
    run.ended.iter().any(|ended| ended.stderr.contains("the checkpoint is there"))
}

/// The calls that strace gave an error: the first in each thread. None if one was about a
/// file that is no part of the save.
fn injected(run: &Over) -> Vec<Point> {
    let mut threads = HashSet::new();
    let points = run.points().into_iter().filter(|(call, _)| call.is_injected());
    let points: Vec<_> = points.collect();
    if points.len() != run.calls.iter().filter(|call| call.is_injected()).count() {
        return Vec::new();
    }
    points.into_iter().filter_map(|(call, point)| threads.insert(call.thread).then_some(point)).collect()
}

/// What is wrong with how a failed save says so.
fn unclear(scene: &Scene, run: &Over, rank: usize, points: &[Point], text: &str) -> Option<String> {
    let failed = |ended: &&Ended| !ended.success() && !ended.panicked() && ended.status.is_some();
    let ranks: Vec<_> = match scene.job.ranks {
        Ranks::One => vec![String::new()],
        // The threads' ranks are told by the files that they write.
        Ranks::Threads(_) if points.iter().any(|point| !point.is_of_hidden_file()) => vec!["rank ".into()],
        Ranks::Threads(_) => {
            points.iter().map(|point| format!("rank {}", rank_of(shown(point.path())))).collect()
        }
        _ => vec![format!("rank {rank}")],
    };
    run.ended.iter().filter(failed).find_map(|ended| {
        // While a rank tells the others of its error, it says so.
        let is_beside =
            |line: &str| line.starts_with("hint: ") || line.ends_with(": the other ranks are told");
        let errors: Vec<_> = ended.stderr.lines().filter(|line| !is_beside(line)).collect();
        let [error] = errors[..] else { return Some(format!("not one error: {}", ended.error())) };
        let missing = if !error.starts_with("error: ") {
            "that it is an error"
        } else if !error.contains(text) {
            "the cause"
        } else if !points.iter().any(|point| names(error, point, &run.root)) {
            "the file"
        } else if !ranks.iter().any(|rank| error.contains(rank)) {
            "the rank"
        } else {
            return None;
        };
        Some(format!("the error does not say {missing}: {error}"))
    })
}

/// Whether an error names what a call was about.
fn names(error: &str, point: &Point, root: &Path) -> bool {
    let path = point.path_from(root);
    let place = if path.starts_with(root) { root } else { &path };
    error.contains(&*place.to_string_lossy()) && error.contains(shown(point.path()))
}

/// The name of a file or directory as users know it, of one that may be hidden. A directory
/// of checkpoints and those above have none that matters.
fn shown(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or_default();
    match name.strip_prefix('.') {
        Some(hidden) => hidden.split_once(".*").map_or("", |(name, _)| name),
        None => name,
    }
}

/// The number of the rank whose file it is, if it is one's.
fn rank_of(file: &str) -> &str {
    file.strip_prefix("checkpoint_").and_then(|rest| rest.strip_suffix(".pt")).unwrap_or_default()
}

const THREADS: usize = 4;
