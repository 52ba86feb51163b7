//! How a checkpoint process ends, and how the one that started it does: there is a
//! whole checkpoint or none, and whoever is left knows why.

mod common;

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::process::{self, built, wait_for};
use strongroom::{
    BarrierConfig, Checkpoint, CheckpointProcess, CheckpointProcessConfig, CheckpointProgram,
    CheckpointStager, CheckpointStagerConfig, CheckpointWriterConfig, CheckpointWriterSpec, Error,
    HookArguments, RankInfo, StateDict, Tensor,
};

#[test]
fn a_process_that_is_killed_is_an_error_and_the_next_write_starts_it_anew() {
    let scene = Scene::new();
    let process = scene.process(&CheckpointWriterSpec::default(), None);
    let id = process.process_id().unwrap();
    let mut stager = stager();
    let staged = stager.stage(&state()).unwrap();
    thread::scope(|scope| {
        let write =
            scope.spawn(|| process.write(&scene.path, &staged, &scene.steps(&["say", "here", "until"])));
        wait_for("the write", || scene.here.exists());
        process::kill(id);
        let error = write.join().unwrap().unwrap_err().to_string();
        let expected = format!(
            "the checkpoint process ended while it wrote {} (signal: 9 (SIGKILL)); its last words:\n\
             as long as I live",
            scene.path.display()
        );
        assert_eq!(error, expected);
    });
    assert!(!scene.path.exists());
    assert_eq!(process.process_id(), None);

    process.write(&scene.path, &staged, &HookArguments::new()).unwrap();
    assert_ne!(process.process_id(), Some(id));
    scene.expect_whole();
    process.close().unwrap();
}

#[test]
fn a_crash_is_an_error_with_what_it_said() {
    let scene = Scene::new();
    let process = scene.process(&CheckpointWriterSpec::default(), None);
    let staged = stager().stage(&state()).unwrap();
    let error = process.write(&scene.path, &staged, &scene.steps(&["abort"])).unwrap_err();
    let Error::Process { reason, last_words } = &error else { panic!("{error}") };
    assert!(reason.starts_with("ended while it wrote ") && reason.contains("signal: 6"), "{error}");
    assert!(last_words.contains("nothing goes as planned"), "{error}");
    process.write(&scene.path, &staged, &HookArguments::new()).unwrap();
    scene.expect_whole();
    process.close().unwrap();
}

#[test]
fn one_that_died_between_writes_is_started_anew() {
    let scene = Scene::new();
    let process = scene.process(&CheckpointWriterSpec::default(), None);
    let staged = stager().stage(&state()).unwrap();
    let id = process.process_id().unwrap();
    process::kill(id);
    wait_for("its end", || !process::is_alive(id));
    process.write(&scene.path, &staged, &HookArguments::new()).unwrap();
    scene.expect_whole();
    process.close().unwrap();
}

#[test]
fn a_write_without_end_is_killed_when_it_may_only_take_so_long() {
    let scene = Scene::new();
    let timeout = Duration::from_secs(1);
    let process = scene.process(&CheckpointWriterSpec::default(), Some(timeout));
    let id = process.process_id().unwrap();
    let mut stager = stager();
    let staged = stager.stage(&state()).unwrap();
    let error = process.write(&scene.path, &staged, &scene.steps(&["until"])).unwrap_err().to_string();
    let expected =
        format!("the checkpoint process did not answer within 1 s while it wrote {}", scene.path.display());
    assert!(error.starts_with(&expected), "{error}");
    assert!(!process::exists(id), "it still looks at memory that is used again");
    process.write(&scene.path, &staged, &HookArguments::new()).unwrap();
    scene.expect_whole();
    process.close().unwrap();
}

#[test]
fn one_that_does_not_end_is_killed() {
    let scene = Scene::new();
    let barrier = BarrierConfig::new("files", &serde_json::json!({ "close_secs": 600.0 }));
    let spec = CheckpointWriterSpec { barrier, ..CheckpointWriterSpec::default() };
    let process = scene.process(&spec, None);
    let id = process.process_id().unwrap();
    let start = Instant::now();
    let error = process.close().unwrap_err().to_string();
    assert_eq!(error, "the checkpoint process did not answer within 2 s when it was to end, and was killed");
    assert!(start.elapsed() < Duration::from_secs(20));
    assert!(!process::exists(id));
}

#[test]
fn when_the_trainer_is_killed_the_checkpoint_is_still_committed() {
    let scene = Scene::new();
    let mut trainer = scene.trainer(&CheckpointWriterSpec::default(), &["here", "until"], &[]);
    wait_for("the write", || scene.here.exists());
    trainer.kill().unwrap();
    trainer.wait().unwrap();
    let id = fs::read_to_string(&scene.here).unwrap().parse().unwrap();
    assert!(process::is_alive(id));
    assert!(!scene.path.exists());

    fs::write(&scene.until, "").unwrap();
    wait_for("the end of the checkpoint process", || !process::is_alive(id));
    scene.expect_whole();
}

#[test]
fn when_the_trainer_is_killed_before_it_saves_there_is_nothing() {
    let scene = Scene::new();
    let mut trainer = scene.trainer(&CheckpointWriterSpec::default(), &["here"], &["die-before"]);
    assert!(!trainer.wait().unwrap().success());
    let output = trainer.wait_with_output().unwrap();
    let id = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
    wait_for("the end of the checkpoint process", || !process::is_alive(id));
    assert_eq!(scene.names(), [""; 0]);
}

#[test]
fn whenever_the_trainer_is_killed_there_is_a_whole_checkpoint_or_none() {
    let writer = CheckpointWriterConfig { durable: false, ..CheckpointWriterConfig::default() };
    let spec = CheckpointWriterSpec { writer, ..CheckpointWriterSpec::default() };
    let start = Instant::now();
    assert!(Scene::new().trainer(&spec, &[], &[]).wait().unwrap().success());
    let whole = start.elapsed();
    for twentieth in 0..20 {
        let scene = Scene::new();
        let mut trainer = scene.trainer(&spec, &[], &[]);
        thread::sleep(whole * twentieth / 20);
        let _ = trainer.kill();
        trainer.wait().unwrap();
        wait_for("the end of the checkpoint process", || process::working_in(scene.directory.path()) == 0);
        match scene.names().as_slice() {
            [] => {}
            [name] if name == "step-1" => scene.expect_whole(),
            names => panic!("there are {names:?}, {twentieth} twentieths of a save after its start"),
        }
    }
}

#[test]
fn when_all_others_are_gone_there_is_nothing() {
    let scene = Scene::new();
    let spec = scene.rank(0, 2);
    let mut trainer = scene.trainer(&spec, &["here", "until"], &[]);
    wait_for("the write", || scene.here.exists());
    trainer.kill().unwrap();
    trainer.wait().unwrap();
    let id = fs::read_to_string(&scene.here).unwrap().parse().unwrap();
    fs::write(&scene.until, "").unwrap();
    wait_for("the end of the checkpoint process", || !process::is_alive(id));
    assert_eq!(scene.names(), ["board", "here", "until"]);
}

#[test]
fn ranks_that_are_missing_are_named_on_this_side() {
    let scene = Scene::new();
    let spec = scene.rank(0, 3);
    let process = scene.process(&spec, None);
    let staged = stager().stage(&state()).unwrap();
    let error = process.write(&scene.path, &staged, &HookArguments::new()).unwrap_err();
    assert!(matches!(&error, Error::Missing { ranks, .. } if *ranks == [1, 2]), "{error}");
    assert_eq!(scene.names(), ["board"]);
    process.close().unwrap();
}

/// A process that was started anew must not take up a save that the others are past.
#[test]
fn one_that_is_started_anew_stands_in_the_next_save_with_the_others() {
    let scene = Scene::new();
    let processes = [0, 1].map(|rank| scene.process(&scene.rank(rank, 2), None));
    let save = |name: &str, steps: &[&str]| {
        let path = scene.directory.path().join(name);
        let write = |rank: usize, arguments: HookArguments| {
            let staged = stager().stage(&state()).unwrap();
            processes[rank].write(&path, &staged, &arguments)
        };
        thread::scope(|scope| {
            let other = scope.spawn(|| write(1, HookArguments::new()));
            let one = scope.spawn(|| write(0, scene.steps(steps)));
            if steps.contains(&"here") {
                wait_for("the write", || scene.here.exists());
                process::kill(fs::read_to_string(&scene.here).unwrap().parse().unwrap());
            }
            [one.join().unwrap(), other.join().unwrap()]
        })
    };
    save("step-1", &[]).into_iter().for_each(Result::unwrap);
    let [one, other] = save("step-2", &["here", "until"]).map(|saved| saved.unwrap_err());
    assert!(matches!(&one, Error::Process { .. }), "{one}");
    assert!(matches!(&other, Error::Missing { ranks, .. } if *ranks == [0]), "{other}");
    save("step-3", &[]).into_iter().for_each(Result::unwrap);
    assert_eq!(Checkpoint::open(scene.directory.path().join("step-3")).unwrap().world_size(), 2);
    assert!(!scene.directory.path().join("step-2").exists());
    for process in processes {
        process.close().unwrap();
    }
}

#[test]
fn a_trainer_that_ends_well_leaves_nobody() {
    let scene = Scene::new();
    let trainer = scene.trainer(&CheckpointWriterSpec::default(), &[], &[]);
    let output = trainer.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let id = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
    assert!(!process::exists(id));
    scene.expect_whole();
}

/// A program that starts itself and forgets to serve would start itself, and so on.
#[test]
fn a_program_that_does_not_serve_is_not_started_again_and_again() {
    let output = Command::new(built("examples/trainer")).env("FORGETFUL", "1").output().unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        error,
        "error: the checkpoint process ended while it started (exit status: 1); its last words:\n\
         error: the checkpoint process cannot be started: this is one itself (STRONGROOM_CHECKPOINT_PROCESS \
         is set), whose `main` should have called `serve_checkpoint_process` first\n"
    );
}

/// A directory for a checkpoint, and files by which a hook and a test meet.
struct Scene {
    directory: tempfile::TempDir,
    path: PathBuf,
    here: PathBuf,
    until: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let [path, here, until] = ["step-1", "here", "until"].map(|name| directory.path().join(name));
        Self { directory, path, here, until }
    }

    /// A process with the trainer's hook and barrier.
    fn process(&self, spec: &CheckpointWriterSpec, write_timeout: Option<Duration>) -> CheckpointProcess {
        let config = CheckpointProcessConfig {
            program: CheckpointProgram::Command(built("examples/trainer")),
            subprocess_shutdown_timeout: Duration::from_secs(2),
            write_timeout,
            ..CheckpointProcessConfig::default()
        };
        CheckpointProcess::start(config, spec).unwrap()
    }

    /// A rank that meets the others in a directory here, and does not wait long.
    fn rank(&self, rank: usize, world_size: usize) -> CheckpointWriterSpec {
        let board = self.directory.path().join("board");
        fs::create_dir_all(&board).unwrap();
        let write_barrier_timeout = Duration::from_secs(4);
        CheckpointWriterSpec {
            rank_info: RankInfo::new(rank, world_size).unwrap(),
            barrier: BarrierConfig::new("files", &serde_json::json!({ "directory": board })),
            writer: CheckpointWriterConfig { write_barrier_timeout, ..CheckpointWriterConfig::default() },
            ..CheckpointWriterSpec::default()
        }
    }

    fn trainer(&self, spec: &CheckpointWriterSpec, steps: &[&str], more: &[&str]) -> Child {
        let [spec, steps] = [serde_json::to_string(spec), serde_json::to_string(&self.steps(steps))];
        let child = Command::new(built("examples/trainer"))
            .arg(spec.unwrap())
            .arg(&self.path)
            .arg(steps.unwrap())
            .args(more)
            .current_dir(self.directory.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        child.unwrap()
    }

    /// What the hook is to do.
    fn steps(&self, names: &[&str]) -> HookArguments {
        let text = |name| match name {
            "say" => "as long as I live",
            "abort" => "nothing goes as planned",
            "here" => self.here.to_str().unwrap(),
            "until" => self.until.to_str().unwrap(),
            other => panic!("{other}"),
        };
        names.iter().map(|&name| (name.to_owned(), text(name).into())).collect()
    }

    fn expect_whole(&self) {
        let checkpoint = Checkpoint::open(&self.path).unwrap();
        checkpoint.verify().unwrap();
        let loaded = checkpoint.file(0).unwrap().load().unwrap();
        let weight = loaded.tensor("weight").unwrap();
        assert!(weight.as_slice::<u32>().unwrap().iter().copied().eq(0..1 << 20));
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn state() -> StateDict<'static> {
    let mut state = StateDict::new();
    state.insert("weight", Tensor::from_vec((0..1u32 << 20).collect(), &[1024, 1024]).unwrap());
    state
}

fn stager() -> CheckpointStager {
    CheckpointStager::new(CheckpointStagerConfig { use_shared_memory: true })
}
