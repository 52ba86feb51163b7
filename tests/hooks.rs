//! What hooks are called for, in which order, and what their errors do: first
//! hooks in Rust, then those that are components.

mod common;

use std::fs;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use strongroom::store::Memory;
use strongroom::{
    Checkpoint, CheckpointWriter, CheckpointWriterConfig, ComponentCause, ComponentFailure, ComponentHook,
    Engine, Error, File, HookArguments, HookContext, HookError, HookLimits, LocalBarrier, Result, StateDict,
    Tensor, WriterHook,
};

/// Far below the barrier's deadline, far above what anything here takes.
const AT_ONCE: Duration = Duration::from_secs(60);

/// What was called, by name, moment and rank, for all ranks.
type Log = Arc<Mutex<Vec<(&'static str, &'static str, usize)>>>;

/// What a hook in Rust does when it is called.
type Deed = fn(&HookContext<'_>) -> std::result::Result<(), HookError>;

#[derive(Debug)]
struct Recorded {
    name: &'static str,
    log: Log,
    pre_commit: Deed,
    post_commit: Deed,
}

impl Recorded {
    fn new(name: &'static str, log: &Log) -> Self {
        Self { name, log: log.clone(), pre_commit: |_| Ok(()), post_commit: |_| Ok(()) }
    }

    fn record(&self, moment: &'static str, checkpoint: &HookContext<'_>) {
        self.log.lock().unwrap().push((self.name, moment, checkpoint.rank_info.global_rank));
    }
}

impl WriterHook for Recorded {
    fn name(&self) -> &str {
        self.name
    }

    fn pre_commit(&self, checkpoint: &HookContext<'_>) -> std::result::Result<(), HookError> {
        self.record("pre", checkpoint);
        (self.pre_commit)(checkpoint)
    }

    fn post_commit(&self, checkpoint: &HookContext<'_>) -> std::result::Result<(), HookError> {
        self.record("post", checkpoint);
        (self.post_commit)(checkpoint)
    }
}

#[test]
fn its_own_file_is_whole_before_the_commit_and_the_checkpoint_after_it() {
    let log = Log::default();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("step-1");
    let hook = || Recorded {
        pre_commit: |checkpoint| {
            let own = format!("checkpoint_{}.pt", checkpoint.rank_info.global_rank);
            File::open(checkpoint.directory.unwrap().join(own))?.load()?;
            if checkpoint.path.exists() { Err("it is there too early".into()) } else { Ok(()) }
        },
        post_commit: |checkpoint| {
            assert_eq!(checkpoint.directory, Some(checkpoint.path));
            Checkpoint::open(checkpoint.path)?.verify()?;
            Ok(())
        },
        ..Recorded::new("looks", &log)
    };
    for result in over_ranks(4, &path, &HookArguments::new(), |writer| writer.with_hook(Arc::new(hook()))) {
        result.unwrap();
    }
    let moments: Vec<&str> = log.lock().unwrap().iter().map(|(_, moment, _)| *moment).collect();
    assert_eq!(moments, [["pre"; 4], ["post"; 4]].concat(), "no rank was committed before all were asked");
}

#[test]
fn arguments_come_as_they_were_given() {
    let arguments: HookArguments =
        serde_json::from_value(json!({"a": [1, {"b": null}], "ü": "\n", "max": u64::MAX})).unwrap();
    let log = Log::default();
    let directory = tempfile::tempdir().unwrap();
    let hook = Recorded {
        pre_commit: |checkpoint| Err(serde_json::to_string(checkpoint.arguments)?.into()),
        ..Recorded::new("tells", &log)
    };
    let writer = CheckpointWriter::single().unwrap().with_hook(Arc::new(hook));
    let error = writer.write(directory.path().join("step-1"), &state(), &arguments).unwrap_err();
    let told = r#"{"a":[1,{"b":null}],"max":18446744073709551615,"ü":"\n"}"#;
    assert!(
        error.to_string().ends_with(&format!("the hook `tells` failed before the commit: {told}")),
        "{error}"
    );
}

#[test]
fn hooks_are_called_in_order_and_none_after_one_that_failed() {
    let log = Log::default();
    let directory = tempfile::tempdir().unwrap();
    let failing = |name| Recorded { pre_commit: |_| Err("no".into()), ..Recorded::new(name, &log) };
    let writer = CheckpointWriter::single().unwrap();
    let writer = ["first", "second"]
        .into_iter()
        .fold(writer, |writer, name| writer.with_hook(Arc::new(Recorded::new(name, &log))));
    writer.write(directory.path().join("step-1"), &state(), &HookArguments::new()).unwrap();
    let calls = [("first", "pre", 0), ("second", "pre", 0), ("first", "post", 0), ("second", "post", 0)];
    assert_eq!(*log.lock().unwrap(), calls);

    log.lock().unwrap().clear();
    let writer = writer.with_hook(Arc::new(failing("third"))).with_hook(Arc::new(failing("fourth")));
    writer.write(directory.path().join("step-2"), &state(), &HookArguments::new()).unwrap_err();
    assert_eq!(*log.lock().unwrap(), [("first", "pre", 0), ("second", "pre", 0), ("third", "pre", 0)]);
    assert_eq!(names(directory.path()), ["step-1"]);
}

#[test]
fn a_hook_that_fails_on_one_rank_fails_the_save_on_all() {
    fails_on_all(
        |checkpoint| if checkpoint.rank_info.global_rank == 2 { Err("no room".into()) } else { Ok(()) },
        "the hook `checks` failed before the commit: no room",
    );
}

/// Without a vote of the rank that panicked the others would wait for ten minutes.
#[test]
fn a_hook_that_panics_on_one_rank_fails_the_save_on_all_at_once() {
    fails_on_all(
        |checkpoint| {
            let rank = checkpoint.rank_info.global_rank;
            assert!(rank != 2, "cannot think of {rank}");
            Ok(())
        },
        "the hook `checks` failed before the commit: it panicked: cannot think of 2",
    );
}

/// `deed` fails on rank 2.
fn fails_on_all(deed: Deed, said: &str) {
    let log = Log::default();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("step-1");
    let start = Instant::now();
    let hook = || Recorded { pre_commit: deed, ..Recorded::new("checks", &log) };
    let results = over_ranks(4, &path, &HookArguments::new(), |writer| writer.with_hook(Arc::new(hook())));
    for (rank, result) in results.iter().enumerate() {
        let Err(error @ Error::Rank { rank: 2, source }) = result else { panic!("rank {rank}: {result:?}") };
        assert_eq!(error.to_string(), format!("rank 2: {}: {said}", path.display()));
        assert_eq!(matches!(**source, Error::Hook { committed: false, .. }), rank == 2);
    }
    assert!(start.elapsed() < AT_ONCE);
    assert_eq!(names(directory.path()), [""; 0]);
    assert!(log.lock().unwrap().iter().all(|(_, moment, _)| *moment == "pre"));
}

#[test]
fn a_failure_after_the_commit_is_reported_and_the_checkpoint_stays() {
    let deeds: [(Deed, &str); 2] = [
        (
            |checkpoint| if checkpoint.rank_info.global_rank == 0 { Err("tired".into()) } else { Ok(()) },
            "tired",
        ),
        (
            |checkpoint| {
                assert!(checkpoint.rank_info.global_rank != 0, "very tired");
                Ok(())
            },
            "it panicked: very tired",
        ),
    ];
    for (deed, said) in deeds {
        let log = Log::default();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("step-1");
        let hook = || Recorded { post_commit: deed, ..Recorded::new("checks", &log) };
        let results =
            over_ranks(2, &path, &HookArguments::new(), |writer| writer.with_hook(Arc::new(hook())));
        let text = results[0].as_ref().unwrap_err().to_string();
        let after = "the hook `checks` failed after the commit, and the checkpoint is there: ";
        assert_eq!(text, format!("rank 0: {}: {after}{said}", path.display()));
        results[1].as_ref().unwrap();
        Checkpoint::open(&path).unwrap().verify().unwrap();
    }
}

#[test]
fn a_writer_goes_on_after_hooks_that_failed() {
    let log = Log::default();
    let directory = tempfile::tempdir().unwrap();
    let deed: Deed = |checkpoint| match checkpoint.arguments.get("fail") {
        Some(_) => panic!("as told"),
        None => Ok(()),
    };
    let hook = Recorded { pre_commit: deed, ..Recorded::new("obeys", &log) };
    let writer = CheckpointWriter::single().unwrap().with_hook(Arc::new(hook));
    let path = directory.path().join("step-1");
    let fail = HookArguments::from([("fail".into(), json!(true))]);
    writer.write(&path, &state(), &fail).unwrap_err();
    writer.write(&path, &state(), &HookArguments::new()).unwrap();
    Checkpoint::open(&path).unwrap().verify().unwrap();
}

static COMPONENT: LazyLock<ComponentHook> = LazyLock::new(|| {
    let component = common::component::build("strongroom-hostile-hook");
    ComponentHook::from_bytes("honest", &component).unwrap()
});

static SIZE_LIMIT: LazyLock<Vec<u8>> = LazyLock::new(|| common::component::build("strongroom-example-hook"));

#[test]
fn a_component_is_told_of_the_save() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("step-1");
    let arguments = HookArguments::from([
        ("pre-commit".into(), json!("tell what it was told")),
        ("rank".into(), json!(1)),
    ]);
    let results = over_ranks(2, &path, &arguments, |writer| writer.with_hook(Arc::new(COMPONENT.clone())));
    let text = results[0].as_ref().unwrap_err().to_string();
    let arguments = r#"{"pre-commit":"tell what it was told","rank":1}"#;
    assert!(text.ends_with(&format!(": {} /checkpoint 1/2 {arguments}", path.display())), "{text}");
}

#[test]
fn a_component_sees_the_files_before_the_commit_and_after_it() {
    let text = ends_with("pre-commit", "list the files").unwrap_err().to_string();
    assert!(text.ends_with("failed before the commit: checkpoint_0.json checkpoint_0.pt"), "{text}");
    let text = ends_with("post-commit", "list the files").unwrap_err().to_string();
    assert!(
        text.ends_with("the checkpoint is there: checkpoint_0.json checkpoint_0.pt strongroom.json"),
        "{text}"
    );
    for moment in ["pre-commit", "post-commit"] {
        ends_with(moment, "read its file").unwrap();
    }
}

#[test]
fn a_component_knows_the_time_and_chance() {
    ends_with("pre-commit", "know the time and chance").unwrap();
}

/// What one call keeps in memory no other sees, of whatever rank and checkpoint.
#[test]
fn each_call_has_an_instance_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let count = "count its calls";
    let arguments =
        HookArguments::from([("pre-commit".into(), json!(count)), ("post-commit".into(), json!(count))]);
    let writer = CheckpointWriter::single().unwrap().with_hook(Arc::new(COMPONENT.clone()));
    for step in 0..3 {
        writer.write(directory.path().join(format!("step-{step}")), &state(), &arguments).unwrap();
    }
}

#[test]
fn what_a_component_prints_is_handed_over_or_is_in_its_error() {
    let printed = Arc::new(Mutex::new(String::new()));
    let sink = printed.clone();
    let hook = COMPONENT.clone().with_output(move |text| sink.lock().unwrap().push_str(text));
    let save = |deed: &str| {
        let directory = tempfile::tempdir().unwrap();
        let writer = CheckpointWriter::single().unwrap().with_hook(Arc::new(hook.clone()));
        let arguments = HookArguments::from([("pre-commit".into(), json!(deed))]);
        writer.write(directory.path().join("step-1"), &state(), &arguments)
    };
    save("print").unwrap();
    assert_eq!(*printed.lock().unwrap(), "pre-commit on rank 0\nand more\n");
    let text = save("print and fail").unwrap_err().to_string();
    let words = "found \\u{1b}[31mnothing; it printed:\n\\u{1b}[2J looked everywhere";
    assert!(text.ends_with(words), "nothing of it controls a terminal: {text}");
    assert_eq!(*printed.lock().unwrap(), "pre-commit on rank 0\nand more\n");
}

#[test]
fn the_limits_are_those_that_were_set() {
    let small = HookLimits { memory: 1 << 16, ..HookLimits::default() };
    let hook = COMPONENT.clone().limited(small);
    assert_eq!(hook.limits(), &small);
    let writer = CheckpointWriter::single().unwrap().with_hook(Arc::new(hook));
    let directory = tempfile::tempdir().unwrap();
    // It starts with more than this.
    let error = writer.write(directory.path().join("a"), &state(), &HookArguments::new()).unwrap_err();
    assert!(error.to_string().ends_with("wanted more than its 65536 bytes of memory"), "{error}");
}

#[test]
fn a_store_without_a_directory_is_an_error_that_names_the_hook() {
    let config = CheckpointWriterConfig::default();
    let barrier = Arc::new(LocalBarrier::single());
    let engine = Engine::shared().unwrap();
    let writer = CheckpointWriter::new_in(engine, Arc::new(Memory::default()), config, barrier)
        .with_hook(Arc::new(COMPONENT.clone()));
    let error = writer.write("step-1", &state(), &HookArguments::new()).unwrap_err();
    let Error::Hook { hook, committed: false, source, .. } = &error else { panic!("{error}") };
    assert_eq!(hook, "honest");
    let cause = &source.downcast_ref::<ComponentFailure>().unwrap().cause;
    assert!(matches!(cause, ComponentCause::NoDirectory), "{error}");
}

#[test]
fn a_directory_that_went_away_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let log = Log::default();
    // What stands in for another process that removes it between the two.
    let removes = Recorded {
        post_commit: |checkpoint| Ok(fs::remove_dir_all(checkpoint.path)?),
        ..Recorded::new("removes", &log)
    };
    let writer = CheckpointWriter::single().unwrap();
    let writer = writer.with_hook(Arc::new(removes)).with_hook(Arc::new(COMPONENT.clone()));
    let path = directory.path().join("step-1");
    let text = writer.write(&path, &state(), &HookArguments::new()).unwrap_err().to_string();
    let said = format!("it could not be run: cannot open {}: No such file", path.display());
    assert!(text.contains(&said), "{text}");
}

/// Many who save are in one already, and a second cannot be waited for there.
#[test]
fn a_component_runs_inside_of_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async { ends_with("post-commit", "know the time and chance") }).unwrap();
}

#[test]
fn what_is_no_hook_is_named_when_it_is_opened() {
    // A component of two sections: the type of a function without parameters and
    // results, and the import of one such function, `peek`.
    let nosy = b"\0asm\x0d\0\x01\0\x07\x05\x01\x40\0\x01\0\x0a\x09\x01\0\x04peek\x01\0";
    let another = common::component::build("strongroom-liar");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("policy.wasm");
    for (bytes, said) in [
        (&b"\0asm\x01\0\0\0"[..], "it is a core module; the target `wasm32-wasip2` makes components"),
        (b"\0asm\x0d\0\x01\0", "writer-hook"),
        (b"no component at all", "it is no WebAssembly"),
        (b"", "it is no WebAssembly"),
        (b"\0asm\x0d\0\x01\0and more", "failed to parse"),
        (nosy, "peek"),
        (&another, "writer-hook"),
    ] {
        fs::write(&path, bytes).unwrap();
        let error = ComponentHook::open(&path).unwrap_err();
        assert!(matches!(error, Error::NotAHook { .. }), "{error}");
        let text = error.to_string();
        let expected = "expected a component that exports strongroom:hook/writer-hook@0.1.0: ";
        let reason = text.strip_prefix(&format!("{}: {expected}", path.display()));
        assert!(reason.is_some_and(|reason| reason.contains(said)), "{text}");
    }
    let missing = ComponentHook::open(directory.path().join("none.wasm")).unwrap_err();
    assert!(missing.to_string().contains("none.wasm: cannot open"), "{missing}");
    assert!(ComponentHook::open(directory.path()).is_err());
}

#[test]
fn the_example_limits_sizes_and_sums_up() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("size_limit.wasm");
    fs::write(&file, &*SIZE_LIMIT).unwrap();
    let printed = Arc::new(Mutex::new(String::new()));
    let sink = printed.clone();
    let hook = ComponentHook::open(&file).unwrap();
    let hook = hook.with_output(move |text| sink.lock().unwrap().push_str(text));
    let hook = Arc::new(hook);
    assert_eq!(hook.name(), "size_limit");
    let save = |path: &Path, max_bytes: u64| {
        let arguments = HookArguments::from([("max_bytes".into(), json!(max_bytes))]);
        over_ranks(2, path, &arguments, |writer| writer.with_hook(hook.clone()))
    };

    let refused = directory.path().join("refused");
    for result in save(&refused, 4096) {
        let text = result.unwrap_err().to_string();
        assert!(text.contains("the hook `size_limit` failed before the commit: checkpoint_"), "{text}");
        assert!(text.ends_with("and `max_bytes` allows 4096"), "{text}");
    }
    assert!(!refused.exists());

    let taken = directory.path().join("taken");
    save(&taken, 1 << 20).into_iter().for_each(Result::unwrap);
    let files = fs::read_dir(&taken).unwrap().map(|entry| entry.unwrap());
    let files = files.filter(|entry| entry.file_name() != "strongroom.json");
    let bytes: u64 = files.map(|entry| entry.metadata().unwrap().len()).sum();
    let summary = format!("{}: 2 ranks, {bytes} bytes\n", taken.display());
    assert_eq!(*printed.lock().unwrap(), summary);
}

/// One save of one rank, with the component doing `deed`.
fn ends_with(moment: &str, deed: &str) -> Result<()> {
    let directory = tempfile::tempdir().unwrap();
    let writer = CheckpointWriter::single().unwrap().with_hook(Arc::new(COMPONENT.clone()));
    let arguments = HookArguments::from([(moment.to_owned(), json!(deed))]);
    writer.write(directory.path().join("step-1"), &state(), &arguments)
}

/// One save of all ranks, each on a thread of its own.
fn over_ranks(
    world_size: usize,
    path: &Path,
    arguments: &HookArguments,
    with_hooks: impl Fn(CheckpointWriter) -> CheckpointWriter + Sync,
) -> Vec<Result<()>> {
    let with_hooks = &with_hooks;
    thread::scope(|scope| {
        let rank = |barrier| {
            scope.spawn(move || {
                let writer = CheckpointWriter::new(CheckpointWriterConfig::default(), Arc::new(barrier))?;
                with_hooks(writer).write(path, &state(), arguments)
            })
        };
        let ranks: Vec<_> = LocalBarrier::world(world_size).into_iter().map(rank).collect();
        ranks.into_iter().map(|rank| rank.join().unwrap()).collect()
    })
}

fn state() -> StateDict<'static> {
    let mut state = StateDict::new();
    state.insert("weight", Tensor::from_vec(vec![1u8; 4096], &[64, 64]).unwrap());
    state
}

fn names(directory: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    fs::read_dir(directory).unwrap().map(name).collect()
}
