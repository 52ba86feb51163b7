//! What dead saves have left goes with the next one; what lives, and what is
//! somebody else's, stays.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use strongroom::store::{Local, Stage, Store};
use strongroom::{
    Checkpoint, CheckpointWriter, CheckpointWriterConfig, Error, HookArguments, LocalBarrier, Retention,
    StateDict, prune, save,
};

#[test]
fn the_next_save_removes_what_dead_ones_have_left() {
    let root = Root::new();
    for directory in [".step-1.5c1f-0.strongroom-staging", ".step-0.77aa.strongroom-removed"] {
        root.file(&format!("{directory}/checkpoint_0.pt"));
    }
    root.save("step-1").unwrap();
    assert_eq!(root.names(), ["step-1"]);
}

#[test]
fn a_prune_removes_it_too() {
    let root = Root::new();
    root.save("step-1").unwrap();
    root.file(".step-2.5c1f-0.strongroom-staging/checkpoint_0.pt");
    assert!(prune(&root.path, &Retention::last(1.try_into().unwrap())).unwrap().is_empty());
    assert_eq!(root.names(), ["step-1"]);
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
    stage.commit(None).unwrap();
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
    let others = [".model.pt.partial", ".step-1.staging", ".strongroom-staging", "x.strongroom-staging"];
    for name in others {
        root.file(&format!("{name}/file"));
    }
    // A file where only directories are ours.
    root.file(".notes.5c1f.strongroom-partial.txt");
    root.save("step-1").unwrap();
    for name in others.into_iter().chain([".notes.5c1f.strongroom-partial.txt"]) {
        assert!(root.names().contains(&name.to_owned()), "{name}");
    }
}

#[test]
fn a_file_that_is_saved_again_takes_its_dead_forerunner_along_and_no_other() {
    let root = Root::new();
    root.file(".model.pt.5c1f.strongroom-partial");
    root.file(".other.pt.5c1f.strongroom-partial");
    let alive = Local.create(&root.path.join("model.pt"), 10).unwrap();
    save(root.path.join("model.pt"), &StateDict::new()).unwrap();
    let hidden: Vec<String> = root.names().into_iter().filter(|name| name.starts_with('.')).collect();
    assert_eq!(hidden.len(), 2, "{hidden:?}");
    assert!(hidden.contains(&".other.pt.5c1f.strongroom-partial".to_owned()));
    drop(alive);
    assert_eq!(root.names(), [".other.pt.5c1f.strongroom-partial", "model.pt"]);
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
    let Err(Error::Exists { .. }) = stage.commit(Some("strongroom.json")) else { panic!("replaced") };
    assert!(path.join("notes.txt").exists());
    root.file("step-1/strongroom.json");
    stage.commit(Some("strongroom.json")).unwrap();
    assert!(!path.join("notes.txt").exists());
}

/// A commit that is not on disk yet has exchanged two directories: the one with the
/// hidden name is nobody's, and the only one there is if the commit is taken back.
#[test]
fn what_is_replaced_stays_until_the_commit_is_on_disk() {
    let root = Root::new();
    root.file(".step-1.5c1f-0.strongroom-staging/checkpoint_0.pt");
    let hidden = root.path.join(".step-1.5c1f-0.strongroom-staging");
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
    root.file(".step-1.5c1f-0.strongroom-staging");
    root.file(".step-2.5c1f-0.strongroom-staging/checkpoint_0.pt");
    Local.tidy(&root.path).unwrap();
    assert!(root.names().is_empty());
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
        let writer = CheckpointWriter::new(config, std::sync::Arc::new(LocalBarrier::single()))?;
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
