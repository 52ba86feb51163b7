//! Other writers, killed at each call that changes files as strongroom is, for comparison.

use std::fs;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::lab::Lab;
use super::outcome::Outcome;
use super::table::{Row, Table};
use super::trace::{self, Call, Disturbance, Point, Trigger};
use crate::python;
use crate::run::{root as repository, run as done};

/// All of them, each call. They are in the Python environment `venv`, or in one that is
/// made.
pub fn run(lab: &Lab, venv: Option<&Path>) -> Result<Table> {
    let python = match venv {
        Some(venv) => repository().join(venv).join("bin/python"),
        None => python::torch()?,
    };
    let mut table = Table::default();
    let mut peers = Peers::start(&python)?;
    for (peer, name) in PEERS {
        table.add(row(lab, &mut peers, peer, name)?);
    }
    Ok(table)
}

fn row(lab: &Lab, peers: &mut Peers, peer: &str, name: &str) -> Result<Row> {
    let undisturbed = Run::new(lab, peers, peer, None)?;
    let outcome = undisturbed.outcome(peers)?;
    ensure!(undisturbed.acknowledged && outcome.passed(), "{name}, undisturbed: {outcome}");
    let mut row = Row::new(name, "kill");
    for (call, point) in trace::points(&undisturbed.calls, &undisturbed.root) {
        if !call.changes() {
            continue;
        }
        match killed(lab, peers, peer, &point)? {
            Some(outcome) => row.add(&point.what, &outcome),
            None => row.not_hit(&point.what),
        }
    }
    Ok(row)
}

/// Kills at one call; none if no thread came to it.
fn killed(lab: &Lab, peers: &mut Peers, peer: &str, point: &Point) -> Result<Option<Outcome>> {
    let Some(trigger) = &point.trigger else { return Ok(None) };
    let before = trigger.before.is_some();
    let disturbance = if before { Disturbance::Stop } else { Disturbance::Kill };
    let run = Run::new(lab, peers, peer, Some((trigger, disturbance)))?;
    let mut points = trace::points(&run.calls, &run.root).into_iter();
    // The call before it may be about nothing of interest.
    let pulled = |call: &Call| call.is_at(trigger) && trigger.is_pulled_by(call, &run.root);
    let hit = match before {
        true => run.calls.iter().any(pulled),
        false => points.any(|(call, hit)| hit.what == point.what && call.is_last()),
    };
    if hit && !run.acknowledged { run.outcome(peers).map(Some) } else { Ok(None) }
}

/// One save by a peer, under strace.
struct Run<'r> {
    peer: &'r str,
    room: PathBuf,
    root: PathBuf,
    calls: Vec<Call>,
    acknowledged: bool,
}

impl<'r> Run<'r> {
    fn new(
        lab: &Lab,
        peers: &mut Peers,
        peer: &'r str,
        disturbed: Option<(&Trigger, Disturbance)>,
    ) -> Result<Self> {
        let room = lab.room()?;
        let (root, log) = (room.join("run"), room.join("log"));
        let prepared = peers.ask("prepare", peer, &root, "")?;
        ensure!(prepared == "0", "{peer} does not save: {prepared}");
        let process = peers.ask("save", peer, &root, "")?.parse()?;
        let mut watcher = Watcher::start(process, &log, disturbed)?;
        peers.send("go")?;
        if matches!(disturbed, Some((_, Disturbance::Stop))) {
            watcher.kill_once_stopped(process, &log)?;
        }
        let status = peers.hear()?;
        watcher.child.wait()?;
        let calls = trace::calls(&log)?;
        Ok(Self { peer, room, root, calls, acknowledged: status == "0" })
    }

    /// What a process finds that starts now.
    fn outcome(&self, peers: &mut Peers) -> Result<Outcome> {
        let acknowledged = if self.acknowledged { "acknowledged" } else { "" };
        let judged = peers.ask("judge", self.peer, &self.root, acknowledged)?;
        fs::remove_dir_all(&self.room)?;
        parse(&judged)
    }
}

fn parse(judged: &str) -> Result<Outcome> {
    if judged == "pass" {
        return Ok(Outcome::Pass);
    }
    let (class, reason) = judged.split_once(": ").unwrap_or((judged, ""));
    Ok(match class {
        "hard fail" => Outcome::HardFail(reason.into()),
        "lost work" => Outcome::LostWork(reason.into()),
        "silent divergence" => Outcome::SilentDivergence(reason.into()),
        _ => bail!("tests/crash/peers.py says {judged:?}"),
    })
}

/// strace on a process that runs already: importing torch takes it minutes.
struct Watcher {
    child: Child,
    /// It would not outlive a word to a closed pipe.
    _stderr: BufReader<ChildStderr>,
}

impl Watcher {
    /// Answers when it watches.
    fn start(process: u32, log: &Path, disturbed: Option<(&Trigger, Disturbance)>) -> Result<Self> {
        let mut strace = trace::attached(process, log, disturbed);
        let mut child = strace.stderr(Stdio::piped()).spawn().context("cannot start strace")?;
        let mut stderr = BufReader::new(child.stderr.take().context("it has a pipe")?);
        let mut said = String::new();
        let read = stderr.read_line(&mut said);
        let watcher = Self { child, _stderr: stderr };
        read?;
        ensure!(said.contains("attached"), "strace does not attach: {said}");
        Ok(watcher)
    }

    /// Kills the watched process when it has stopped, unless it ends before.
    fn kill_once_stopped(&mut self, process: u32, log: &Path) -> Result<()> {
        while self.child.try_wait()?.is_none() {
            if trace::stopped(log).is_some() {
                return done(Command::new("kill").args(["-KILL", &process.to_string()]));
            }
            thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// tests/crash/peers.py, which forks a process for each save.
struct Peers {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Peers {
    fn start(python: &Path) -> Result<Self> {
        let mut command = Command::new(python);
        command.arg(repository().join("tests/crash/peers.py"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let input = input.context("it has a pipe")?;
        let output = BufReader::new(output.context("it has a pipe")?).lines();
        let mut peers = Self { child, input, output };
        let known = peers.hear()?;
        let unknown = PEERS.iter().find(|(peer, _)| !known.split(' ').any(|known| known == *peer));
        ensure!(unknown.is_none(), "tests/crash/peers.py knows {known}");
        Ok(peers)
    }

    fn ask(&mut self, command: &str, peer: &str, root: &Path, more: &str) -> Result<String> {
        self.send(&format!("{command} {peer} {} {more}", root.display()))?;
        self.hear()
    }

    fn send(&mut self, line: &str) -> Result<()> {
        Ok(writeln!(self.input, "{}", line.trim_end())?)
    }

    fn hear(&mut self) -> Result<String> {
        self.output.next().context("tests/crash/peers.py ended")?.context("it says something else than text")
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// As they are called there, and in the table. Each saves beside an older checkpoint
/// or over it.
const PEERS: [(&str, &str); 8] = [
    ("torch.save-over", "`torch.save` over the old file"),
    ("torch.save-new", "`torch.save` to a new file"),
    ("experimental-over", "`_experimental` over the old directory"),
    ("experimental-new", "`_experimental` to a new directory"),
    ("experimental-ranks-over", "`_experimental`, two ranks, over the old directory"),
    ("experimental-ranks-new", "`_experimental`, two ranks, to a new directory"),
    ("torch_checkpointing-over", "torch_checkpointing in the place of the old directory"),
    ("torch_checkpointing-new", "torch_checkpointing to a new directory"),
];
