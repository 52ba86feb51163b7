//! One save with one of its processes under strace.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::job::{LONGEST, Scene};
use super::lab::Lab;
use super::outcome::Outcome;
use super::process::{Ended, Running};
use super::trace::{self, Call, Disturbance, Point, Trigger};
use crate::run;

/// What happens to one process of a save.
#[derive(Clone, Copy, Debug)]
pub enum Fault<'f> {
    None,
    /// To one call, by strace.
    Call(&'f Trigger, Disturbance),
    /// To one call, by `tests/faulty-calls`: the number of an error, or `kill`; and whether
    /// to all later ones like it.
    Named(&'f Point, &'f str, bool),
    /// To its writes: each takes so many bytes at most.
    Short(usize),
}

impl Fault<'_> {
    fn traced(self, command: &Command, watched: &Path, log: &Path) -> Command {
        match self {
            Self::None => trace::traced(command, log, None),
            Self::Call(trigger, disturbance) => trace::traced(command, log, Some((trigger, disturbance))),
            Self::Named(point, error, stays) => {
                let on = if stays { "+" } else { "" };
                let path = point.path_from(watched);
                let fails = format!("{}:{error}:{}{on}:{}", point.name(), point.count(), path.display());
                let done = log.with_file_name(DONE);
                let faults = [("FAULTY_CALLS_FAIL", fails.as_ref()), ("FAULTY_CALLS_DONE", done.as_os_str())];
                trace::traced(&preloaded(command, &faults), log, None)
            }
            Self::Short(most) => {
                let most = most.to_string();
                trace::traced(&preloaded(command, &[("FAULTY_CALLS_SHORT", most.as_ref())]), log, None)
            }
        }
    }
}

/// The command with `tests/faulty-calls` in it.
fn preloaded(command: &Command, faults: &[(&str, &OsStr)]) -> Command {
    let mut preloaded = Command::new(command.get_program());
    preloaded.args(command.get_args());
    preloaded.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    preloaded.envs(faults.iter().copied());
    preloaded.env("LD_PRELOAD", run::target().join("release/libfaulty_calls.so"));
    preloaded
}

/// A save that runs.
pub struct Disturbed {
    room: PathBuf,
    root: PathBuf,
    log: PathBuf,
    traced: usize,
    running: Vec<Running>,
}

/// A save that ended.
pub struct Over {
    room: PathBuf,
    /// The directory of checkpoints.
    pub root: PathBuf,
    traced: usize,
    /// What the traced process did.
    pub calls: Vec<Call>,
    /// How each rank's process ended.
    pub ended: Vec<Ended>,
}

impl Disturbed {
    /// Starts the save in a room of its own.
    pub fn start(lab: &Lab, scene: &Scene, traced: usize, fault: Fault<'_>) -> Result<Self> {
        let room = lab.room()?;
        let (root, log) = (room.join("run"), room.join("log"));
        scene.place(&root)?;
        let start = |(rank, mut command): (usize, Command)| {
            if scene.job.ranks.processes() > 1 {
                // So long do ranks wait for one that was killed.
                command.args(["--barrier-timeout", "12"]);
            }
            if rank == traced {
                command = fault.traced(&command, &root, &log);
            }
            Running::start(&mut command, &room, &rank.to_string())
        };
        let running = scene.save(lab, &root)?.into_iter().enumerate().map(start).collect::<Result<_>>()?;
        Ok(Self { room, root, log, traced, running })
    }

    /// The points of a save to which nothing happens.
    pub fn undisturbed(lab: &Lab, scene: &Scene, traced: usize) -> Result<Vec<(Call, Point)>> {
        let over = Self::start(lab, scene, traced, Fault::None)?.wait()?;
        if let Some(failed) = over.ended.iter().find(|ended| !ended.success()) {
            bail!("{}, under strace: {}", scene.job.name, failed.error());
        }
        let points: Vec<_> = over.points().into_iter().map(|(call, point)| (call.clone(), point)).collect();
        match over.outcome(lab, scene, true)? {
            Outcome::Pass => Ok(points),
            outcome => bail!("{}, undisturbed: {outcome}", scene.job.name),
        }
    }

    /// Does something once the log shows what is waited for, unless the traced process
    /// ends before.
    pub fn once<T>(
        &mut self,
        shown: impl Fn(&Path) -> Option<T>,
        work: impl FnOnce(T) -> Result<()>,
    ) -> Result<()> {
        let deadline = Instant::now() + LONGEST;
        while Instant::now() < deadline {
            if let Some(found) = shown(&self.log) {
                return work(found);
            }
            if self.running.get_mut(self.traced).is_none_or(Running::is_over) {
                break;
            }
            thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    /// Waits for all ranks.
    pub fn wait(self) -> Result<Over> {
        let deadline = Instant::now() + LONGEST;
        let ended = self.running.into_iter().map(|running| running.wait(deadline)).collect::<Result<_>>()?;
        let calls = trace::calls(&self.log)?;
        let Self { room, root, traced, .. } = self;
        Ok(Over { room, root, traced, calls, ended })
    }
}

impl Over {
    /// Whether the call that was named came, and failed.
    pub fn named_call_came(&self) -> bool {
        self.room.join(DONE).exists()
    }

    /// The calls of the traced process that are about the directory of checkpoints.
    pub fn points(&self) -> Vec<(&Call, Point)> {
        trace::points(&self.calls, &self.root)
    }

    /// Whether a rank says that it is saved.
    pub fn acknowledged(&self) -> bool {
        self.ended.iter().any(Ended::success)
    }

    /// Whether all do.
    pub fn succeeded(&self) -> bool {
        self.ended.iter().all(Ended::success)
    }

    /// Whether the traced process was killed.
    pub fn killed(&self) -> bool {
        self.ended.get(self.traced).is_some_and(Ended::killed)
    }

    /// Removes what it left.
    pub fn forget(self) -> Result<()> {
        Ok(fs::remove_dir_all(&self.room)?)
    }

    /// What is found afterwards. Only what does not pass is kept, for who looks into it.
    pub fn outcome(self, lab: &Lab, scene: &Scene, promised: bool) -> Result<Outcome> {
        for (rank, ended) in self.ended.iter().enumerate() {
            let dead = rank != self.traced && ended.killed();
            if dead || ended.panicked() || ended.status.is_none() {
                return Ok(Outcome::HardFail(ended.error()));
            }
        }
        let outcome = scene.check(lab, &self.root, promised)?;
        if outcome.passed() {
            self.forget()?;
        }
        Ok(outcome)
    }
}

/// A file that is there when a named call came.
const DONE: &str = "done";
