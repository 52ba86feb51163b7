//! Ranks that do not save alike: a save to which one does not come in time fails, and the
//! next is none the worse for it.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use strongroom::{
    Checkpoint, CheckpointWriter, CheckpointWriterConfig, HookArguments, LocalBarrier, Result, StateDict,
};
use tempfile::TempDir;

const TIMEOUT: Duration = Duration::from_millis(500);

#[test]
fn a_rank_that_is_late_hears_why_at_once_and_the_next_save_is_of_both() {
    for late in [0, 1] {
        let ranks = Ranks::new();
        let error = ranks.alone(1 - late, "step-0").unwrap_err().to_string();
        assert!(error.contains(&format!("missing ranks: {late}: did not come")), "{error}");
        let start = Instant::now();
        let error = ranks.alone(late, "step-0").unwrap_err().to_string();
        assert!(error.contains(&format!("missing ranks: {late}: did not come")), "{error}");
        assert!(start.elapsed() < TIMEOUT, "{:?}", start.elapsed());
        ranks.both("step-1").unwrap();
        assert_eq!(ranks.names(), ["step-1"]);
    }
}

#[test]
fn a_rank_that_leaves_saves_out_meets_the_other_at_the_next() {
    for absent in [0, 1] {
        let ranks = Ranks::new();
        ranks.both("step-0").unwrap();
        for step in ["step-1", "step-2"] {
            ranks.alone(1 - absent, step).unwrap_err();
        }
        for step in ["step-3", "step-4"] {
            ranks.both(step).unwrap();
        }
        ranks.alone(absent, "step-5").unwrap_err();
        ranks.both("step-6").unwrap();
        assert_eq!(ranks.names(), ["step-0", "step-3", "step-4", "step-6"]);
    }
}

/// Names do not tell the saves apart: one more may fail until they meet.
#[test]
fn ranks_that_save_to_one_place_meet_again_too() {
    for absent in [0, 1] {
        let ranks = Ranks::new();
        ranks.both("latest").unwrap();
        ranks.alone(1 - absent, "latest").unwrap_err();
        let _ = ranks.both("latest");
        for _ in 0..3 {
            ranks.both("latest").unwrap();
        }
        assert_eq!(ranks.names(), ["latest"]);
    }
}

#[test]
fn ranks_that_save_different_things_at_a_time_are_both_told() {
    let ranks = Ranks::new();
    let start = Instant::now();
    let [rank_0, rank_1] = ranks.at_once("left", "right");
    for error in [rank_0.unwrap_err(), rank_1.unwrap_err()] {
        let error = error.to_string();
        assert!(error.contains("left") && error.contains("right"), "{error}");
    }
    assert!(start.elapsed() < TIMEOUT, "{:?}", start.elapsed());
    ranks.both("next").unwrap();
    assert_eq!(ranks.names(), ["next"]);
}

/// Two ranks, and where they save.
struct Ranks {
    writers: Vec<CheckpointWriter>,
    root: TempDir,
}

impl Ranks {
    fn new() -> Self {
        let config = CheckpointWriterConfig {
            durable: false,
            overwrite: true,
            write_barrier_timeout: TIMEOUT,
            ..CheckpointWriterConfig::default()
        };
        let writer = |barrier| CheckpointWriter::new(config.clone(), Arc::new(barrier)).unwrap();
        Self {
            writers: LocalBarrier::world(2).into_iter().map(writer).collect(),
            root: tempfile::tempdir().unwrap(),
        }
    }

    fn alone(&self, rank: usize, name: &str) -> Result<()> {
        self.writers[rank].write(self.root.path().join(name), &StateDict::new(), &HookArguments::new())
    }

    fn at_once(&self, name_0: &str, name_1: &str) -> [Result<()>; 2] {
        thread::scope(|scope| {
            let rank_1 = scope.spawn(|| self.alone(1, name_1));
            [self.alone(0, name_0), rank_1.join().unwrap()]
        })
    }

    fn both(&self, name: &str) -> Result<()> {
        let [rank_0, rank_1] = self.at_once(name, name);
        rank_0.and(rank_1)?;
        Checkpoint::open(self.root.path().join(name))?.verify().map(drop)
    }

    /// The checkpoints there are, and nothing else is left.
    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir::<&Path>(self.root.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| !name.starts_with('.'));
        names.sort();
        names
    }
}
