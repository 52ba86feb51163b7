//! A hook is somebody's program. It can read the checkpoint, and that is all: each
//! misdeed is refused or stopped, soon, with an error that says which; before the
//! commit nothing is committed then, and after it the checkpoint is what it was.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use common::cases::Failures;
use serde_json::json;
use strongroom::{
    Checkpoint, CheckpointWriter, CheckpointWriterConfig, ComponentCause, ComponentFailure, ComponentHook,
    Error, HookArguments, HookContext, HookError, HookLimits, LocalBarrier, Result, StateDict, Tensor,
    WriterHook,
};

/// What a misdeed must end in.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    /// The host refused it, and the hook was told so: its error has this in it.
    Refused(&'static str),
    Deadline,
    Memory,
    Output,
    Handles,
    Exited(i32),
    Trapped(&'static str),
}
use End::{Deadline, Exited, Handles, Memory, Output, Refused, Trapped};

/// What the host says of what may not be: `EPERM`.
const NO: End = Refused("not-permitted");
const NOT_PERMITTED: End = Refused("Operation not permitted");

const CHANGES: &[(&str, End)] = &[
    ("overwrite a file", NOT_PERMITTED),
    ("append to a file", NOT_PERMITTED),
    ("truncate a file", NOT_PERMITTED),
    ("shorten a file that is open to read", Refused("os error")),
    ("write to a file that is open to read", Refused("os error")),
    ("create a file", NOT_PERMITTED),
    ("create a record", NOT_PERMITTED),
    ("create a directory", NOT_PERMITTED),
    ("remove a file", NOT_PERMITTED),
    ("remove the directory", NOT_PERMITTED),
    ("rename a file", NOT_PERMITTED),
    ("link a file", NOT_PERMITTED),
    ("write to a hidden place", Refused("os error")),
    ("raw: open to write", NO),
    ("raw: open to create", NO),
    ("raw: open to truncate", NO),
    ("raw: open the directory to change it", NO),
    ("raw: change a directory that was opened again", NO),
    ("raw: write", NO),
    ("raw: write as a stream", NO),
    ("raw: append as a stream", NO),
    ("raw: set a length", NO),
    ("raw: set times", NO),
    ("raw: set times by name", NO),
    ("raw: create a directory", NO),
    ("raw: create a symbolic link", NO),
    ("raw: create a link", NO),
    ("raw: rename", NO),
    ("raw: remove", NO),
    ("raw: remove a directory", NO),
];

const REACHES: &[(&str, End)] = &[
    ("read /etc/passwd", Refused("os error")),
    ("read ../secret", Refused("os error")),
    ("read /checkpoint/../secret", NOT_PERMITTED),
    ("read at the host /etc/passwd", NO),
    ("read at the host ../secret", NO),
    ("read at the host ./.././secret", NO),
    ("look around", Refused("0 variables, 0 arguments, 0 bytes of input, [\"/checkpoint\"]")),
    ("connect", Refused("Permission denied")),
    ("listen", Refused("Permission denied")),
    ("send", Refused("Permission denied")),
    ("resolve", Refused("failed to lookup address")),
];

/// Links that lead out of the checkpoint: their names, where they lead, and what is
/// read there. In the place of `{outside}` stands a directory with a file `secret`.
const LINKS: &[(&str, &str, &str)] = &[
    ("absolute", "{outside}/secret", "absolute"),
    ("relative", "../outside/secret", "relative"),
    ("directory", "{outside}", "directory/secret"),
    ("above", "..", "above/outside/secret"),
    ("chained", "relative", "chained"),
];

const GREED: &[(&str, End)] = &[
    ("draw all random bytes", Trapped("")),
    ("hog", Memory),
    ("recurse", Trapped("")),
    ("print without end", Output),
    ("hold files without end", Handles),
    ("hold timers without end", Handles),
    ("an error without end", Refused("xxxx")),
    ("exit well", Exited(0)),
    ("exit badly", Exited(1)),
    ("abort", Trapped("unreachable")),
    ("panic", Trapped("unreachable")),
];

/// What only time ends.
const DELAYS: &[(&str, End)] = &[
    ("loop", Deadline),
    ("sleep", Deadline),
    ("wait in the host again and again", Deadline),
    ("draw random bytes without end", Deadline),
    ("print without end whatever is said", Deadline),
];

/// Limits in which every honest hook does its work, and every other is stopped
/// before the test is.
const LIMITS: HookLimits =
    HookLimits { memory: 64 << 20, deadline: Duration::from_secs(20), output: 64 << 10, handles: 64 };

/// For what only the deadline ends; honest ranks beside it keep it on a busy machine.
const SHORT: HookLimits = HookLimits { deadline: Duration::from_secs(1), ..LIMITS };

static HOSTILE: LazyLock<ComponentHook> = LazyLock::new(|| {
    let component = common::component::build("strongroom-hostile-hook");
    ComponentHook::from_bytes("hostile", &component).unwrap().limited(LIMITS)
});

#[test]
fn nothing_of_a_checkpoint_can_be_changed() {
    each(CHANGES, LIMITS);
}

#[test]
fn nothing_outside_of_a_checkpoint_can_be_reached() {
    each(REACHES, LIMITS);
}

#[test]
fn more_than_its_limits_a_hook_does_not_get() {
    each(GREED, LIMITS);
}

#[test]
fn a_hook_that_does_not_end_is_ended() {
    each(DELAYS, SHORT);
}

#[test]
fn links_do_not_lead_out_of_the_checkpoint() {
    let mut failures = Failures::default();
    for &(name, _, path) in LINKS {
        let plant: Plant = |directory| {
            let outside = directory.parent().unwrap().join("outside");
            fs::create_dir_all(&outside).unwrap();
            fs::write(outside.join("secret"), "secret").unwrap();
            for (name, target, _) in LINKS {
                let target = target.replace("{outside}", outside.to_str().unwrap());
                symlink(target, directory.join(name)).unwrap();
            }
        };
        for misdeed in [format!("read /checkpoint/{path}"), format!("read at the host {path}")] {
            let (result, _) = attempt(&misdeed, "pre-commit", LIMITS, Some(plant), 0);
            let refused = matches!(cause(&result, false), Some(ComponentCause::Returned(text))
                if text.contains("not permitted") || text.contains("not-permitted"));
            if !refused {
                failures.add(name, format!("{misdeed}: {result:?}"));
            }
        }
    }
    failures.check();
}

/// Nobody writes into the pipe, so whoever opens it waits in the kernel, where
/// neither the sandbox nor its timer reaches.
#[test]
fn a_read_that_never_ends_holds_up_no_save() {
    let directory = tempfile::tempdir().unwrap();
    let plant: Plant = |directory| {
        let made = std::process::Command::new("mkfifo").arg(directory.join("pipe")).status().unwrap();
        assert!(made.success());
    };
    let watched = Watched::new(SHORT, Some(plant));
    let start = Instant::now();
    let arguments = arguments("pre-commit", "read /checkpoint/pipe", 0);
    let result =
        writer(LocalBarrier::single(), watched).write(directory.path().join("step-1"), &state(), &arguments);
    assert!(matches!(cause(&result, false), Some(ComponentCause::Deadline(_))), "{result:?}");
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn nothing_arrives_where_it_would_send() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_nonblocking(true).unwrap();
    let ports = [listener.local_addr().unwrap().port(), socket.local_addr().unwrap().port()];
    for (misdeed, port) in ["connect", "send"].into_iter().zip(ports) {
        let (result, _) = attempt(misdeed, "pre-commit", LIMITS, None, port);
        assert!(matches!(cause(&result, false), Some(ComponentCause::Returned(_))), "{result:?}");
    }
    assert!(listener.accept().is_err() && socket.recv(&mut [0; 8]).is_err());
}

/// Whoever it is on, all ranks fail before the commit, at once, and can say why.
#[test]
fn one_hostile_rank_fails_all_before_the_commit() {
    for (misdeed, said) in [
        ("overwrite a file", "Operation not permitted"),
        ("loop", "stopped at its deadline of 1s"),
        ("panic", "this is too much"),
        ("hog", "wanted more than its 67108864 bytes of memory"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("step-1");
        let results = over_ranks(3, &path, "pre-commit", misdeed);
        for (rank, result) in results.iter().enumerate() {
            let Err(Error::Rank { rank: 1, source }) = result else {
                panic!("{misdeed}: rank {rank}: {result:?}")
            };
            let text = source.to_string();
            let before = "the hook `hostile` failed before the commit: ";
            assert!(text.contains(before) && text.contains(said), "{misdeed}: rank {rank}: {text}");
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "{misdeed}");
    }
}

#[test]
fn one_hostile_rank_after_the_commit_is_the_only_one_that_fails() {
    for misdeed in ["remove the directory", "sleep", "exit well"] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("step-1");
        let results = over_ranks(3, &path, "post-commit", misdeed);
        let failed: Vec<usize> = (0..3).filter(|&rank| results[rank].is_err()).collect();
        assert_eq!(failed, [1], "{misdeed}: {results:?}");
        let text = results[1].as_ref().unwrap_err().to_string();
        assert!(text.contains("failed after the commit, and the checkpoint is there: "), "{misdeed}: {text}");
        Checkpoint::open(&path).unwrap().verify().unwrap();
    }
}

/// Tries each misdeed before the commit and after it.
fn each(misdeeds: &[(&str, End)], limits: HookLimits) {
    let mut failures = Failures::default();
    for &(misdeed, end) in misdeeds {
        for moment in ["pre-commit", "post-commit"] {
            let start = Instant::now();
            let (result, path) = attempt(misdeed, moment, limits, None, 9);
            let committed = moment == "post-commit";
            match cause(&result, committed) {
                None => failures.add(misdeed, format!("{moment}: {result:?}")),
                Some(cause) if !is(cause, end) => {
                    failures.add(misdeed, format!("{moment}: expected {end:?}, found {cause:?}"));
                }
                Some(_) => {}
            }
            let text = result.as_ref().map_or_else(ToString::to_string, |()| String::new());
            if text.contains(|c: char| c.is_control() && c != '\n') || text.len() > 20_000 {
                failures.add(misdeed, format!("{moment}: an error for no terminal: {} bytes", text.len()));
            }
            if committed {
                Checkpoint::open(path.path().join("step-1")).unwrap().verify().unwrap();
            } else if fs::read_dir(path.path()).unwrap().count() != 0 {
                failures.add(misdeed, "something was left");
            }
            if start.elapsed() > SOON {
                failures.add(misdeed, format!("{moment}: took {:?}", start.elapsed()));
            }
        }
    }
    failures.check();
}

/// Under 20 s, on a busy machine too: nothing but a deadline takes a second.
const SOON: Duration = Duration::from_secs(10);

fn is(cause: &ComponentCause, end: End) -> bool {
    match (cause, end) {
        (ComponentCause::Returned(text), Refused(part)) => text.contains(part),
        (ComponentCause::Trapped(text), Trapped(part)) => text.contains(part),
        (ComponentCause::Exited(status), Exited(expected)) => *status == expected,
        (ComponentCause::Deadline(_), Deadline)
        | (ComponentCause::Memory(_), Memory)
        | (ComponentCause::Output(_), Output)
        | (ComponentCause::Handles(_), Handles) => true,
        _ => false,
    }
}

/// Why the component failed, if it did so at this moment.
fn cause(result: &Result<()>, expected: bool) -> Option<&ComponentCause> {
    let Err(Error::Hook { committed, source, .. }) = result else { return None };
    let failure = source.downcast_ref::<ComponentFailure>().filter(|_| *committed == expected)?;
    Some(&failure.cause)
}

/// One save of one rank, in a directory that is its own.
fn attempt(
    misdeed: &str,
    moment: &str,
    limits: HookLimits,
    plant: Option<Plant>,
    port: u16,
) -> (Result<()>, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let watched = Watched::new(limits, plant);
    let changed = watched.changed.clone();
    let arguments = arguments(moment, misdeed, port);
    let path = directory.path().join("step-1");
    let result = writer(LocalBarrier::single(), watched).write(&path, &state(), &arguments);
    assert_eq!(*changed.lock().unwrap(), None, "{misdeed}");
    (result, directory)
}

fn over_ranks(world_size: usize, path: &Path, moment: &str, misdeed: &str) -> Vec<Result<()>> {
    let mut arguments = arguments(moment, misdeed, 9);
    arguments.insert("rank".into(), 1.into());
    let arguments = &arguments;
    thread::scope(|scope| {
        let ranks: Vec<_> = LocalBarrier::world(world_size)
            .into_iter()
            .map(|barrier| {
                let hook = HOSTILE.clone().limited(SHORT);
                let write = move || {
                    let writer = CheckpointWriter::new(config(), Arc::new(barrier))?;
                    writer.with_hook(Arc::new(hook)).write(path, &state(), arguments)
                };
                scope.spawn(write)
            })
            .collect();
        ranks.into_iter().map(|rank| rank.join().unwrap()).collect()
    })
}

fn arguments(moment: &str, misdeed: &str, port: u16) -> HookArguments {
    HookArguments::from([(moment.to_owned(), json!(misdeed)), ("port".into(), json!(port))])
}

fn writer(barrier: LocalBarrier, hook: Watched) -> CheckpointWriter {
    CheckpointWriter::new(config(), Arc::new(barrier)).unwrap().with_hook(Arc::new(hook))
}

fn config() -> CheckpointWriterConfig {
    CheckpointWriterConfig { durable: false, ..CheckpointWriterConfig::default() }
}

fn state() -> StateDict<'static> {
    let mut state = StateDict::new();
    state.insert("weight", Tensor::from_vec(vec![1u8; 4096], &[64, 64]).unwrap());
    state
}

/// Puts something into the checkpoint's directory before the hook is called.
type Plant = fn(&Path);

/// The hostile hook, with a look at the checkpoint before and after.
#[derive(Debug)]
struct Watched {
    hook: ComponentHook,
    plant: Option<Plant>,
    changed: Arc<Mutex<Option<String>>>,
}

impl Watched {
    fn new(limits: HookLimits, plant: Option<Plant>) -> Self {
        Self { hook: HOSTILE.clone().limited(limits), plant, changed: Arc::default() }
    }

    fn call(
        &self,
        checkpoint: &HookContext<'_>,
        call: impl FnOnce(&ComponentHook) -> std::result::Result<(), HookError>,
    ) -> std::result::Result<(), HookError> {
        let directory = checkpoint.directory.unwrap();
        if let Some(plant) = self.plant {
            plant(directory);
        }
        let before = look(directory);
        let called = call(&self.hook);
        let after = look(directory);
        if before != after {
            *self.changed.lock().unwrap() = Some(format!("{before:?} became {after:?}"));
        }
        called
    }
}

impl WriterHook for Watched {
    fn name(&self) -> &str {
        self.hook.name()
    }

    fn pre_commit(&self, checkpoint: &HookContext<'_>) -> std::result::Result<(), HookError> {
        self.call(checkpoint, |hook| hook.pre_commit(checkpoint))
    }

    fn post_commit(&self, checkpoint: &HookContext<'_>) -> std::result::Result<(), HookError> {
        self.call(checkpoint, |hook| hook.post_commit(checkpoint))
    }
}

/// All that is in a directory: names, modes, times, and the bytes of files.
fn look(directory: &Path) -> BTreeMap<PathBuf, (u32, i64, i64, Vec<u8>)> {
    let itself = [(directory.to_path_buf(), fs::symlink_metadata(directory).unwrap())];
    let entries = fs::read_dir(directory).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        (path, metadata)
    });
    itself
        .into_iter()
        .chain(entries)
        .map(|(path, metadata)| {
            let bytes = if metadata.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
            (path, (metadata.mode(), metadata.mtime(), metadata.mtime_nsec(), bytes))
        })
        .collect()
}
