//! strace: which calls a save makes that change files, and one of them disturbed.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

/// A call to the system, as strace wrote it down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The thread.
    pub thread: u32,
    pub name: String,
    pub arguments: String,
    /// What it answered: `0`, `-1 EIO (Input/output error) (INJECTED)`; `?` if the thread
    /// did not live to hear it.
    pub result: String,
    /// The how manieth of this name in its thread, from 1: strace counts so.
    pub ordinal: usize,
}

/// What strace does to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disturbance {
    /// The process is killed before the call has an effect.
    Kill,
    /// The call does nothing and answers an error, such as `ENOSPC`.
    Error(&'static str),
    /// The process is stopped when the call is done.
    Stop,
}

/// A call that is disturbed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    pub name: String,
    pub ordinal: usize,
    /// What it does, in the same words in each run.
    pub what: String,
}

/// The command under strace, which writes to `log`.
pub fn traced(command: &Command, log: &Path, disturbed: Option<(&Point, Disturbance)>) -> Command {
    let mut strace = strace(log, disturbed);
    strace.arg("--").arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            strace.env(name, value);
        }
    }
    strace
}

/// strace on a process that runs already.
pub fn attached(process: u32, log: &Path, disturbed: Option<(&Point, Disturbance)>) -> Command {
    let mut strace = strace(log, disturbed);
    strace.args(["-p", &process.to_string()]);
    strace
}

fn strace(log: &Path, disturbed: Option<(&Point, Disturbance)>) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-s", "0", "-o"]).arg(log).arg("-e").arg(format!("trace={}", CALLS.join(",")));
    if let Some((Point { name, ordinal, .. }, disturbance)) = disturbed {
        let disturbance = match disturbance {
            Disturbance::Kill => "signal=KILL".into(),
            Disturbance::Stop => "signal=STOP".into(),
            Disturbance::Error(error) => format!("error={error}"),
        };
        strace.arg("-e").arg(format!("inject={name}:{disturbance}:when={ordinal}"));
    }
    strace
}

/// The calls in a log, in the order they began.
pub fn calls(log: &Path) -> Result<Vec<Call>> {
    let text = fs::read(log).with_context(|| format!("cannot read {}", log.display()))?;
    Ok(parse(&String::from_utf8_lossy(&text)))
}

fn parse(log: &str) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    let mut counts: HashMap<(u32, String), usize> = HashMap::new();
    let mut unfinished: HashMap<u32, usize> = HashMap::new();
    for line in log.lines() {
        let Some((thread, event)) = line.split_once(' ') else { continue };
        let (Ok(thread), event) = (thread.parse(), event.trim_start()) else { continue };
        if let Some(resumed) = event.strip_prefix("<... ") {
            let call = unfinished.remove(&thread).and_then(|index| calls.get_mut(index));
            if let (Some(call), Some((_, rest))) = (call, resumed.split_once(" resumed>")) {
                call.result = result(rest).into();
            }
            continue;
        }
        let Some((name, rest)) = event.split_once('(') else { continue };
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') || name.is_empty() {
            continue;
        }
        let count = counts.entry((thread, name.into())).or_default();
        *count += 1;
        let (arguments, result) = match rest.strip_suffix(" <unfinished ...>") {
            Some(arguments) => {
                unfinished.insert(thread, calls.len());
                (arguments, "?")
            }
            None => (arguments(rest), result(rest)),
        };
        let (name, arguments, result) = (name.into(), arguments.into(), result.into());
        calls.push(Call { thread, name, arguments, result, ordinal: *count });
    }
    calls
}

/// What is between the brackets of `…) = 0`.
fn arguments(rest: &str) -> &str {
    rest.rsplit_once(" = ").map_or(rest, |(arguments, _)| arguments.trim_end().trim_end_matches(')'))
}

/// What follows `) = `.
fn result(rest: &str) -> &str {
    // An answer may name a file: `7</a = b>`. The arguments end before it.
    match rest.rfind(") ").and_then(|end| rest.get(end + 2..)) {
        Some(answer) => answer.trim_start().trim_start_matches("= "),
        None => "?",
    }
}

/// The calls about something under `root`, each with what it does in words that are the
/// same in each run, and no other call's in this one.
pub fn points<'c>(calls: &'c [Call], root: &Path) -> Vec<(&'c Call, Point)> {
    let root = root.to_string_lossy();
    let mut seen: HashMap<String, usize> = HashMap::new();
    let point = |call: &'c Call| {
        let what = call.what(&root)?;
        let count = seen.entry(what.clone()).or_default();
        *count += 1;
        let what = if *count > 1 { format!("{what} (no. {count})") } else { what };
        Some((call, Point { name: call.name.clone(), ordinal: call.ordinal, what }))
    };
    calls.iter().filter_map(point).collect()
}

impl Call {
    /// What it does to files under `root`, if it does.
    fn what(&self, root: &str) -> Option<String> {
        let paths = self.paths();
        let here: Vec<_> =
            paths.iter().filter_map(|path| path.strip_prefix(root)).map(without_tokens).collect();
        (!here.is_empty()).then(|| format!("{} {}", self.name, here.join(" ")))
    }

    /// Whether it changes what is on disk.
    pub fn changes(&self) -> bool {
        !OPENING.contains(&&*self.name) || self.arguments.contains("O_CREAT")
    }

    /// Whether it never answered, or answered what was put in its place.
    pub fn is_disturbed(&self) -> bool {
        self.result == "?" || self.result.contains("(INJECTED)")
    }

    /// The files it names, whole.
    fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        let mut directory = None;
        let mut rest = &*self.arguments;
        while let Some(at) = rest.find(['<', '"']) {
            let (closing, text) = (if rest[at..].starts_with('<') { '>' } else { '"' }, &rest[at + 1..]);
            let Some(end) = text.find(closing) else { break };
            let found = &text[..end];
            rest = &text[end + 1..];
            if closing == '>' {
                directory = Some(found);
                if !self.name.ends_with("at") && !self.name.ends_with("at2") {
                    paths.push(found.into());
                }
            } else if found.starts_with('/') {
                paths.push(found.into());
            } else if let Some(directory) = directory {
                paths.push(format!("{directory}/{found}"));
            }
        }
        paths
    }
}

/// A path in which the parts of hidden names that are others each time are `*`.
fn without_tokens(path: &str) -> String {
    let token =
        |part: &str| part.contains('-') && part.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let component = |name: &str| -> String {
        let parts: Vec<_> = name.split('.').map(|part| if token(part) { "*" } else { part }).collect();
        parts.join(".")
    };
    path.split('/').map(component).collect::<Vec<_>>().join("/")
}

/// All calls that change files, and those that open them.
const CALLS: [&str; 35] = [
    "open",
    "openat",
    "openat2",
    "creat",
    "mkdir",
    "mkdirat",
    "write",
    "pwrite64",
    "writev",
    "pwritev",
    "pwritev2",
    "ftruncate",
    "truncate",
    "fallocate",
    "fsync",
    "fdatasync",
    "sync_file_range",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "rmdir",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "copy_file_range",
    "sendfile",
    "chmod",
    "fchmod",
    "fchmodat",
    "utimensat",
    "msync",
    "flock",
];
const OPENING: [&str; 4] = ["open", "openat", "openat2", "flock"];
