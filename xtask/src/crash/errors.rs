//! The file system answers an error, once, at each call of a save.

use anyhow::{Result, ensure};

use super::cover::{Effort, Hit, How, cover};
use super::disturbed::{Disturbed, Fault, Over};
use super::job::Scene;
use super::lab::Lab;
use super::outcome::Outcome;
use super::plan::Plan;
use super::process::Ended;
use super::table::{Row, Table};
use super::trace::{self, Disturbance, Point, Trigger};

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
pub fn run(lab: &Lab, plan: &Plan, table: &mut Table) -> Result<()> {
    for (number, job) in plan.jobs().enumerate() {
        let scene = Scene::new(lab, job)?;
        let names: Vec<_> = ERRORS.iter().map(|error| error.name).collect();
        let mut row = Row::new(job.name, names.join(", "));
        for rank in 0..job.ranks.processes() {
            for error in plan.choose(ERRORS.to_vec(), number + rank, ERRORS.len()) {
                let points = || {
                    let points = points(lab, &scene, rank, OF_READING.contains(&error.name))?;
                    Ok(plan.choose(points, rank, 4))
                };
                let prefix = match job.ranks.processes() {
                    1 => format!("{} at ", error.name),
                    _ => format!("{} in rank {rank} at ", error.name),
                };
                cover(&mut row, &prefix, Effort::of(plan, THREADS), points, |point, how| {
                    refused(lab, &scene, rank, point, how, error)
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
    let points = points.filter(|(call, _)| call.changes() || (reading && call.opens()));
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
    let fault = match (how, &point.trigger) {
        (How::Named, _) => Fault::Named(point, &number),
        (How::Counted, Some(trigger @ Trigger { before: None, .. })) => {
            Fault::Call(trigger, Disturbance::Error(error.name))
        }
        // An error cannot be given to the call after one.
        (How::Counted, _) => return Ok(None),
    };
    let run = Disturbed::start(lab, scene, rank, fault)?.wait()?;
    let whats = match how {
        How::Named if run.named_call_came() => vec![point.what.clone()],
        How::Named => Vec::new(),
        How::Counted => injected(&run),
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

/// The calls that strace gave an error: those of one number, one in each thread.
fn injected(run: &Over) -> Vec<String> {
    let points = trace::points(&run.calls, &run.root).into_iter();
    let whats: Vec<_> = points.filter(|(call, _)| call.is_injected()).map(|(_, point)| point.what).collect();
    let all = run.calls.iter().filter(|call| call.is_injected()).count();
    // Another process of the save may have been given it, at a file of its own.
    if whats.len() == all { whats } else { Vec::new() }
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
