//! The saves that are disturbed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::check::{self, Checkpoints, Snapshot, checkpoints};
use super::lab::{self, Lab};
use super::outcome::Outcome;
use super::process::{Ended, run_together};

/// A way to save.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// In the table.
    pub name: &'static str,
    pub ranks: Ranks,
    /// Checkpoints in the directory before: `step-1` and so on.
    pub existing: usize,
    /// The last of these is replaced.
    pub overwrite: bool,
    pub keep_last: Option<usize>,
    /// Another process writes.
    pub process: bool,
}

/// Who saves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ranks {
    /// One process that is the only rank.
    One,
    /// One process with all ranks as threads, which share one file.
    Threads(usize),
    /// A process for each rank, all of which share one file.
    Sharing(usize),
    /// A process for each rank, with a file of its own.
    Apart(usize),
}

impl Ranks {
    pub fn processes(self) -> usize {
        match self {
            Self::One | Self::Threads(_) => 1,
            Self::Sharing(count) | Self::Apart(count) => count,
        }
    }
}

const PLAIN: Job = Job {
    name: "one process",
    ranks: Ranks::One,
    existing: 1,
    overwrite: false,
    keep_last: None,
    process: false,
};

/// All of them.
pub const JOBS: [Job; 11] = [
    PLAIN,
    Job { name: "one process, the first save of a run", existing: 0, ..PLAIN },
    Job { name: "one process, replace", existing: 2, overwrite: true, ..PLAIN },
    Job { name: "one process, keep the last 2", existing: 2, keep_last: Some(2), ..PLAIN },
    Job { name: "2 ranks as threads", ranks: Ranks::Threads(2), ..PLAIN },
    Job { name: "2 rank processes", ranks: Ranks::Sharing(2), ..PLAIN },
    Job { name: "4 rank processes", ranks: Ranks::Apart(4), ..PLAIN },
    Job {
        name: "2 rank processes, replace",
        ranks: Ranks::Sharing(2),
        existing: 2,
        overwrite: true,
        ..PLAIN
    },
    Job {
        name: "2 rank processes, keep the last 2",
        ranks: Ranks::Apart(2),
        existing: 2,
        keep_last: Some(2),
        ..PLAIN
    },
    Job { name: "checkpoint process", process: true, ..PLAIN },
    Job {
        name: "checkpoint process, replace, keep the last 2",
        process: true,
        existing: 3,
        overwrite: true,
        keep_last: Some(2),
        ..PLAIN
    },
];

impl Job {
    /// The checkpoint that is saved: the number of its step.
    pub fn step(self) -> usize {
        if self.overwrite { self.existing } else { self.existing + 1 }
    }

    /// The commands of a save of `number` as `step-STEP`, one for each rank process.
    fn commands(self, lab: &Lab, root: &Path, step: usize, number: usize) -> Result<Vec<Command>> {
        let world_size = self.ranks.processes();
        let port = if world_size > 1 { lab.port()? } else { 0 };
        (0..world_size)
            .map(|rank| {
                let own = if matches!(self.ranks, Ranks::Apart(_)) { rank } else { 0 };
                let mut command = lab.command();
                command.arg("save").arg(lab.source(number, own)?).arg(root.join(directory(step)));
                if let Ranks::Threads(ranks) = self.ranks {
                    command.args(["--ranks", &ranks.to_string()]);
                }
                if world_size > 1 {
                    command.args(["--rank", &rank.to_string(), "--world-size", &world_size.to_string()]);
                    command.args(["--barrier", &format!("tcp-store://127.0.0.1:{port}")]);
                }
                if matches!(self.ranks, Ranks::Sharing(_)) {
                    command.arg("--share");
                }
                if self.process {
                    command.arg("--process");
                }
                if self.overwrite {
                    command.arg("--overwrite");
                }
                if let Some(keep) = self.keep_last {
                    command.args(["--keep-last", &keep.to_string()]);
                }
                Ok(command)
            })
            .collect()
    }
}

/// A job, the directory it starts from, and what may be found after it.
pub struct Scene {
    pub job: Job,
    /// The directory of checkpoints before the save. Nobody changes it. It does not
    /// exist if the save is the first.
    start: PathBuf,
    /// What is in it.
    pub old: Checkpoints,
    /// What is there after the save.
    pub saved: Checkpoints,
    /// And after the one that follows.
    pub saved_next: Checkpoints,
}

impl Scene {
    /// Makes the directory, and sees what two saves without a fault leave in it.
    pub fn new(lab: &Lab, job: Job) -> Result<Self> {
        let room = lab.room()?;
        let start = room.join("run");
        for step in 1..=job.existing {
            let plain = Job { overwrite: false, keep_last: None, ..job };
            done(&plain, plain.commands(lab, &start, step, step)?, &room)?;
        }
        let root = room.join("undisturbed");
        place(&start, &root)?;
        let scene = |saved, saved_next| -> Result<Self> {
            let old = if start.exists() { checkpoints(&start)? } else { Checkpoints::new() };
            Ok(Self { job, start: start.clone(), old, saved, saved_next })
        };
        let unknown = scene(Checkpoints::new(), Checkpoints::new())?;
        done(&job, unknown.save(lab, &root)?, &room)?;
        let saved = checkpoints(&root)?;
        lab::copy(&root, &root.with_file_name(SAVED))?;
        done(&job, unknown.save_next(lab, &root)?, &room)?;
        scene(saved, checkpoints(&root)?)
    }

    /// Puts the directory as it is after the save to `root`.
    pub fn place_saved(&self, root: &Path) -> Result<()> {
        lab::copy(&self.start.with_file_name(SAVED), root)
    }

    /// The newest checkpoint before the save.
    pub fn before(&self) -> Option<Named<'_>> {
        self.old.get_key_value(&directory(self.job.existing))
    }

    /// The one that is saved.
    pub fn after(&self) -> Result<Named<'_>> {
        let name = directory(self.job.step());
        self.saved.get_key_value(&name).with_context(|| format!("{}: no {name}", self.job.name))
    }

    /// Puts the directory as it is before the save to `root`.
    pub fn place(&self, root: &Path) -> Result<()> {
        place(&self.start, root)
    }

    /// The save, one command for each rank process.
    pub fn save(&self, lab: &Lab, root: &Path) -> Result<Vec<Command>> {
        self.job.commands(lab, root, self.job.step(), self.job.existing + 1)
    }

    /// The save after it.
    pub fn save_next(&self, lab: &Lab, root: &Path) -> Result<Vec<Command>> {
        self.job.commands(lab, root, self.job.step() + 1, self.job.existing + 2)
    }

    /// Whether the new checkpoint is there, whole.
    pub fn is_saved(&self, root: &Path) -> bool {
        let is_there =
            |(name, after): Named<'_>| Snapshot::of(&root.join(name)).is_ok_and(|found| found == *after);
        self.after().is_ok_and(is_there)
    }

    /// What a fresh process finds in `root` after a save that was disturbed there.
    /// `acknowledged` if a rank said that it is saved.
    pub fn check(&self, lab: &Lab, root: &Path, acknowledged: bool) -> Result<Outcome> {
        check::check(self, lab, root, acknowledged)
    }
}

/// A checkpoint, and the name of its directory.
pub type Named<'s> = (&'s String, &'s Snapshot);

/// The name of a checkpoint.
fn directory(step: usize) -> String {
    format!("step-{step}")
}

/// Beside the directory that a job starts from, the one it leaves.
const SAVED: &str = "saved";

/// No save takes longer, even one whose ranks wait for one that died.
pub const LONGEST: Duration = Duration::from_secs(90);

fn place(start: &Path, root: &Path) -> Result<()> {
    if start.exists() { lab::copy(start, root) } else { Ok(()) }
}

fn done(job: &Job, commands: Vec<Command>, room: &Path) -> Result<()> {
    let ended = run_together(commands, room, LONGEST)?;
    let failed = ended.iter().find(|ended| !ended.success());
    ensure!(failed.is_none(), "{}, undisturbed: {}", job.name, failed.map(Ended::error).unwrap_or_default());
    Ok(())
}
