//! strace: which calls a save makes that change files, and one of them disturbed.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// A call to the system, as strace wrote it down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub thread: u32,
    /// The main thread of its process.
    pub process: u32,
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
    /// This call and all later ones of its name, in each thread.
    Errors(&'static str),
    /// The process is stopped when the call is done.
    Stop,
    /// The thread is held before the call, for half a second.
    Hold,
}

/// A call that is to be disturbed, and how strace finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// What the call does, in words that are the same in each run: its name, its paths,
    /// and if it is not the first of these, which one.
    pub what: String,
    pub process: u32,
    pub trigger: Option<Trigger>,
}

/// The first thread that makes this call for the `ordinal`th time pulls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    pub name: String,
    pub ordinal: usize,
    /// Not the call itself but the one before it in its thread, and what that does:
    /// another thread would have come first to the call's own number.
    pub before: Option<String>,
}

impl Point {
    pub fn name(&self) -> &str {
        self.what.split(' ').next().unwrap_or_default()
    }

    /// The last of its paths.
    pub fn path(&self) -> &str {
        let paths = self.what.split(" (no. ").next().unwrap_or_default();
        paths.rsplit(' ').next().unwrap_or_default()
    }

    /// The same, whole.
    pub fn path_from(&self, root: &Path) -> PathBuf {
        match self.path() {
            "." => root.into(),
            path => match ABOVE.iter().position(|above| *above == path) {
                Some(above) => root.ancestors().nth(above + 1).unwrap_or(root).into(),
                None => root.join(path),
            },
        }
    }

    /// From 1.
    pub fn count(&self) -> usize {
        let count = self.what.split_once(" (no. ").and_then(|(_, count)| count.strip_suffix(')'));
        count.and_then(|count| count.parse().ok()).unwrap_or(1)
    }
}

impl Trigger {
    /// Whether it was meant for this call.
    pub fn is_pulled_by(&self, call: &Call, root: &Path) -> bool {
        self.before.as_ref().is_none_or(|before| *before == call.what_or_name(&root.to_string_lossy()))
    }
}

/// The command under strace, which writes to `log`.
pub fn traced(command: &Command, log: &Path, disturbed: Option<(&Trigger, Disturbance)>) -> Command {
    let mut strace = strace(log, disturbed);
    for (name, value) in command.get_envs() {
        // For the program, not for strace itself.
        let [name, value] = [Some(name), value].map(|text| text.unwrap_or_default().to_string_lossy());
        strace.arg("-E").arg(format!("{name}={value}"));
    }
    strace.arg("--").arg(command.get_program()).args(command.get_args());
    strace
}

/// strace on a process that runs already.
pub fn attached(process: u32, log: &Path, disturbed: Option<(&Trigger, Disturbance)>) -> Command {
    let mut strace = strace(log, disturbed);
    strace.args(["-p", &process.to_string()]);
    strace
}

fn strace(log: &Path, disturbed: Option<(&Trigger, Disturbance)>) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-s", "0", "-o"]).arg(log).arg("-e").arg(format!("trace={}", CALLS.join(",")));
    if let Some((Trigger { name, ordinal, .. }, disturbance)) = disturbed {
        let stays = matches!(disturbance, Disturbance::Errors(_));
        let disturbance = match disturbance {
            Disturbance::Kill => "signal=KILL".into(),
            Disturbance::Stop => "signal=STOP".into(),
            Disturbance::Hold => "delay_enter=500000".into(),
            Disturbance::Error(error) | Disturbance::Errors(error) => format!("error={error}"),
        };
        let on = if stays { "+" } else { "" };
        strace.arg("-e").arg(format!("inject={name}:{disturbance}:when={ordinal}{on}"));
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

/// The calls about something under `root`, each with the point it is. What it does is
/// said in words that are the same in each run, and no other call's in this one.
pub fn points<'c>(calls: &'c [Call], root: &Path) -> Vec<(&'c Call, Point)> {
    let root = root.to_string_lossy();
    let mut seen: HashMap<String, usize> = HashMap::new();
    let point = |(index, call): (usize, &'c Call)| {
        let what = call.what(&root)?;
        let count = seen.entry(what.clone()).or_default();
        *count += 1;
        let what = if *count > 1 { format!("{what} (no. {count})") } else { what };
        Some((call, Point { what, process: call.process, trigger: trigger(calls, index, &root) }))
    };
    calls.iter().enumerate().filter_map(point).collect()
}

/// How strace is told of a call, if it can be.
fn trigger(calls: &[Call], index: usize, root: &str) -> Option<Trigger> {
    let (earlier, call) = (calls.get(..index)?, calls.get(index)?);
    let first = |call: &Call, earlier: &[Call]| {
        !earlier.iter().any(|other| other.name == call.name && other.ordinal == call.ordinal)
    };
    if first(call, earlier) {
        return Some(Trigger { name: call.name.clone(), ordinal: call.ordinal, before: None });
    }
    let last = earlier.iter().rposition(|other| other.thread == call.thread)?;
    let (earlier, last) = (earlier.get(..last)?, earlier.get(last)?);
    let (name, ordinal) = (last.name.clone(), last.ordinal);
    first(last, earlier).then(|| Trigger { name, ordinal, before: Some(last.what_or_name(root)) })
}

/// The process that was stopped, once one is.
pub fn stopped(log: &Path) -> Option<u32> {
    let text = fs::read(log).ok()?;
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().find(|line| line.contains(" --- SIGSTOP {"))?;
    let thread = line.split(' ').next()?.parse().ok()?;
    Some(processes(&text).get(&thread).copied().unwrap_or(thread))
}

impl Call {
    /// What it does to files under `root`, or to the directories just above, if it does.
    fn what(&self, root: &str) -> Option<String> {
        let paths = self.paths();
        let here: Vec<_> = paths.iter().filter_map(|path| relative(path, root)).collect();
        (!here.is_empty()).then(|| format!("{} {}", self.name, here.join(" ")))
    }

    /// The same, or at least its name.
    fn what_or_name(&self, root: &str) -> String {
        self.what(root).unwrap_or_else(|| self.name.clone())
    }

    /// Whether it changes what is on disk.
    pub fn changes(&self) -> bool {
        self.name != "flock" && (!self.opens() || self.arguments.contains("O_CREAT"))
    }

    /// Whether it opens a file, to read it or to change it.
    pub fn opens(&self) -> bool {
        OPENING.contains(&&*self.name)
    }

    /// Whether it is the one that a trigger is about.
    pub fn is_at(&self, trigger: &Trigger) -> bool {
        self.name == trigger.name && self.ordinal == trigger.ordinal
    }

    /// Whether its thread died in it.
    pub fn is_last(&self) -> bool {
        self.result.starts_with('?')
    }

    /// Whether it answered what strace put in its place.
    pub fn is_injected(&self) -> bool {
        self.result.contains("(INJECTED)")
    }

    /// Whether a descriptor in it is that of the directory of the next path.
    fn takes_directory(&self) -> bool {
        self.name.ends_with("at") || self.name.ends_with("at2")
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
                if !self.takes_directory() {
                    paths.push(found.into());
                }
            } else if found.is_empty() {
                // What is written is not shown.
            } else if found.starts_with('/') {
                paths.push(found.into());
            } else if let Some(directory) = directory {
                paths.push(format!("{directory}/{found}"));
            }
        }
        paths
    }
}

/// A path as seen from `root`: under it, `.`, or one of the two directories above.
fn relative(path: &str, root: &str) -> Option<String> {
    let above = Path::new(root).ancestors().skip(1).zip(ABOVE);
    let above = above.filter(|(directory, _)| *directory == Path::new(path)).map(|(_, name)| name.into());
    let under = || {
        let rest = path.strip_prefix(root)?;
        (rest.is_empty() || rest.starts_with('/')).then(|| without_tokens(rest))
    };
    above.last().or_else(under)
}

/// The directory above, and the one above that.
const ABOVE: [&str; 2] = ["..", "../.."];

/// A path in which the parts of hidden names that are others each time are `*`.
fn without_tokens(path: &str) -> String {
    let token = |part: &str| {
        let is_number = part.bytes().all(|byte| byte.is_ascii_digit());
        let is_several =
            part.contains('-') && part.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        let is_random = part.len() == 16 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        (is_number || is_several || is_random) && !part.is_empty()
    };
    let part = |part: &str| -> String {
        match part.split_once('-') {
            _ if token(part) => "*".into(),
            // wasmtime's.
            Some(("wip", number)) if token(number) => "wip-*".into(),
            _ => part.into(),
        }
    };
    let component = |name: &str| name.split('.').map(part).collect::<Vec<_>>().join(".");
    match path.trim_start_matches('/') {
        "" => ".".into(),
        path => path.split('/').map(component).collect::<Vec<_>>().join("/"),
    }
}

/// All calls that change files, those that open them, and those that start threads.
const CALLS: [&str; 37] = [
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
    "clone",
    "clone3",
];
const OPENING: [&str; 3] = ["open", "openat", "openat2"];

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = r#"10  mkdir("/cache", 0777) = -1 EEXIST (File exists)
10  clone3({flags=CLONE_VM|CLONE_THREAD, exit_signal=0} <unfinished ...>
11  openat(AT_FDCWD</cwd>, "/run/.step-1.10-0.staging/.a = b.pt.10-7.partial", O_WRONLY|O_CREAT, 0666 <unfinished ...>
10  <... clone3 resumed> => {parent_tid=[11]}, 88) = 11
10  mkdir("/run/.step-1.10-0.staging", 0777) = 0
11  <... openat resumed>)             = 3</run/.step-1.10-0.staging/.a = b.pt.10-7.partial>
11  pwrite64(3</run/.step-1.10-0.staging/.a = b.pt.10-7.partial>, ""..., 9, 0) = 9
11  pwrite64(3</run/.step-1.10-0.staging/.a = b.pt.10-7.partial>, ""..., 9, 9) = -1 EIO (Input/output error) (INJECTED)
10  clone3({flags=CLONE_VM|CLONE_VFORK, exit_signal=SIGCHLD}, 88) = 12
12  pwrite64(1<pipe:[7]>, ""..., 1)         = 1
12  unlinkat(5</run/.step-0.ff00a7c309177745.removed>, "a.pt", 0) = 0
10  --- SIGSTOP {si_signo=SIGSTOP, si_code=SI_KERNEL} ---
10  --- stopped by SIGSTOP ---
10  openat(AT_FDCWD</cwd>, "/run", O_RDONLY|O_CLOEXEC) = 5</run>
10  fsync(5</run>)                    = ?
11  +++ killed by SIGKILL +++
"#;

    fn points() -> Vec<(Call, Point)> {
        let calls = parse(LOG);
        let points = super::points(&calls, Path::new("/run"));
        points.into_iter().map(|(call, point)| (call.clone(), point)).collect()
    }

    #[test]
    fn a_call_is_one_whether_or_not_another_came_between() {
        let calls = parse(LOG);
        let results: Vec<_> =
            calls.iter().filter(|call| call.name == "openat").map(|call| &*call.result).collect();
        assert_eq!(results, ["3</run/.step-1.10-0.staging/.a = b.pt.10-7.partial>", "5</run>"]);
        assert!(calls.iter().all(|call| !call.arguments.ends_with(')') && call.name != "+++"), "{calls:?}");
    }

    #[test]
    fn a_point_says_what_it_does_in_the_same_words_each_time() {
        let whats: Vec<_> = points().into_iter().map(|(_, point)| point.what).collect();
        let expected = [
            "openat .step-1.*.staging/.a = b.pt.*.partial",
            "mkdir .step-1.*.staging",
            "pwrite64 .step-1.*.staging/.a = b.pt.*.partial",
            "pwrite64 .step-1.*.staging/.a = b.pt.*.partial (no. 2)",
            "unlinkat .step-0.*.removed/a.pt",
            "openat .",
            "fsync .",
        ];
        assert_eq!(whats, expected);
        let (_, second) = &points()[3];
        assert_eq!((second.name(), second.count()), ("pwrite64", 2));
        let (_, first) = &points()[1];
        assert_eq!((first.path(), first.count()), (".step-1.*.staging", 1));
    }

    #[test]
    fn threads_are_of_the_process_that_started_them() {
        let processes: Vec<_> = points().into_iter().map(|(call, _)| (call.thread, call.process)).collect();
        assert_eq!(processes, [(11, 10), (10, 10), (11, 10), (11, 10), (12, 12), (10, 10), (10, 10)]);
    }

    #[test]
    fn what_happened_to_a_call_is_in_its_result() {
        let points = points();
        let injected = points.iter().filter(|(call, _)| call.is_injected()).map(|(_, point)| point.count());
        assert_eq!(injected.collect::<Vec<_>>(), [2]);
        let last: Vec<_> =
            points.iter().filter(|(call, _)| call.is_last()).map(|(_, point)| &*point.what).collect();
        assert_eq!(last, ["fsync ."]);
        let changing = points.iter().filter(|(call, _)| call.changes()).count();
        assert_eq!(changing, points.len() - 1, "an open file that is read is not changed");
    }

    #[test]
    fn a_trigger_is_the_number_of_a_call_in_its_thread() {
        let call = |thread, name: &str, ordinal| Call {
            thread,
            process: 1,
            name: name.into(),
            arguments: "\"/run/a\"".into(),
            result: "0".into(),
            ordinal,
        };
        let calls = [
            call(1, "write", 1),
            call(2, "fsync", 1),
            call(2, "write", 1),
            call(1, "write", 2),
            call(3, "write", 1),
        ];
        let trigger = |index| {
            let trigger = trigger(&calls, index, "/run");
            trigger.map(|trigger| (trigger.name, trigger.ordinal, trigger.before))
        };
        assert_eq!(trigger(3), Some(("write".into(), 2, None)));
        // Thread 1 comes first to its own: the one before it is taken.
        assert_eq!(trigger(2), Some(("fsync".into(), 1, Some("fsync a".into()))));
        // And of a thread's first call there is none before.
        assert_eq!(trigger(4), None);
    }
}
