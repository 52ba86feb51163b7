//! Jobs that meet at one path: they save to it, replace it, read it and prune it at the
//! same time. What is read is always one save, whole; the newest is never deleted; and
//! what cannot be done is said clearly.

mod common;

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::meddling::{Meddling, Moment};
use common::process::built;
use strongroom::{
    Checkpoint, CheckpointReader, CheckpointWriter, CheckpointWriterConfig, Error, HookArguments,
    LocalBarrier, RankInfo, Result, Retention, StateDict, Tensor, latest, latest_in, list, prune, prune_in,
};

#[test]
fn of_two_jobs_that_save_to_one_path_one_does() {
    let room = Room::new();
    for round in 0..10 {
        let path = room.root.join(format!("step-{round}"));
        let jobs = [1, 2].map(|number| room.save(number, &path, &["--ranks", "2"]));
        let ended = jobs.map(|job| job.wait_with_output().unwrap());
        let done: Vec<usize> = (0..2).filter(|&job| ended[job].status.success()).collect();
        assert_eq!(done.len(), 1, "round {round}: {}", said(&ended));
        assert!(stderr(&ended[1 - done[0]]).contains("something is here already"), "{}", said(&ended));
        assert_eq!(whole(&path).unwrap(), i64::try_from(done[0]).unwrap() + 1);
    }
    assert_eq!(room.names().len(), 10, "{:?}", room.names());
}

#[test]
fn two_jobs_that_replace_one_path_both_do() {
    let room = Room::new();
    let path = room.root.join("step-1");
    for round in 0..10 {
        let jobs = [1, 2].map(|number| room.save(number, &path, &["--ranks", "2", "--overwrite"]));
        let ended = jobs.map(|job| job.wait_with_output().unwrap());
        assert!(ended.iter().all(|ended| ended.status.success()), "round {round}: {}", said(&ended));
        whole(&path).unwrap();
    }
    assert_eq!(room.names(), ["step-1"]);
}

/// Readers never find nothing, and never a part of one save with a part of another.
#[test]
fn readers_go_on_while_a_checkpoint_is_replaced() {
    let room = Room::new();
    let path = room.root.join("step-1");
    save(&path, 0).unwrap();
    let whole_one = Checkpoint::open(&path).unwrap().verify().unwrap();
    let (stop, read) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let replacer = scope.spawn(|| {
            let mut number = 0;
            for_a_while(5, || {
                number += 1;
                save(&path, number).unwrap();
            });
            stop.store(true, Ordering::SeqCst);
            number
        });
        for _ in 0..2 {
            scope.spawn(|| {
                let mut last = 0;
                while !stop.load(Ordering::SeqCst) {
                    let number = whole(&path).unwrap_or_else(|error| panic!("{error}"));
                    assert!(number >= last, "{number} was found after {last}");
                    last = number;
                    read.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        scope.spawn(|| {
            while !stop.load(Ordering::SeqCst) {
                let listed = list(&room.root).unwrap().checkpoints;
                assert!(matches!(listed.as_slice(), [listed] if listed.path == path), "{listed:?}");
                match Checkpoint::open(&path).and_then(|checkpoint| checkpoint.verify()) {
                    Ok(verified) => assert_eq!(verified, whole_one),
                    Err(Error::Replaced { path: named }) => assert_eq!(named, path),
                    Err(error) => panic!("{error}"),
                }
            }
        });
        assert!(replacer.join().unwrap() > 10);
    });
    assert!(read.into_inner() > 10);
    assert_eq!(room.names(), ["step-1"]);
}

/// A checkpoint that a program holds open is the one that it opened: if its files are
/// gone, that is said, and another's are never taken for them.
#[test]
fn who_holds_a_checkpoint_open_hears_that_it_was_replaced_or_removed() {
    let room = Room::new();
    let path = room.root.join("step-1");
    save(&path, 1).unwrap();
    let opened = Checkpoint::open(&path).unwrap();
    save(&path, 2).unwrap();
    is_gone(&opened, &path);

    let opened = Checkpoint::open(&path).unwrap();
    save(&room.root.join("step-2"), 3).unwrap();
    prune(&room.root, &keep(1)).unwrap();
    is_gone(&opened, &path);
}

fn is_gone(opened: &Checkpoint, path: &Path) {
    let name = path.to_str().unwrap();
    let errors = [opened.file(0).unwrap_err(), opened.merged().unwrap_err(), opened.verify().unwrap_err()];
    for error in errors.map(|error| error.to_string()) {
        assert!(error.contains(name) && error.contains("replaced or removed while it was read"), "{error}");
    }
}

#[test]
fn what_is_mapped_stays_when_it_is_replaced_and_removed() {
    let room = Room::new();
    let path = room.root.join("step-1");
    save(&path, 7).unwrap();
    let (mapped, opened) = {
        let checkpoint = Checkpoint::open(&path).unwrap();
        (checkpoint.file(0).unwrap().map().unwrap(), checkpoint.merged().unwrap())
    };
    save(&path, 8).unwrap();
    save(&room.root.join("step-2"), 9).unwrap();
    assert_eq!(prune(&room.root, &keep(1)).unwrap().removed, [path]);
    for (path, tensor) in mapped.tensors() {
        assert!(tensor.bytes().unwrap().iter().all(|byte| *byte == 7), "{path}");
    }
    let copy = room.sources.path().join("copy.pt");
    strongroom::save(&copy, &opened).unwrap();
    assert_eq!(number(&strongroom::load(&copy).unwrap()), Ok(7));
}

/// A load of the latest, in a run that keeps one: it gets a whole one, or hears that it
/// was removed.
#[test]
fn loads_while_old_checkpoints_go() {
    let room = Room::new();
    save(&room.root.join("step-0"), 0).unwrap();
    let (stop, read) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let run = scope.spawn(|| {
            let mut step = 0;
            for_a_while(5, || {
                step += 1;
                save(&room.root.join(format!("step-{step}")), step).unwrap();
                prune(&room.root, &keep(1)).unwrap();
            });
            stop.store(true, Ordering::SeqCst);
            step
        });
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::SeqCst) {
                    let path = latest(&room.root).unwrap().expect("there is always one");
                    match whole(&path) {
                        Ok(number) => {
                            assert!(
                                path.ends_with(format!("step-{number}")),
                                "{number} in {}",
                                path.display()
                            );
                            read.fetch_add(1, Ordering::SeqCst);
                        }
                        Err(error) => {
                            let error = error.to_string();
                            let clear = error.contains("replaced or removed while it was read")
                                || error.contains("there is no such directory");
                            assert!(clear && error.contains("step-"), "{error}");
                        }
                    }
                }
            });
        }
        assert!(run.join().unwrap() > 10);
    });
    assert!(read.into_inner() > 10);
    assert_eq!(room.names().len(), 1);
}

#[test]
fn two_prunes_in_processes_of_their_own() {
    let room = Room::new();
    for step in 0..30 {
        save(&room.root.join(format!("step-{step}")), step).unwrap();
    }
    let prunes =
        [(); 2].map(|()| room.command(&["prune", "--keep-last", "3"]).arg(&room.root).spawn().unwrap());
    let ended = prunes.map(|prune| prune.wait_with_output().unwrap());
    assert!(ended.iter().all(|ended| ended.status.success()), "{}", said(&ended));
    assert_eq!(room.names(), ["step-27", "step-28", "step-29"]);
}

/// The oldest is to go, and is replaced when that was decided: then it is the newest.
#[test]
fn a_prune_does_not_delete_what_was_just_replaced() {
    let room = Room::new();
    let old = room.root.join("step-1");
    save(&old, 1).unwrap();
    save(&room.root.join("step-2"), 2).unwrap();
    let store = Meddling::new(Moment::Decided, || save(&old, 3).unwrap());
    assert!(prune_in(&store, &room.root, &keep(1)).unwrap().removed.is_empty());
    assert_eq!(latest(&room.root).unwrap(), Some(old.clone()));
    assert_eq!(whole(&old).unwrap(), 3);
}

/// Who asks for the latest reads the names first. All of them go, and the one that is
/// there has a name that was not read.
#[test]
fn the_latest_is_found_when_all_that_were_there_go() {
    let room = Room::new();
    let new = room.root.join("step-2");
    save(&room.root.join("step-1"), 1).unwrap();
    let meddle = || {
        save(&new, 2).unwrap();
        prune(&room.root, &keep(1)).unwrap();
    };
    let store = Meddling::new(Moment::Listed, meddle);
    assert_eq!(latest_in(&store, &room.root).unwrap(), Some(new.clone()));
}

/// It goes when its head was read, and before the rest of its record is.
#[test]
fn the_latest_is_found_when_it_goes_between_two_looks() {
    for reads in 1..=2 {
        let room = Room::new();
        let root = room.root.clone();
        save(&root.join("step-1"), 1).unwrap();
        let store = Meddling::reading(reads, move || {
            save(&root.join("step-2"), 2).unwrap();
            prune(&root, &keep(1)).unwrap();
        });
        assert_eq!(latest_in(&store, &room.root).unwrap(), Some(room.root.join("step-2")), "{reads}");
        assert!(store.is_read(), "{reads}");
    }
}

/// A replacement that comes when the prune has looked for the last time waits for it, and
/// is there afterwards.
#[test]
fn a_replacement_waits_for_a_prune() {
    let room = Room::new();
    let old = room.root.join("step-1");
    save(&old, 1).unwrap();
    save(&room.root.join("step-2"), 2).unwrap();
    let committed = AtomicBool::new(false);
    thread::scope(|scope| {
        let replace = || {
            save(&old, 3).unwrap();
            committed.store(true, Ordering::SeqCst);
        };
        let meddle = || {
            scope.spawn(replace);
            // It has all the time it needs to commit, if it does not wait.
            thread::sleep(Duration::from_millis(500));
            assert!(!committed.load(Ordering::SeqCst), "it was replaced while it was removed");
        };
        let store = Meddling::new(Moment::LookedAt, meddle);
        assert_eq!(prune_in(&store, &room.root, &keep(1)).unwrap().removed, std::slice::from_ref(&old));
    });
    assert_eq!(latest(&room.root).unwrap(), Some(old.clone()));
    assert_eq!(whole(&old).unwrap(), 3);
}

/// The same by chance: the two meet at any moment.
#[test]
fn a_prune_and_a_replacement_at_once() {
    let room = Room::new();
    let (old, other) = (room.root.join("step-1"), room.root.join("step-2"));
    let (mut number, mut removed) = (0, 0);
    for_a_while(4, || {
        number += 1;
        for path in [&old, &other] {
            save(path, number).unwrap();
        }
        number += 1;
        let pruned = thread::scope(|scope| {
            let prune = scope.spawn(|| {
                thread::sleep(Duration::from_micros(u64::try_from(number).unwrap() * 97 % 4000));
                prune(&room.root, &keep(1)).unwrap().removed
            });
            save(&old, number).unwrap();
            prune.join().unwrap()
        });
        removed += pruned.len();
        assert_eq!(latest(&room.root).unwrap(), Some(old.clone()));
        assert_eq!(whole(&old).unwrap(), number);
    });
    assert!(removed > 5 && number > 10, "{removed} of {number}");
}

/// Two runs in one directory, one of which finds again and again what a save that died
/// has left. None takes what the other works on for a leftover.
#[test]
fn a_save_goes_on_while_another_job_cleans_up() {
    let room = Room::new();
    let large = room.root.join("step-1");
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let slow = scope.spawn(|| {
            let mut saves = 0;
            for_a_while(6, || {
                let save = room.save(saves % 100, &large, &["--ranks", "2", "--overwrite"]);
                let ended = [save.wait_with_output().unwrap()];
                assert!(ended[0].status.success(), "{}", said(&ended));
                assert_eq!(whole(&large).unwrap(), saves % 100);
                saves += 1;
            });
            stop.store(true, Ordering::SeqCst);
            saves
        });
        scope.spawn(|| {
            let mut number = 0;
            while !stop.load(Ordering::SeqCst) {
                number += 1;
                save(&room.root.join("step-2"), number).unwrap();
                prune(&room.root, &keep(2)).unwrap();
            }
        });
        assert!(slow.join().unwrap() > 5);
    });
    assert_eq!(room.names(), ["step-1", "step-2"]);
}

/// A directory of checkpoints, and one of files to save.
struct Room {
    root: PathBuf,
    _directory: tempfile::TempDir,
    sources: tempfile::TempDir,
}

impl Room {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("run");
        fs::create_dir(&root).unwrap();
        Self { root, _directory: directory, sources: tempfile::tempdir().unwrap() }
    }

    /// Starts the command that saves the state dict of a number.
    fn save(&self, number: i64, path: &Path, options: &[&str]) -> Child {
        let source = self.sources.path().join(format!("{number}.pt"));
        if !source.exists() {
            strongroom::save(&source, &state(number)).unwrap();
        }
        let mut command = self.command(&["save"]);
        command.arg(source).arg(path).args(options).spawn().unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(built("strongroom"));
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// All there is, hidden or not.
    fn names(&self) -> Vec<String> {
        let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<String> = fs::read_dir(&self.root).unwrap().map(name).collect();
        names.sort();
        names
    }
}

/// Saves the state dict of a number, over what is there.
fn save(path: &Path, number: i64) -> Result<()> {
    let config =
        CheckpointWriterConfig { durable: false, overwrite: true, ..CheckpointWriterConfig::default() };
    let state = state(number);
    let save = |barrier| {
        let writer = CheckpointWriter::new(config.clone(), Arc::new(barrier))?;
        writer.write_shared(path, &state, &HookArguments::new())
    };
    thread::scope(|scope| {
        let ranks = LocalBarrier::world(2).into_iter();
        let ranks: Vec<_> = ranks.map(|barrier| scope.spawn(|| save(barrier))).collect();
        ranks.into_iter().try_for_each(|rank| rank.join().unwrap())
    })
}

/// Which number was saved at a path: all of it, by the ways in which one can read.
fn whole(path: &Path) -> Result<i64> {
    let reader = CheckpointReader::new(RankInfo::single())?;
    let torn = |reason: String| panic!("{}: {reason}", path.display());
    let read = number(&reader.read_merged(path)?).unwrap_or_else(torn);
    Ok(read)
}

/// The number whose state dict it is; else how it is torn.
fn number(state: &StateDict<'_>) -> std::result::Result<i64, String> {
    let number = state.get("step").unwrap().as_i64().unwrap();
    let expected = u8::try_from(number % 251).unwrap();
    for (path, tensor) in state.tensors() {
        let bytes = tensor.bytes().unwrap();
        if let Some(other) = bytes.iter().find(|byte| **byte != expected) {
            return Err(format!("a byte of {path} is of {other}, and the rest of {number}"));
        }
    }
    Ok(number)
}

/// Tensors full of the number, and the number.
fn state(number: i64) -> StateDict<'static> {
    let mut state = StateDict::new();
    for (name, length) in [("embedding", 300_000), ("layer", 50_000), ("bias", 100), ("head", 200_000)] {
        let bytes = vec![u8::try_from(number % 251).unwrap(); length];
        state.insert(name, Tensor::from_vec(bytes, &[length as u64]).unwrap());
    }
    state.insert("step", number);
    state
}

fn for_a_while(seconds: u64, mut work: impl FnMut()) {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(seconds) {
        work();
    }
}

fn keep(keep_last: usize) -> Retention {
    Retention::last(NonZeroUsize::new(keep_last).unwrap())
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn said(ended: &[Output]) -> String {
    ended.iter().map(|ended| format!("{}: {}", ended.status, stderr(ended))).collect()
}
