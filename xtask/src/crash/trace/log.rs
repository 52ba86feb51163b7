//! The log that strace writes, line by line.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::Call;

/// The calls in a log, in the order they began.
pub fn calls(log: &Path) -> Result<Vec<Call>> {
    let text = fs::read(log).with_context(|| format!("cannot read {}", log.display()))?;
    Ok(parse(&String::from_utf8_lossy(&text)))
}

/// The process that was stopped, once one is.
pub fn stopped(log: &Path) -> Option<u32> {
    let text = fs::read(log).ok()?;
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().find(|line| line.contains(" --- SIGSTOP {"))?;
    let thread = line.split(' ').next()?.parse().ok()?;
    Some(processes(&text).get(&thread).copied().unwrap_or(thread))
}

pub(super) fn parse(log: &str) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    let mut counts: HashMap<(u32, String), usize> = HashMap::new();
    let mut unfinished: HashMap<u32, usize> = HashMap::new();
    let processes = processes(log);
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
        let process = processes.get(&thread).copied().unwrap_or(thread);
        calls.push(Call { thread, process, name, arguments, result, ordinal: *count });
    }
    calls
}

/// The process of each thread that another started.
fn processes(log: &str) -> HashMap<u32, u32> {
    let mut parents: HashMap<u32, u32> = HashMap::new();
    let mut started = HashMap::new();
    for line in log.lines() {
        let Some((thread, event)) = line.split_once(' ') else { continue };
        let (Ok(thread), event) = (thread.parse::<u32>(), event.trim_start()) else { continue };
        let event = event.trim_start_matches("<... ");
        if !event.starts_with("clone") {
            continue;
        }
        // Its arguments are told when it begins, its answer when it is done.
        let in_process = *started.entry(thread).or_insert_with(|| event.contains("CLONE_THREAD"));
        if event.ends_with("<unfinished ...>") {
            continue;
        }
        started.remove(&thread);
        let new = result(event).split_whitespace().next().and_then(|new| new.parse().ok());
        if let (Some(new), true) = (new, in_process) {
            parents.insert(new, thread);
        }
    }
    let main = |mut thread: u32| {
        while let Some(&parent) = parents.get(&thread) {
            thread = parent;
        }
        thread
    };
    parents.keys().map(|&thread| (thread, main(thread))).collect()
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
