//! Old checkpoints go, the newest never does, and nothing else is touched; new ones
//! come only if there is room.

#[path = "../common/mod.rs"]
mod common;

mod damaged;
mod interrupted;
mod links;
mod meanwhile;
mod root;

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use common::immutable::Immutable;
use common::process::built;
use root::{Root, keep, name, state};
use strongroom::store::{Local, Memory, Shared, Source, Store};
use strongroom::{
    Checkpoint, CheckpointWriter, CheckpointWriterConfig, DType, Engine, Error, HookArguments, LocalBarrier,
    Retention, StateDict, Storage, Tensor, latest, latest_in, list, list_in, prunable_in, prune, prune_in,
};

#[test]
fn the_newest_by_commit_is_the_latest_whatever_its_name() {
    let root = Root::with(&["step-9", "step-100", "step-10"]);
    let names: Vec<String> =
        list(&root.path).unwrap().checkpoints.iter().map(|listed| name(&listed.path)).collect();
    assert_eq!(names, ["step-9", "step-100", "step-10"]);
    assert_eq!(latest(&root.path).unwrap(), Some(root.path.join("step-10")));
}

#[test]
fn old_checkpoints_go_and_nothing_else() {
    let root = Root::with(&["step-1", "step-2", "step-3", "step-4", "step-5"]);
    // What is no committed checkpoint: notes, a directory without a record, one with
    // a damaged record, and what another program hides here.
    fs::write(root.path.join("notes.txt"), "keep me").unwrap();
    for directory in ["logs", "step-0", ".step-6.staging"] {
        fs::create_dir(root.path.join(directory)).unwrap();
    }
    fs::write(root.path.join("step-0/strongroom.json"), "{").unwrap();

    let removed = prune(&root.path, &keep(2, Some(2))).unwrap().removed;
    assert_eq!(removed.iter().map(|path| name(path)).collect::<Vec<_>>(), ["step-1", "step-3"]);
    assert_eq!(
        root.names(),
        [".step-6.staging", "logs", "notes.txt", "step-0", "step-2", "step-4", "step-5"]
    );
    assert!(prune(&root.path, &keep(2, Some(2))).unwrap().removed.is_empty());
    assert_eq!(prune(&root.path, &keep(1, None)).unwrap().removed.len(), 2);
    // However often it is asked, the newest stays.
    assert!(prune(&root.path, &keep(1, None)).unwrap().removed.is_empty());
    Checkpoint::open(root.path.join("step-5")).unwrap().verify().unwrap();
}

/// A save into a directory of checkpoints removes those of its own family and no other.
#[test]
fn a_save_removes_only_what_its_name_belongs_to() {
    let root = Root::with(&["encoder-100", "decoder-100", "best", "encoder-100-ema"]);
    let save = |name: &str, retention: Retention| {
        let config =
            CheckpointWriterConfig { retention: Some(retention), ..CheckpointWriterConfig::default() };
        let writer = CheckpointWriter::new(config, Arc::new(LocalBarrier::single())).unwrap();
        writer.write(root.path.join(name), &state(name), &HookArguments::new()).unwrap();
    };
    save("encoder-200", keep(1, None));
    assert_eq!(root.names(), ["best", "decoder-100", "encoder-100-ema", "encoder-200"]);
    save("other-1", Retention { keep_in: Some("*coder-*".parse().unwrap()), ..keep(1, None) });
    assert_eq!(root.names(), ["best", "encoder-200", "other-1"]);
}

/// The only whole one may be what is read.
#[test]
fn what_is_read_is_not_removed_for_what_is_made_of_it() {
    let root = Root::with(&[]);
    let mut tensor = StateDict::new();
    tensor.insert("weight", Tensor::from_vec(vec![1.5f32; 8], &[8]).unwrap());
    let writer = CheckpointWriter::single().unwrap();
    for name in ["step-1", "step-2"] {
        writer.write(root.path.join(name), &tensor, &HookArguments::new()).unwrap();
    }
    let file = Checkpoint::open(root.path.join("step-1")).unwrap().file(0).unwrap();
    let save = |name: &str, state: &StateDict<'_>, sources: Vec<PathBuf>| {
        let retention = Some(keep(1, None));
        let config = CheckpointWriterConfig { retention, sources, ..CheckpointWriterConfig::default() };
        let writer = CheckpointWriter::new(config, Arc::new(LocalBarrier::single())).unwrap();
        writer.write(root.path.join(name), state, &HookArguments::new()).unwrap();
    };
    save("step-3", file.state(), Vec::new());
    assert_eq!(root.names(), ["step-1", "step-3"]);
    let loaded = file.load().unwrap();
    save("step-4", &loaded, vec![root.path.join("step-1/checkpoint_0.pt")]);
    assert_eq!(root.names(), ["step-1", "step-4"]);
    save("step-5", &loaded, Vec::new());
    assert_eq!(root.names(), ["step-5"]);
}

/// The way to a directory of checkpoints may lead through one of them, which goes.
#[test]
fn a_root_may_be_named_through_what_is_removed() {
    let root = Root::with(&["step-1", "step-2", "step-3"]);
    let through = root.path.join("step-1/..");
    let removed = prune(&through, &keep(2, None)).unwrap().removed;
    assert_eq!(removed, [through.join("step-1")]);
    assert_eq!(root.names(), ["step-2", "step-3"]);
}

/// Its name can be taken away all the same, and what had it would stay for ever.
#[test]
fn what_cannot_be_deleted_is_spared_and_not_replaced() {
    let root = Root::with(&["step-1", "step-2"]);
    let Some(held) = Immutable::make(&root.path.join("step-1/checkpoint_0.pt")) else { return };
    let pruned = prune(&root.path, &keep(1, None)).unwrap();
    let [spared] = pruned.spared.as_slice() else { panic!("{:?}", pruned.spared) };
    assert!(spared.to_string().contains("`checkpoint_0.pt` in it is immutable"), "{spared}");
    let config = CheckpointWriterConfig { overwrite: true, ..CheckpointWriterConfig::default() };
    let writer = CheckpointWriter::new(config, Arc::new(LocalBarrier::single())).unwrap();
    let error = writer.write(root.path.join("step-1"), &state("new"), &HookArguments::new()).unwrap_err();
    assert!(matches!(error, Error::Checkpoint { .. }), "{error}");
    assert_eq!(root.names(), ["step-1", "step-2"]);
    drop(held);
    assert_eq!(prune(&root.path, &keep(1, None)).unwrap().removed, [root.path.join("step-1")]);
}

/// In a directory of a group: only root's run can be two users.
#[test]
fn what_is_another_users_is_spared_and_not_replaced() {
    let root = Root::with(&["step-1"]);
    if fs::metadata(&root.path).unwrap().uid() != 0 {
        return;
    }
    for (path, mode) in [(root.path.parent().unwrap(), 0o755), (&root.path, 0o777)] {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }
    strongroom::save(root.path.join("in.pt"), &state("step-2")).unwrap();
    let program = root.path.join("strongroom");
    fs::copy(built("strongroom"), &program).unwrap();
    let other = |line: &str| {
        let mut command = Command::new(&program);
        command.args(line.split(' ')).current_dir(&root.path).uid(65534).gid(65534).env("HOME", "/nowhere");
        command.output().unwrap()
    };
    let output = other("save in.pt step-2 --keep-last 1");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("step-1: it is not deleted, as it is user 0's") && !said.contains("removed"),
        "{said}"
    );
    let output = other("save in.pt step-1 --overwrite");
    assert_eq!(output.status.code(), Some(1));
    let output = other("prune . --keep-last 1");
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), &b""[..]));
    assert_eq!(root.names(), ["in.pt", "step-1", "step-2", "strongroom"]);
    Checkpoint::open(root.path.join("step-1")).unwrap().verify().unwrap();
}

#[test]
fn what_has_files_of_somebody_is_not_removed_unasked() {
    let root = Root::with(&["step-1", "step-2", "step-3"]);
    fs::write(root.path.join("step-1/config.json"), "{}").unwrap();
    let planned = prunable_in(&Local, &root.path, &keep(1, None)).unwrap();
    let pruned = prune(&root.path, &keep(1, None)).unwrap();
    for pruned in [planned, pruned] {
        assert_eq!(pruned.removed, [root.path.join("step-2")]);
        let [spared] = pruned.spared.as_slice() else { panic!("{:?}", pruned.spared) };
        assert!(spared.to_string().ends_with("is in it: `config.json`"), "{spared}");
    }
    assert_eq!(root.names(), ["step-1", "step-3"]);
}

#[test]
fn where_no_directory_is_there_is_no_checkpoint() {
    let root = Root::with(&[]);
    let missing = root.path.join("missing");
    assert_eq!(latest(&missing).unwrap(), None);
    assert!(list(&missing).unwrap().checkpoints.is_empty());
    assert!(prune(&missing, &keep(1, None)).unwrap().removed.is_empty());
    assert!(prunable_in(&Local, &missing, &keep(1, None)).unwrap().removed.is_empty());
    assert!(root.names().is_empty());
}

/// A newer checkpoint may be taken back while a prune waits: its commit did not get to
/// disk. The older one is the newest again.
#[test]
fn what_is_decided_on_is_decided_again_when_nobody_commits() {
    let root = Root::with(&["step-1", "step-2"]);
    let commits = fs::File::open(&root.path).unwrap();
    commits.lock().unwrap();
    thread::scope(|scope| {
        let pruned = scope.spawn(|| prune(&root.path, &keep(1, None)));
        thread::sleep(Duration::from_millis(300));
        fs::rename(root.path.join("step-2"), root.path.join(".step-2.0123456789abcdef.strongroom-staging"))
            .unwrap();
        commits.unlock().unwrap();
        assert!(pruned.join().unwrap().unwrap().removed.is_empty());
    });
    assert_eq!(latest(&root.path).unwrap(), Some(root.path.join("step-1")));
}

#[test]
fn a_reader_that_has_a_file_open_can_finish_when_it_is_pruned() {
    let root = Root::with(&["step-1", "step-2"]);
    let open = Checkpoint::open(root.path.join("step-1")).unwrap().file(0).unwrap();
    prune(&root.path, &keep(1, None)).unwrap();
    assert_eq!(open.load().unwrap().get("name").unwrap().as_str(), Some("step-1"));
}

#[test]
fn two_prunes_at_once_do_not_fail_and_remove_no_more_than_one_would() {
    let names: Vec<String> = (0..30).map(|step| format!("step-{step}")).collect();
    let root = Root::with(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let removed: usize = thread::scope(|scope| {
        let prunes: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| prune(&root.path, &keep(3, None)).unwrap().removed.len()))
            .collect();
        prunes.into_iter().map(|prune| prune.join().unwrap()).sum()
    });
    assert_eq!(removed, 27);
    assert_eq!(root.names(), ["step-27", "step-28", "step-29"]);
}

#[test]
fn a_writer_keeps_what_its_retention_says() {
    let root = Root::with(&[]);
    let retention = Some(keep(2, Some(10)));
    let config = CheckpointWriterConfig { durable: false, retention, ..CheckpointWriterConfig::default() };
    thread::scope(|scope| {
        for barrier in LocalBarrier::world(2) {
            let writer = CheckpointWriter::new(config.clone(), Arc::new(barrier)).unwrap();
            let root = &root.path;
            scope.spawn(move || {
                for step in (5..=40).step_by(5) {
                    writer
                        .write(root.join(format!("step-{step}")), &state("x"), &HookArguments::new())
                        .unwrap();
                }
            });
        }
    });
    assert_eq!(root.names(), ["step-10", "step-20", "step-30", "step-35", "step-40"]);
}

#[test]
fn a_store_of_ones_own_is_pruned_the_same_way() {
    let store = Memory::default();
    let config = CheckpointWriterConfig::default();
    let barrier = Arc::new(LocalBarrier::single());
    let writer =
        CheckpointWriter::new_in(Engine::shared().unwrap(), Arc::new(store.clone()), config, barrier);
    for step in 1..=3 {
        writer.write(format!("run/step-{step}"), &state("x"), &HookArguments::new()).unwrap();
    }
    let root = Path::new("run");
    assert_eq!(prune_in(&store, root, &keep(1, None)).unwrap().removed.len(), 2);
    assert_eq!(list_in(&store, root).unwrap().checkpoints.len(), 1);
    assert_eq!(latest_in(&store, root).unwrap(), Some(PathBuf::from("run/step-3")));
    assert!(!store.exists(Path::new("run/step-1")).unwrap());
}

/// More than any disk has, and computed as it is read.
#[derive(Debug)]
struct Endless;

impl Source for Endless {
    fn path(&self) -> &Path {
        Path::new("endless")
    }

    fn length(&self) -> u64 {
        1 << 50
    }

    fn read_at(&self, _: u64, buffer: &mut [u8]) -> strongroom::Result<()> {
        buffer.fill(7);
        Ok(())
    }

    fn bytes(&self) -> strongroom::Result<Option<Shared<'static>>> {
        Ok(None)
    }
}

#[test]
fn what_does_not_fit_is_refused_before_a_byte_is_written() {
    let root = Root::with(&["step-1"]);
    let storage = Storage::from_source(Arc::new(Endless), "cuda:0");
    let mut state = StateDict::new();
    state.insert("weight", Tensor::new(storage, DType::Uint8, &[1 << 50]).unwrap());
    let writer = CheckpointWriter::single().unwrap();
    let start = Instant::now();
    let error = writer.write(root.path.join("step-2"), &state, &HookArguments::new()).unwrap_err();
    let Error::Space { needed, available, .. } = error else { panic!("{error}") };
    assert!(needed > 1 << 50 && available < needed);
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!(root.names(), ["step-1"]);
}
