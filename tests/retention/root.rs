//! A directory of checkpoints, and what is said of it.

use std::fs;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use strongroom::{
    CheckpointWriter, CheckpointWriterConfig, HookArguments, LocalBarrier, Retention, StateDict,
};

/// A directory of checkpoints.
pub struct Root {
    pub path: PathBuf,
    _directory: tempfile::TempDir,
}

impl Root {
    pub fn with(checkpoints: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run");
        fs::create_dir(&path).unwrap();
        let config = CheckpointWriterConfig { durable: false, ..CheckpointWriterConfig::default() };
        let writer = CheckpointWriter::new(config, Arc::new(LocalBarrier::single())).unwrap();
        for name in checkpoints {
            writer.write(path.join(name), &state(name), &HookArguments::new()).unwrap();
        }
        Self { path, _directory: directory }
    }

    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.path).unwrap();
        let mut names: Vec<String> = entries.map(|entry| name(&entry.unwrap().path())).collect();
        names.sort();
        names
    }
}

pub fn state(name: &str) -> StateDict<'static> {
    let mut state = StateDict::new();
    state.insert("name", name);
    state
}

pub fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

pub fn keep(keep_last: usize, keep_every: Option<u64>) -> Retention {
    let keep_last = NonZeroUsize::new(keep_last).unwrap();
    Retention { keep_every: keep_every.and_then(NonZeroU64::new), ..Retention::last(keep_last) }
}
