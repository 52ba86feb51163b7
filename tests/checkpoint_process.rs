//! A checkpoint written by a process of its own is the one that this process would
//! have written, and costs neither process anything that stays.

mod common;

use std::fs;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::cases::{self, Failures};
use common::process::{self, built, comes_within, wait_for};
use common::same::same;
use strongroom::{
    Checkpoint, CheckpointProcess, CheckpointProcessConfig, CheckpointProgram, CheckpointStager,
    CheckpointStagerConfig, CheckpointWriter, CheckpointWriterConfig, CheckpointWriterSpec, Error, File,
    HookArguments, StateDict, Tensor,
};

#[test]
fn every_state_dict_becomes_the_file_that_it_becomes_here() {
    let directory = tempfile::tempdir().unwrap();
    let process = start(&fast(false));
    process.ping(Duration::from_secs(10)).unwrap();
    let (mut stager, mut failures) = (stager(), Failures::default());
    let here = CheckpointWriter::single().unwrap();
    for case in cases::good() {
        let state = strongroom::map(&case.file).unwrap();
        let paths = ["there", "here"].map(|place| directory.path().join(place).join(&case.name));
        let there = process.write(&paths[0], &stager.stage(&state).unwrap(), &HookArguments::new());
        let both = [there, here.write(&paths[1], &state, &HookArguments::new())];
        match both.map(|done| done.map_err(|error| error.to_string())) {
            [Ok(()), Ok(())] => {
                let [there, here] = paths.map(|path| fs::read(path.join("checkpoint_0.pt")).unwrap());
                if there != here {
                    failures.add(&case.name, "another file");
                }
            }
            [Err(there), Err(here)] if there == here.replace("/here/", "/there/") => {}
            both => failures.add(&case.name, format!("{both:?}")),
        }
    }
    failures.check();
    process.close().unwrap();
}

#[test]
fn shares_are_written_as_here() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("checkpoint");
    let state = strongroom::load(cases::good_named("full_checkpoint").file).unwrap();
    let process = start(&fast(false));
    process.write_shared(&path, &stager().stage(&state).unwrap(), &HookArguments::new()).unwrap();
    let merged = directory.path().join("merged.pt");
    strongroom::save(&merged, &Checkpoint::open(&path).unwrap().merged().unwrap()).unwrap();
    assert_eq!(same(&state, &strongroom::load(&merged).unwrap()), Ok(()));
    process.close().unwrap();
}

#[test]
fn a_large_payload_is_not_copied() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("checkpoint");
    let length = 100 << 20;
    let elements: Vec<u32> = (0..length / 4).collect();
    let mut state = StateDict::new();
    state.insert("weight", Tensor::from_slice(&elements, &[u64::from(length / 4)]).unwrap());
    let (process, mut stager) = (start(&fast(false)), stager());
    let id = process.process_id().unwrap();
    // What a first write needs besides.
    process
        .write(
            directory.path().join("small"),
            &stager.stage(&StateDict::new()).unwrap(),
            &HookArguments::new(),
        )
        .unwrap();
    let before = process::own_memory(id);
    process.write(&path, &stager.stage(&state).unwrap(), &HookArguments::new()).unwrap();
    let grown = process::own_memory(id).saturating_sub(before);
    assert!(grown < 20 << 20, "{grown} bytes");
    let file = File::open(path.join("checkpoint_0.pt")).unwrap();
    assert_eq!(file.verify().unwrap().bytes, u64::from(length));
    assert!(file.load().unwrap().tensor("weight").unwrap().as_slice::<u32>().unwrap() == elements);
    process.close().unwrap();
}

#[test]
fn memory_that_is_gone_here_is_gone_there() {
    let directory = tempfile::tempdir().unwrap();
    let process = start(&fast(true));
    let id = process.process_id().unwrap();
    for length in 1..20 {
        // A stager of its own each time, and one that has to grow.
        let mut stager = stager();
        for length in [1000 * length, 3000 * length] {
            let mut state = StateDict::new();
            state.insert("weight", Tensor::from_vec(vec![1u8; length], &[length as u64]).unwrap());
            process
                .write(
                    directory.path().join("checkpoint"),
                    &stager.stage(&state).unwrap(),
                    &HookArguments::new(),
                )
                .unwrap();
        }
    }
    let maps = fs::read_to_string(format!("/proc/{id}/maps")).unwrap();
    let mapped = maps.lines().filter(|line| line.contains("memfd:strongroom-staging")).count();
    assert_eq!(mapped, 1);
    process.close().unwrap();
}

#[test]
fn a_failed_write_says_what_it_would_say_here_and_the_next_one_works() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("checkpoint");
    let (process, mut stager) = (start(&fast(false)), stager());
    let id = process.process_id();
    let staged = stager.stage(&StateDict::new()).unwrap();
    let arguments = HookArguments::new();
    process.write(&path, &staged, &arguments).unwrap();
    let error = process.write(&path, &staged, &arguments).unwrap_err();
    assert!(matches!(&error, Error::Exists { path: there } if *there == path), "{error}");
    let error = process.write(Path::new("/proc/nowhere/checkpoint"), &staged, &arguments).unwrap_err();
    assert!(error.to_string().starts_with("/proc/nowhere"), "{error}");
    process.write(directory.path().join("other"), &staged, &arguments).unwrap();
    assert_eq!(process.process_id(), id, "it was started anew");
    process.close().unwrap();
}

#[test]
fn what_is_not_in_shared_memory_is_refused() {
    let process = start(&fast(false));
    let mut stager = CheckpointStager::new(CheckpointStagerConfig { use_shared_memory: false });
    let staged = stager.stage(&StateDict::new()).unwrap();
    let error = process.write("checkpoint", &staged, &HookArguments::new()).unwrap_err();
    assert_eq!(error.to_string(), "a checkpoint process writes what was staged with `use_shared_memory`");
    process.close().unwrap();
}

#[test]
fn it_is_not_in_the_group_that_is_interrupted() {
    let process = start(&fast(false));
    let id = process.process_id().unwrap();
    assert_eq!(process::group(id), id);
    process.close().unwrap();
}

#[test]
fn closed_it_is_gone_and_writes_are_errors() {
    let process = start(&fast(false));
    let id = process.process_id().unwrap();
    process.close().unwrap();
    assert!(!process::exists(id));
    assert_eq!(process.process_id(), None);
    let staged = stager().stage(&StateDict::new()).unwrap();
    let error = process.write("checkpoint", &staged, &HookArguments::new()).unwrap_err();
    assert_eq!(error.to_string(), "the checkpoint process was closed");
    process.close().unwrap();
}

#[test]
fn dropped_it_ends_by_itself_and_is_no_zombie() {
    let process = start(&fast(false));
    let id = process.process_id().unwrap();
    drop(process);
    wait_for("its end", || !process::exists(id));
}

#[test]
fn programs_that_are_something_else_are_errors() {
    let directory = tempfile::tempdir().unwrap();
    let message = |program: &str, timeout: Duration| {
        let config = CheckpointProcessConfig {
            program: CheckpointProgram::Command(program.into()),
            subprocess_init_timeout: timeout,
            ..CheckpointProcessConfig::default()
        };
        CheckpointProcess::start(config, &fast(false)).unwrap_err().to_string()
    };
    let enough = Duration::from_secs(20);
    assert_eq!(
        message("/nowhere/strongroom", enough),
        "/nowhere/strongroom: cannot start as the checkpoint process: No such file or directory (os error 2)"
    );
    assert_eq!(message("false", enough), "the checkpoint process ended while it started (exit status: 1)");
    let error = message("ls", enough);
    assert!(error.starts_with("the checkpoint process ended while it started (exit status: 2)"), "{error}");
    assert!(error.contains("; its last words:\nls: cannot access 'checkpoint-process'"), "{error}");

    let script = directory.path().join("sleeps");
    fs::write(&script, "#!/bin/sh\necho $$ > $0.id\necho waiting for better days >&2\nexec sleep 600\n")
        .unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&script, executable).unwrap();
    let error = message(script.to_str().unwrap(), Duration::from_secs(1));
    assert_eq!(
        error,
        "the checkpoint process did not answer within 1 s while it started, and was killed; its last \
         words:\nwaiting for better days"
    );
    let id = fs::read_to_string(directory.path().join("sleeps.id")).unwrap();
    assert!(!process::exists(id.trim().parse().unwrap()));

    let script = directory.path().join("babbles");
    fs::write(&script, "#!/bin/sh\necho Good morning. >&0\nexec sleep 600\n").unwrap();
    fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let error = message(script.to_str().unwrap(), enough);
    assert!(error.starts_with("the checkpoint process gave no clear answer while it started"), "{error}");
}

#[test]
fn a_writer_that_cannot_be_made_is_an_error_of_the_start() {
    let spec = CheckpointWriterSpec {
        rank_info: strongroom::RankInfo::new(0, 2).unwrap(),
        ..CheckpointWriterSpec::default()
    };
    let error = CheckpointProcess::start(config(), &spec).unwrap_err().to_string();
    assert!(error.starts_with("2 ranks need a barrier to wait for each other"), "{error}");
}

#[test]
fn started_by_hand_it_says_so() {
    let mut command = Command::new(built("strongroom"));
    let output = command.arg("checkpoint-process").stdin(Stdio::null()).output().unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("is not started by hand"), "{error}");
}

/// Whoever is at the other end may be mad: it is told so and not obeyed.
#[test]
fn nonsense_ends_it_with_an_error() {
    let spec = serde_json::to_string(&fast(false)).unwrap();
    let mut init =
        vec![0, 1, u8::try_from(spec.len() & 0x7f | 0x80).unwrap(), u8::try_from(spec.len() >> 7).unwrap()];
    init.extend(spec.as_bytes());
    let mut messages: Vec<Vec<u8>> = vec![
        framed(&[]),
        framed(&[7, 7, 7]),
        u32::MAX.to_le_bytes().to_vec(),
        // Shorter than it says, and longer.
        [200, 0, 0, 0, 1, 2, 3].to_vec(),
        framed(&[&init[..], &[0]].concat()),
        // Another version; not the first message; twice.
        framed(&[0, 9, 0]),
        framed(&[1]),
        [framed(&init), framed(&init)].concat(),
        // Memory without a descriptor; a write of nothing.
        [framed(&init), framed(&[2, 0])].concat(),
        [framed(&init), framed(&[4])].concat(),
    ];
    let mut seed = 0x2545_f491u32;
    messages.extend((0..30).map(|length| {
        let bytes = (0..length * 3 + 1).map(|_| {
            seed ^= seed << 13;
            seed ^= seed >> 17;
            seed ^= seed << 5;
            seed.to_le_bytes()[1]
        });
        [framed(&init), bytes.collect()].concat()
    }));
    for message in messages {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let mut child = Command::new(built("strongroom"))
            .arg("checkpoint-process")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It may be gone before it has read all.
        let _ = ours.write_all(&message);
        let _ = ours.shutdown(std::net::Shutdown::Write);
        let ended = comes_within(Duration::from_secs(20), || child.try_wait().unwrap().is_some());
        let _ = child.kill();
        let output = child.wait_with_output().unwrap();
        assert!(ended, "{message:?} keeps it");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(matches!(output.status.code(), Some(3 | 5)), "{message:?}: {error}");
        assert!(error.starts_with("error: the checkpoint process "), "{message:?}: {error}");
    }
}

fn framed(body: &[u8]) -> Vec<u8> {
    [&u32::try_from(body.len()).unwrap().to_le_bytes()[..], body].concat()
}

fn start(spec: &CheckpointWriterSpec) -> CheckpointProcess {
    CheckpointProcess::start(config(), spec).unwrap()
}

fn config() -> CheckpointProcessConfig {
    let program = CheckpointProgram::Command(built("strongroom"));
    CheckpointProcessConfig { program, ..CheckpointProcessConfig::default() }
}

/// A world of one that need not survive a power cut.
fn fast(overwrite: bool) -> CheckpointWriterSpec {
    let writer = CheckpointWriterConfig { durable: false, overwrite, ..CheckpointWriterConfig::default() };
    CheckpointWriterSpec { writer, ..CheckpointWriterSpec::default() }
}

fn stager() -> CheckpointStager {
    CheckpointStager::new(CheckpointStagerConfig { use_shared_memory: true })
}
