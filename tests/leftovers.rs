//! What dead saves have left goes with the next one; what lives, and what is
//! somebody else's, stays.

mod common;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use common::immutable::Immutable;
use common::process::built;
use strongroom::store::{Local, Stage, Store};
use strongroom::{
    Checkpoint, CheckpointWriter, CheckpointWriterConfig, Error, File, HookArguments, HookContext, HookError,
    LocalBarrier, Retention, StateDict, WriterHook, latest, prunable_in, prune, save,
};

#[test]
fn the_next_save_removes_what_dead_ones_have_left() {
    let root = Root::new();
    for directory in
        [".step-1.0123456789abcdef.strongroom-staging", ".step-0.00000000000077aa.strongroom-removed"]
    {
        root.file(&format!("{directory}/checkpoint_0.pt"));
    }
    root.save("step-1").unwrap();
    assert_eq!(root.names(), ["step-1"]);
}

#[test]
fn a_prune_removes_it_too() {
    let root = Root::new();
    root.save("step-1").unwrap();
    root.file(".step-2.0123456789abcdef.strongroom-staging/checkpoint_0.pt");
    let partial = root.path.join(".model.pt.0123456789abcdef.strongroom-partial");
    fs::write(&partial, "").unwrap();
    let retention = Retention::last(1.try_into().unwrap());
    let planned = prunable_in(&Local, &root.path, &retention).unwrap();
    let pruned = prune(&root.path, &retention).unwrap();
    assert_eq!(planned.leftovers, pruned.leftovers);
    assert_eq!(pruned.leftovers, [partial, root.path.join(".step-2.0123456789abcdef.strongroom-staging")]);
    assert!(pruned.removed.is_empty());
    assert_eq!(root.names(), ["step-1"]);
}

/// Who rescues what a dead save has left writes beside it.
#[test]
fn what_is_read_is_no_leftover() {
    let root = Root::new();
    let stage = root.path.join(".step-1.0123456789abcdef.strongroom-staging");
    let partial = root.path.join(".model.pt.0123456789abcdef.strongroom-partial");
    let state = StateDict::new();
    save(root.path.join("x.pt"), &state).unwrap();
    fs::create_dir(&stage).unwrap();
    fs::copy(root.path.join("x.pt"), stage.join("checkpoint_0.pt")).unwrap();
    fs::copy(root.path.join("x.pt"), &partial).unwrap();
    let read = [stage.join("checkpoint_0.pt"), partial.clone()].map(|path| File::open(path).unwrap());
    for name in ["a.pt", "b.pt"] {
        save(root.path.join(name), &state).unwrap();
    }
    root.save("step-2").unwrap();
    assert!(Local.tidy(&root.path).unwrap().removed.is_empty());
    assert!(stage.join("checkpoint_0.pt").exists() && partial.exists());
    // Nor for another process.
    let prune = || Command::new(built("strongroom")).arg("prune").arg(&root.path).output().unwrap().stdout;
    assert!(prune().is_empty());
    drop(read);
    assert_eq!(String::from_utf8(prune()).unwrap().lines().count(), 2);
    assert!(!stage.exists() && !partial.exists());
}

/// What cannot be removed does not hide what was.
#[test]
fn what_was_removed_is_told_whatever_else_fails() {
    let root = Root::new();
    for name in ["step-1", "step-2", "step-3"] {
        root.save(name).unwrap();
    }
    let stuck = ".x.0123456789abcdef.strongroom-removed";
    root.file(&format!("{stuck}/file"));
    root.file(".y.0123456789abcdef.strongroom-removed/file");
    let Some(_held) = Immutable::make(&root.path.join(stuck).join("file")) else { return };
    let pruned = prune(&root.path, &Retention::last(1.try_into().unwrap())).unwrap();
    assert_eq!(pruned.removed, [root.path.join("step-1"), root.path.join("step-2")]);
    assert_eq!(pruned.leftovers, [root.path.join(".y.0123456789abcdef.strongroom-removed")]);
    let [Error::Io { path, .. }] = pruned.failed.as_slice() else { panic!("{:?}", pruned.failed) };
    assert_eq!(*path, root.path.join(stuck));
    let output = Command::new(built("strongroom")).arg("prune").arg(&root.path).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn a_save_that_is_under_way_stays() {
    let root = Root::new();
    let stage = Local.stage(&root.path.join("step-2"), "5c1f-0").unwrap();
    let mut sink = stage.create("checkpoint_0.pt", 3).unwrap();
    root.save("step-1").unwrap();
    sink.write_at(0, b"abc").unwrap();
    sink.finish(true).unwrap();
    sink = stage.create("checkpoint_1.pt", 0).unwrap();
    root.save("step-3").unwrap();
    sink.finish(true).unwrap();
    stage.commit(&never).unwrap();
    assert_eq!(fs::read(root.path.join("step-2/checkpoint_0.pt")).unwrap(), b"abc");
    assert_eq!(root.names(), ["step-1", "step-2", "step-3"]);
}

#[test]
fn a_stage_that_ranks_have_joined_stays_until_the_last_is_gone() {
    let root = Root::new();
    let join = || Local.stage(&root.path.join("step-2"), "5c1f-0").unwrap();
    let ranks: [Box<dyn Stage>; 2] = [join(), join()];
    for rank in ranks {
        Local.tidy(&root.path).unwrap();
        assert!(rank.directory().unwrap().is_dir());
    }
    Local.tidy(&root.path).unwrap();
    assert!(root.names().is_empty());
}

#[test]
fn what_others_hide_here_stays() {
    let root = Root::new();
    let others = [
        ".model.pt.partial",
        ".step-1.staging",
        ".strongroom-staging",
        "x.strongroom-staging",
        ".x.strongroom-staging",
        ".x.5c1f-0.strongroom-staging",
        ".strongroom-partial.0123456789ABCDEF.strongroom-removed",
    ];
    for name in others {
        root.file(&format!("{name}/file"));
    }
    // A file where only directories are ours.
    root.file(".notes.0123456789abcdef.strongroom-partial.txt");
    root.save("step-1").unwrap();
    for name in others.into_iter().chain([".notes.0123456789abcdef.strongroom-partial.txt"]) {
        assert!(root.names().contains(&name.to_owned()), "{name}");
    }
}

#[test]
fn a_file_that_is_saved_takes_what_is_dead_along_and_nothing_that_lives() {
    let root = Root::new();
    root.file(".model.pt.0123456789abcdef.strongroom-partial");
    root.file(".other.pt.0123456789abcdef.strongroom-partial");
    root.file(".step-2.0123456789abcdef.strongroom-staging/checkpoint_0.pt");
    let alive = Local.create(&root.path.join("model.pt"), 10).unwrap();
    save(root.path.join("model.pt"), &StateDict::new()).unwrap();
    let hidden: Vec<String> = root.names().into_iter().filter(|name| name.starts_with('.')).collect();
    assert_eq!(hidden.len(), 1, "{hidden:?}");
    drop(alive);
    assert_eq!(root.names(), ["model.pt"]);
}

#[test]
fn only_a_checkpoint_is_replaced() {
    let root = Root::new();
    root.file("work/years.txt");
    root.file("file");
    for name in ["work", "file"] {
        let Err(Error::Checkpoint { path, reason }) = root.save(name) else { panic!("{name}") };
        assert_eq!(path, root.path.join(name));
        assert!(reason.contains("not replaced"), "{reason}");
    }
    assert_eq!(root.names(), ["file", "work"]);
    root.save("step-1").unwrap();
    root.save("step-1").unwrap();
    Checkpoint::open(root.path.join("step-1")).unwrap().verify().unwrap();
}

/// Somebody puts files where the checkpoint is to be while it is saved: the last moment
/// to see that is the commit.
#[test]
fn what_came_during_the_save_is_not_replaced_either() {
    let root = Root::new();
    let path = root.path.join("step-1");
    let stage = Local.stage(&path, "5c1f-0").unwrap();
    stage.create("strongroom.json", 0).unwrap().finish(true).unwrap();
    root.file("step-1/notes.txt");
    let Err(Error::Value(_)) = stage.commit(&never) else { panic!("replaced") };
    assert!(path.join("notes.txt").exists());
    stage.commit(&|| Ok(())).unwrap();
    assert!(!path.join("notes.txt").exists());
}

#[test]
fn an_empty_directory_is_taken_over() {
    let root = Root::new();
    fs::create_dir(root.path.join("step-1")).unwrap();
    let writer = CheckpointWriter::single().unwrap();
    writer.write(root.path.join("step-1"), &StateDict::new(), &HookArguments::new()).unwrap();
    assert_eq!(root.names(), ["step-1"]);
    Checkpoint::open(root.path.join("step-1")).unwrap().verify().unwrap();
}

#[test]
fn what_somebody_put_into_a_checkpoint_is_not_deleted_with_it() {
    let root = Root::new();
    root.save("step-1").unwrap();
    root.file("step-1/config.json");
    root.file("step-1/plots/loss.png");
    // The record names no other rank.
    root.file("step-1/checkpoint_7.pt");
    let refused = |root: &Root| {
        let Err(Error::Checkpoint { reason, .. }) = root.save("step-1") else { panic!("replaced") };
        reason
    };
    let reason = refused(&root);
    assert!(reason.ends_with("is in it: `checkpoint_7.pt`, `config.json`, `plots`"), "{reason}");
    // A record that says nothing: all may be somebody's.
    fs::write(root.path.join("step-1/strongroom.json"), "{").unwrap();
    let reason = refused(&root);
    assert!(reason.contains("strongroom.json cannot be read: "), "{reason}");
    assert_eq!(root.names(), ["step-1"]);
    assert_eq!(fs::read(root.path.join("step-1/config.json")).unwrap(), b"contents");
}

/// It comes while the new one is written: the last moment to see that is the commit.
#[test]
fn what_is_put_into_a_checkpoint_during_a_save_stays_too() {
    let root = Root::new();
    root.save("step-1").unwrap();
    let hook = Arc::new(Meddler(root.path.join("step-1/config.json")));
    let config = CheckpointWriterConfig { overwrite: true, ..CheckpointWriterConfig::default() };
    let writer = CheckpointWriter::new(config, Arc::new(LocalBarrier::single())).unwrap().with_hook(hook);
    let saved = writer.write(root.path.join("step-1"), &StateDict::new(), &HookArguments::new());
    assert!(matches!(saved, Err(Error::Checkpoint { .. })), "{saved:?}");
    assert!(root.path.join("step-1/config.json").exists());
    assert_eq!(root.names(), ["step-1"]);
}

/// Puts a file somewhere before the commit.
#[derive(Debug)]
struct Meddler(PathBuf);

impl WriterHook for Meddler {
    fn name(&self) -> &str {
        "meddler"
    }

    fn pre_commit(&self, _: &HookContext<'_>) -> Result<(), HookError> {
        Ok(fs::write(&self.0, "contents")?)
    }

    fn post_commit(&self, _: &HookContext<'_>) -> Result<(), HookError> {
        Ok(())
    }
}

/// A name that no list finds would be committed and never seen again, and one of our own
/// hidden ones taken for what a dead save has left.
#[test]
fn names_that_nobody_would_find_are_refused() {
    let root = Root::new();
    let not_utf8 = OsStr::from_bytes(b"step-\xff");
    for name in [OsStr::new(".x"), OsStr::new(".x.strongroom-staging"), not_utf8] {
        let config = CheckpointWriterConfig::default();
        let writer = CheckpointWriter::new(config, Arc::new(LocalBarrier::single())).unwrap();
        let saved = writer.write(root.path.join(name), &StateDict::new(), &HookArguments::new());
        assert!(matches!(saved, Err(Error::Checkpoint { .. })), "{name:?}: {saved:?}");
    }
    assert!(root.names().is_empty());
    // What has such a name all the same, as a copy, is found.
    root.save("step-1").unwrap();
    fs::rename(root.path.join("step-1"), root.path.join(not_utf8)).unwrap();
    assert_eq!(latest(&root.path).unwrap(), Some(root.path.join(not_utf8)));
}

/// A commit that is not on disk yet has exchanged two directories: the one with the
/// hidden name is nobody's, and the only one there is if the commit is taken back.
#[test]
fn what_is_replaced_stays_until_the_commit_is_on_disk() {
    let root = Root::new();
    root.file(".step-1.0123456789abcdef.strongroom-staging/checkpoint_0.pt");
    let hidden = root.path.join(".step-1.0123456789abcdef.strongroom-staging");
    let commits = fs::File::open(&root.path).unwrap();
    commits.lock().unwrap();
    thread::scope(|scope| {
        let tidied = scope.spawn(|| Local.tidy(&root.path));
        thread::sleep(Duration::from_millis(300));
        assert!(hidden.join("checkpoint_0.pt").exists());
        commits.unlock().unwrap();
        tidied.join().unwrap().unwrap();
    });
    assert!(root.names().is_empty());
}

#[test]
fn a_file_with_the_name_of_a_hidden_directory_goes_too() {
    let root = Root::new();
    root.file(".step-1.0123456789abcdef.strongroom-staging");
    root.file(".step-2.0123456789abcdef.strongroom-staging/checkpoint_0.pt");
    Local.tidy(&root.path).unwrap();
    assert!(root.names().is_empty());
}

/// Where nothing is that may be replaced.
fn never() -> strongroom::Result<()> {
    Err(Error::Value("asked".into()))
}

/// A directory of checkpoints.
struct Root {
    path: PathBuf,
    _directory: tempfile::TempDir,
}

impl Root {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run");
        fs::create_dir(&path).unwrap();
        Self { path, _directory: directory }
    }

    /// Puts a file there, and the directories above it.
    fn file(&self, name: &str) {
        let path = self.path.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "contents").unwrap();
    }

    /// Saves a checkpoint, in the place of one that is there.
    fn save(&self, name: &str) -> strongroom::Result<()> {
        let config = CheckpointWriterConfig { overwrite: true, ..CheckpointWriterConfig::default() };
        let writer = CheckpointWriter::new(config, Arc::new(LocalBarrier::single()))?;
        writer.write(self.path.join(name), &StateDict::new(), &HookArguments::new())
    }

    fn names(&self) -> Vec<String> {
        let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        let mut names: Vec<String> =
            fs::read_dir(&self.path).unwrap().map(|entry| name(&entry.unwrap().path())).collect();
        names.sort();
        names
    }
}
