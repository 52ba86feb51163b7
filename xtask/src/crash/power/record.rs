//! One undisturbed save, call by call.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::history::{Effect, History};
use super::log;
use super::replay::{CALLS, Replay};
use super::states;
use crate::crash::job::{LONGEST, Scene};
use crate::crash::lab::Lab;
use crate::crash::process::run_together;

/// Where the checkpoints are on the recorded disk. A first save makes both directories.
pub const ROOT: &str = "runs/experiment";

/// Saves once under strace.
pub fn record(lab: &Lab, scene: &Scene) -> Result<History> {
    let room = lab.room()?.canonicalize()?;
    let top = room.join("disk");
    fs::create_dir(&top)?;
    scene.place(&top.join(ROOT))?;
    followed(lab, scene, &room, Replay::new(&top)?)
}

/// The same save again, after one that was killed when `killed` was all that it had
/// done. What that one did may still be lost.
pub fn record_again(lab: &Lab, scene: &Scene, killed: History) -> Result<History> {
    let room = lab.room()?.canonicalize()?;
    let top = room.join("disk");
    fs::create_dir(&top)?;
    // Directories come before what is in them.
    for (path, bytes) in states::at_the_end(&killed) {
        match bytes {
            None => fs::create_dir(top.join(path))?,
            Some(bytes) => fs::write(top.join(path), bytes)?,
        }
    }
    followed(lab, scene, &room, Replay::after(&top, killed)?)
}

fn followed(lab: &Lab, scene: &Scene, room: &Path, replay: Replay) -> Result<History> {
    let (top, log) = (room.join("disk"), room.join("log"));
    let commands = scene.save(lab, &top.join(ROOT))?;
    let processes = commands.len();
    let ended = run_together(vec![traced(&commands, &log)?], room, LONGEST)?;
    let failed = ended.iter().find(|ended| !ended.success());
    ensure!(failed.is_none(), "{} under strace: {failed:?}", scene.job.name);
    let history = replay.follow(&log::parse(&fs::read_to_string(&log)?)?)?;
    let done = history.operations.iter().filter(|done| matches!(done.effect, Effect::Acknowledge));
    ensure!(done.count() == processes, "{}: not all {processes} processes exited well", scene.job.name);
    // What the model does not know, mapped memory say, shows here.
    let same = states::at_the_end(&history) == on_disk(&top)?;
    ensure!(same, "{}: the calls do not explain what is in {}", scene.job.name, top.display());
    fs::remove_dir_all(room)?;
    Ok(history)
}

/// All commands at once under one strace: one log has the order of all their calls.
fn traced(commands: &[Command], log: &Path) -> Result<Command> {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-xx", "-s", "100000000", "-e", &format!("trace={CALLS}"), "-o"]).arg(log);
    let mut script = String::new();
    for command in commands {
        for word in [command.get_program()].into_iter().chain(command.get_args()) {
            let word = word.to_str().context("a word that is no UTF-8")?;
            script += &format!("'{}' ", word.replace('\'', r"'\''"));
        }
        script += "&\n";
        let set = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
        strace.envs(set);
    }
    strace.args(["--", "sh", "-c", &(script + "wait")]);
    Ok(strace)
}

/// All files below `top`, by their paths.
fn on_disk(top: &Path) -> Result<states::Files> {
    let mut files = states::Files::new();
    let mut directories = vec![PathBuf::new()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(top.join(&directory))? {
            let entry = entry?;
            let path = directory.join(entry.file_name());
            let is_directory = entry.file_type()?.is_dir();
            let bytes = if is_directory { None } else { Some(fs::read(entry.path())?) };
            files.insert(path.to_string_lossy().into(), bytes);
            directories.extend(is_directory.then_some(path));
        }
    }
    Ok(files)
}
