//! One save with one of its processes under strace.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::job::{LONGEST, Scene};
use super::lab::Lab;
use super::outcome::Outcome;
use super::process::{Ended, Running};
use super::trace::{self, Call, Disturbance, Trigger};

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
    /// What the traced process did.
    pub calls: Vec<Call>,
    /// How each rank's process ended.
    pub ended: Vec<Ended>,
}

impl Disturbed {
    /// Starts the save in a room of its own.
    pub fn start(
        lab: &Lab,
        scene: &Scene,
        traced: usize,
        disturbed: Option<(&Trigger, Disturbance)>,
    ) -> Result<Self> {
        let room = lab.room()?;
        let (root, log) = (room.join("run"), room.join("log"));
        scene.place(&root)?;
        let start = |(rank, mut command): (usize, _)| {
            if rank == traced {
                command = trace::traced(&command, &log, disturbed);
            }
            Running::start(&mut command, &room, &rank.to_string())
        };
        let running = scene.save(lab, &root)?.into_iter().enumerate().map(start).collect::<Result<_>>()?;
        Ok(Self { room, root, log, traced, running })
    }

    /// The calls of a save to which nothing happens, and where it was.
    pub fn undisturbed(lab: &Lab, scene: &Scene, traced: usize) -> Result<(Vec<Call>, PathBuf)> {
        let over = Self::start(lab, scene, traced, None)?.wait()?;
        if let Some(failed) = over.ended.iter().find(|ended| !ended.success()) {
            bail!("{}, under strace: {}", scene.job.name, failed.error());
        }
        let (calls, root) = (over.calls.clone(), over.root.clone());
        match over.outcome(lab, scene, true)? {
            Outcome::Pass => Ok((calls, root)),
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
        Ok(Over { room: self.room, root: self.root, calls, ended })
    }
}

impl Over {
    /// Whether all ranks say that it is saved.
    pub fn acknowledged(&self) -> bool {
        self.ended.iter().all(Ended::success)
    }

    /// What is found afterwards. Only what does not pass is kept, for who looks into it.
    pub fn outcome(self, lab: &Lab, scene: &Scene, promised: bool) -> Result<Outcome> {
        if let Some(broken) = self.ended.iter().find(|ended| ended.panicked() || ended.status.is_none()) {
            return Ok(Outcome::HardFail(broken.error()));
        }
        let outcome = scene.check(lab, &self.root, promised)?;
        if outcome.passed() {
            fs::remove_dir_all(&self.room)?;
        }
        Ok(outcome)
    }
}
