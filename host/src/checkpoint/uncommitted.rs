//! The files of ranks in a directory that has no commit record.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::checkpoint::{FileRecord, OUTLINE, absent, rank_file, rank_record};
use crate::file::protected;
use crate::store::{Local, Store};
use crate::{Engine, Error, File, Result, not_committed};

/// A directory of files of ranks without a commit record, as PyTorch's own writer
/// leaves it: `checkpoint_0.pt` and so on. Each file can be read by itself. Nothing
/// says that they are all there, whole, or of one save.
#[derive(Clone, Debug)]
pub struct Uncommitted {
    engine: Engine,
    store: Arc<dyn Store>,
    path: PathBuf,
    world_size: usize,
}

impl Uncommitted {
    /// Opens a directory.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_in(Engine::shared()?, Arc::new(Local), path.as_ref())
    }

    /// The same, with an engine and a store of one's own.
    pub fn open_in(engine: &Engine, store: Arc<dyn Store>, path: &Path) -> Result<Self> {
        if !store.exists(path)? {
            return Err(absent(path));
        }
        if !store.list(path)?.iter().any(|entry| entry.name.to_str().and_then(rank_of).is_some()) {
            return Err(not_committed(&*store, path));
        }
        let world_size = world_size(&*store, path)?;
        Ok(Self { engine: engine.clone(), store, path: path.into(), world_size })
    }

    /// Its directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many ranks have a file.
    pub fn world_size(&self) -> usize {
        self.world_size
    }

    /// Where the file of one rank is.
    pub fn rank_path(&self, rank: usize) -> PathBuf {
        self.path.join(rank_file(rank))
    }

    /// An error if `path` is a part of the directory, if only as another name of a file there:
    /// what is written there would replace what is read.
    pub fn refuse_output(&self, path: impl AsRef<Path>) -> Result<()> {
        protected::apart_from(&*self.store, path.as_ref(), &self.path)
    }

    /// The file of one rank.
    pub fn file(&self, rank: usize) -> Result<File> {
        File::open_in(&self.engine, &*self.store, &self.rank_path(rank))
    }
}

/// The rank whose file `path` is, if what lies beside it says that it saved a share of one state
/// dict: other ranks may have the rest. For what is not committed, of which nothing says more.
pub fn shared_rank(store: &dyn Store, path: &Path) -> Option<usize> {
    let (directory, rank) = (path.parent()?, rank_of(path.file_name()?.to_str()?)?);
    let record = FileRecord::read(store, &directory.join(rank_record(rank)));
    let says_so = record.is_ok_and(|(record, ..)| record.storages.outline.is_some());
    (says_so || store.exists(&directory.join(OUTLINE)).unwrap_or(false)).then_some(rank)
}

/// How many ranks have a file in a directory: an error if one between others has none.
pub(crate) fn world_size(store: &dyn Store, path: &Path) -> Result<usize> {
    let entries = store.list(path)?;
    let mut ranks: Vec<usize> = entries.iter().filter_map(|entry| rank_of(entry.name.to_str()?)).collect();
    ranks.sort_unstable();
    if let Some((rank, _)) = ranks.iter().enumerate().find(|&(rank, &found)| rank != found) {
        let reason = format!("the file of rank {rank} is missing, and there are {} of others", ranks.len());
        return Err(Error::checkpoint(path, reason));
    }
    if ranks.is_empty() {
        let reason = format!("it has no file of any rank: the first is `{}`", rank_file(0));
        return Err(Error::checkpoint(path, reason));
    }
    Ok(ranks.len())
}

/// The rank whose file has this name.
pub(crate) fn rank_of(name: &str) -> Option<usize> {
    let rank = name.strip_prefix("checkpoint_")?.strip_suffix(".pt")?.parse().ok()?;
    // Not `+1`, not `01`.
    (rank_file(rank) == name).then_some(rank)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_names_that_writers_give_are_ranks() {
        assert_eq!(rank_of("checkpoint_12.pt"), Some(12));
        for other in
            ["checkpoint_.pt", "checkpoint_01.pt", "checkpoint_+1.pt", "checkpoint_1.pt.tmp", "outline.pkl"]
        {
            assert_eq!(rank_of(other), None, "{other}");
        }
    }
}
