//! A component that was taken over can lie, and nothing more: each lie ends in
//! an error, soon, with no file under the final name.

mod common;

use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use strongroom::store::{Local, Memory};
use strongroom::{
    Engine, Error, File, Limits, Report, Result, StateDict, Tensor, TorchOptions, ValidateOptions, Verdict,
    WriteFormat, WriteOptions, save_with, validate_in,
};

/// What a lie must end in.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    /// The host saw through it.
    Untrue,
    /// The sandbox was stopped.
    Stopped,
    /// One of the two, as the machine is fast or slow.
    UntrueOrStopped,
    /// It is an error that a component may give.
    Format,
    /// The operating system refused what the host asked in good faith.
    Io,
    /// The file would not be read as what was to be written.
    Unreadable,
}
use End::{Format, Io, Stopped, Unreadable, Untrue, UntrueOrStopped};

const LIES_IN_READING: &[(&str, End)] = &[
    ("fetch beyond the file", Untrue),
    ("fetch past the last offset", Untrue),
    ("fetch all there could be", Untrue),
    ("fetch no range", Untrue),
    ("fetch no bytes", Untrue),
    ("fetch the same forever", UntrueOrStopped),
    ("fetch a byte at a time forever", UntrueOrStopped),
    ("fetch a million times at once", UntrueOrStopped),
    ("no nodes at all", Untrue),
    ("a root that does not exist", Untrue),
    ("a page without nodes", Untrue),
    ("a page of too many nodes", Untrue),
    ("four billion nodes", UntrueOrStopped),
    ("strings without end", UntrueOrStopped),
    ("one string of a gigabyte", Stopped),
    ("a page without storages", Untrue),
    ("a page of too many storages", Untrue),
    ("four billion storages", UntrueOrStopped),
    ("a storage beyond the file", Untrue),
    ("a storage past the last offset", Untrue),
    ("numbers of no bytes", Untrue),
    ("numbers of three bytes", Untrue),
    ("numbers of more bytes than there are", Untrue),
    ("a list of a node that does not exist", Untrue),
    ("a key that does not exist", Untrue),
    ("a class that does not exist", Untrue),
    ("a tensor in a storage that does not exist", Untrue),
    ("a tensor longer than its storage", Untrue),
    ("a tensor that starts late", Untrue),
    ("a tensor that strides out", Untrue),
    ("a tensor of more elements than can be counted", Untrue),
    ("a tensor whose end cannot be counted", Untrue),
    ("a tensor with a stride too many", Untrue),
    ("a tree that doubles a hundred times", Untrue),
    ("lists far inside each other", Untrue),
    ("trap", Stopped),
    ("loop", Stopped),
    ("hog", Stopped),
    ("overflow the stack", Stopped),
    ("error of garbage", Format),
    ("error without end", Format),
];

const LIES_IN_WRITING: &[(&str, End)] = &[
    ("a file of all there could be", Untrue),
    ("a file of a petabyte", Untrue),
    ("a file that would fill the disk", Untrue),
    ("a file longer than its parts", Untrue),
    ("a file shorter than its parts", Untrue),
    ("nothing to seal where something is missing", Untrue),
    ("a page without segments", Untrue),
    ("a page of too many segments", Untrue),
    ("four billion segments", UntrueOrStopped),
    ("a segment beyond the file", Untrue),
    ("a segment past the last offset", Untrue),
    ("a segment over the slot", Untrue),
    ("a gap before the slot", Untrue),
    ("a gap at the start", Untrue),
    ("a page without slots", Untrue),
    ("a page of too many slots", Untrue),
    ("two slots in one place", Untrue),
    ("four billion slots", UntrueOrStopped),
    ("a slot beyond the file", Untrue),
    ("a slot past the last offset", Untrue),
    ("a slot shorter than its storage", Untrue),
    ("a slot longer than its storage", Untrue),
    ("a slot for a storage that does not exist", Untrue),
    ("a slot for a tensor outside its storage", Untrue),
    ("a slot for a tensor of another length", Untrue),
    ("a slot for a tensor without data", Untrue),
    ("a slot for a tensor of no elements and all dimensions", Untrue),
    ("another place", Unreadable),
    ("another device", Unreadable),
    ("a checksum", Unreadable),
    ("another order", Unreadable),
    ("no alignment", Unreadable),
    ("another shape", Unreadable),
    ("another dtype", Unreadable),
    ("values swapped", Unreadable),
    ("a value dropped", Unreadable),
    ("a value added", Unreadable),
    ("another key", Unreadable),
    ("trap at the seal", Stopped),
    ("loop at the seal", Stopped),
    ("sealed with nothing", Untrue),
    ("sealed with four billion segments", UntrueOrStopped),
    ("a seal beyond the file", Untrue),
    ("a seal over the payload", Untrue),
    ("a seal too short", Untrue),
    ("a seal of other bytes", Untrue),
    ("a page without seals", Untrue),
    ("trap", Stopped),
    ("loop", Stopped),
    ("hog", Stopped),
    ("overflow the stack", Stopped),
    ("error of garbage", Format),
    ("error without end", Format),
];

/// What a lie about a file is answered with: a finding of the host.
const LIES_IN_VALIDATING: &[(&str, &str)] = &[
    ("safe, with a finding", "SR-FILE-UNTRUE"),
    ("unsafe, with nothing found", "SR-FILE-UNTRUE"),
    ("only malformed", "SR-FILE-UNTRUE"),
    ("more findings than there are", "SR-FILE-UNTRUE"),
    ("fewer findings than there are", "SR-FILE-UNTRUE"),
    ("findings without end", "SR-FILE-UNTRUE"),
    ("a page of too many findings", "SR-FILE-UNTRUE"),
    ("a finding of a gigabyte", "SR-FILE-LIMIT"),
    ("a finding by a rule that is none", "SR-FILE-UNTRUE"),
    ("a finding of the host's", "SR-FILE-UNTRUE"),
    ("a payload beyond the file", "SR-FILE-UNTRUE"),
    ("a page without payloads", "SR-FILE-UNTRUE"),
    ("four billion payloads", "SR-FILE-UNTRUE"),
    ("a page without items", "SR-FILE-UNTRUE"),
    ("items of a gigabyte", "SR-FILE-LIMIT"),
    ("fetch beyond the file", "SR-FILE-UNTRUE"),
    ("fetch past the last offset", "SR-FILE-UNTRUE"),
    ("fetch no range", "SR-FILE-UNTRUE"),
    ("fetch no bytes", "SR-FILE-UNTRUE"),
    // As the machine is fast or slow.
    ("fetch the same forever", "SR-FILE-"),
    ("trap", "SR-FILE-LIMIT"),
    ("loop", "SR-FILE-LIMIT"),
    ("hog", "SR-FILE-LIMIT"),
    ("overflow the stack", "SR-FILE-LIMIT"),
    ("error of garbage", "SR-FILE-UNTRUE"),
    ("error without end", "SR-FILE-UNTRUE"),
];

/// Lies may cost the deadline and a little more, on a busy machine too.
const SOON: Duration = Duration::from_secs(3);

static LIAR: LazyLock<Engine> = LazyLock::new(|| liar(PATIENT));
static ENDLESS_LIAR: LazyLock<Engine> = LazyLock::new(|| liar(HASTY));

/// For what ends by itself, on a busy machine too, and for what does not.
const PATIENT: Duration = Duration::from_secs(60);
const HASTY: Duration = Duration::from_millis(200);

fn liar(deadline: Duration) -> Engine {
    let limits = Limits { memory: 64 << 20, deadline, ..Limits::default() };
    Engine::with_component(&common::component::build("strongroom-liar"), limits).unwrap()
}

/// The engine for a lie, and its deadline.
fn engine_for(lie: &str) -> (&'static Engine, Duration) {
    let endless = lie.contains("loop") || lie.contains("forever");
    if endless { (&ENDLESS_LIAR, HASTY) } else { (&LIAR, PATIENT) }
}

#[test]
fn without_a_lie_it_reads_and_writes() {
    let (result, _) = read("the truth");
    let state = result.unwrap();
    assert_eq!(state.tensor("[0]").unwrap().bytes().unwrap()[..], b"the trut"[..]);
    let directory = tempfile::tempdir().unwrap();
    write(&Local, &directory.path().join("truth"), "the truth").unwrap();
    assert_eq!(fs::read(directory.path().join("truth")).unwrap(), b"!!!!!!!!!!!!!!!!payload.!!!!!!!!");
}

#[test]
fn the_host_sees_through_each_lie_in_reading() {
    let mut failures = common::cases::Failures::default();
    for &(lie, end) in LIES_IN_READING {
        let (result, time) = read(lie);
        judge(lie, end, &result.map(drop), time, &mut failures);
    }
    failures.check();
}

/// No lie, but paths without end: as many as there are orders of twenty lists.
/// The host walks them all the same, each once, and finds nothing but lists.
#[test]
fn a_walk_through_lists_that_are_all_in_each_other_ends() {
    let (result, time) = read("lists that are all in each other");
    assert_eq!(result.unwrap().leaves().count(), 0);
    assert!(time < SOON, "{time:?}");
}

#[test]
fn the_host_sees_through_each_lie_in_writing_and_leaves_nothing() {
    let mut failures = common::cases::Failures::default();
    for &(lie, end) in LIES_IN_WRITING {
        let directory = tempfile::tempdir().unwrap();
        let start = Instant::now();
        let result = write(&Local, &directory.path().join("model"), lie);
        judge(lie, end, &result, start.elapsed(), &mut failures);
        let left: Vec<_> = fs::read_dir(directory.path()).unwrap().collect();
        if !left.is_empty() {
            failures.add(lie, format!("left {left:?}"));
        }
    }
    failures.check();
}

/// The file's length is the first thing a plan says, and the one a store acts on.
#[test]
fn a_store_in_memory_takes_no_lie_about_the_length() {
    for lie in ["a file of all there could be", "a file of a petabyte"] {
        let store = Memory::default();
        let result = write(&store, Path::new("model"), lie);
        assert!(result.is_err() && store.get("model").is_none(), "{lie}: {result:?}");
    }
}

/// What stands there already stands there still, whatever is said of its successor.
#[test]
fn the_old_file_survives_each_lie() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model");
    write(&Local, &path, "the truth").unwrap();
    let old = fs::read(&path).unwrap();
    for (lie, _) in LIES_IN_WRITING.iter().filter(|(_, end)| matches!(end, Untrue | Unreadable)) {
        write(&Local, &path, lie).unwrap_err();
        assert!(fs::read(&path).unwrap() == old, "{lie}");
    }
}

#[test]
fn no_lie_makes_a_file_safe() {
    let mut failures = common::cases::Failures::default();
    for &(lie, id) in LIES_IN_VALIDATING {
        let (report, time) = validate(lie);
        let last = report.findings.last().map(|finding| finding.id.as_str()).unwrap_or_default();
        if report.verdict == Verdict::Safe || !last.starts_with(id) {
            failures.add(lie, format!("expected {id}, found {report:?}"));
        }
        if time > SOON {
            failures.add(lie, format!("took {time:?}"));
        }
    }
    failures.check();
}

/// What is known of a file when the sandbox is stopped stays known.
#[test]
fn findings_from_before_a_misdeed_are_kept() {
    for misdeed in ["trap", "loop", "hog"] {
        let (report, _) = validate(&format!("a finding, then {misdeed}"));
        let ids: Vec<&str> = report.findings.iter().map(|finding| finding.id.as_str()).collect();
        assert_eq!(ids, ["SR-LIAR-UNSAFE", "SR-FILE-LIMIT"], "{misdeed}");
        assert_eq!(report.verdict, Verdict::Unsafe, "{misdeed}");
    }
}

#[test]
fn a_validator_that_tells_the_truth_is_believed() {
    let (report, _) = validate("the truth");
    assert_eq!((report.verdict, report.findings.len()), (Verdict::Unsafe, 1));
    let (report, _) = validate("safe, with nothing found");
    assert_eq!((report.verdict, report.findings.len()), (Verdict::Safe, 0));
    let (report, _) = validate("a finding beyond the file");
    assert_eq!(report.findings[0].offset, 64, "no reader of the report is sent beyond the file");
}

#[test]
fn a_component_that_imports_something_does_not_link() {
    // A component of two sections: the type of a function without parameters and
    // results, and the import of one such function, `peek`.
    let nosy = b"\0asm\x0d\0\x01\0\x07\x05\x01\x40\0\x01\0\x0a\x09\x01\0\x04peek\x01\0";
    let error = Engine::with_component(nosy, Limits::default()).unwrap_err();
    assert!(matches!(error, Error::Setup(_)) && error.to_string().contains("peek"), "{error}");
}

#[test]
fn a_component_that_exports_nothing_does_not_link() {
    let empty = b"\0asm\x0d\0\x01\0";
    let error = Engine::with_component(empty, Limits::default()).unwrap_err();
    assert!(matches!(error, Error::Setup(_)), "{error}");
    let error = Engine::with_component(b"no component at all", Limits::default()).unwrap_err();
    assert!(matches!(error, Error::Setup(_)), "{error}");
}

/// Has the liar read a file whose content is the name of the lie, and walks what
/// it says the file holds.
fn read(lie: &str) -> (Result<StateDict<'static>>, Duration) {
    let (engine, _) = engine_for(lie);
    let store = Memory::default();
    store.insert("file", format!("{lie:<64}"));
    let start = Instant::now();
    let state = File::open_in(engine, &store, Path::new("file")).and_then(|file| file.load());
    // Walking it is part of reading: a tree can be small and have no end.
    if let Ok(state) = &state {
        assert!(state.leaves().take(1000).count() < 1000);
    }
    (state, start.elapsed())
}

/// Has the liar judge a file whose content is the name of the lie.
fn validate(lie: &str) -> (Report, Duration) {
    let store = Memory::default();
    store.insert("file", format!("{lie:<64}"));
    let (engine, timeout) = engine_for(lie);
    let options = ValidateOptions { memory: 64 << 20, timeout, deep: true, ..ValidateOptions::default() };
    let start = Instant::now();
    let report = validate_in(engine, &store, Path::new("file"), &options).unwrap();
    (report, start.elapsed())
}

/// Has the liar lay out a file of one storage, and read it again.
fn write(store: &dyn strongroom::store::Store, path: &Path, lie: &str) -> Result<()> {
    let mut state = StateDict::new();
    state.insert("tensor", Tensor::from_slice(b"payload.", &[8])?);
    state.insert("one", 1);
    state.insert("two", 2);
    // The liar computes none.
    let checksums = false;
    let file_name = Some(lie.into());
    let format = WriteFormat::Torch(TorchOptions { file_name, checksums, ..TorchOptions::default() });
    save_with(engine_for(lie).0, store, path, &state, &WriteOptions { format, durable: false }).map(drop)
}

fn judge(lie: &str, end: End, result: &Result<()>, time: Duration, failures: &mut common::cases::Failures) {
    let Err(error) = result else { return failures.add(lie, "was believed") };
    let seen = match error {
        Error::Untrue { .. } => Untrue,
        Error::Stopped { .. } => Stopped,
        Error::Format { .. } => Format,
        Error::Io { .. } => Io,
        Error::Unreadable { .. } => Unreadable,
        _ => return failures.add(lie, error),
    };
    if seen != end && !(end == UntrueOrStopped && matches!(seen, Untrue | Stopped)) {
        failures.add(lie, format!("expected {end:?}, found {error}"));
    }
    if time > SOON {
        failures.add(lie, format!("took {time:?}"));
    }
    let text = error.to_string();
    if text.contains(|c: char| c.is_control() && c != '\n') {
        failures.add(lie, "the error would control a terminal");
    }
}
