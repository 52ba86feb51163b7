//! The files of a checkpoint directory, committed or not.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::checkpoint::{RECORD, absent, rank_file};
use crate::store::Store;
use crate::{Checkpoint, Engine, Error, File, Result};

/// A checkpoint directory.
pub(super) enum Directory<'r> {
    /// With its commit record, which every file is held against.
    Committed(Box<Checkpoint>),
    /// Without one: what is there counts.
    Uncommitted { engine: &'r Engine, store: &'r dyn Store, path: PathBuf },
}

impl<'r> Directory<'r> {
    pub(super) fn open(
        engine: &'r Engine,
        store: &'r Arc<dyn Store>,
        path: &Path,
        uncommitted: bool,
    ) -> Result<Self> {
        if let Some(checkpoint) = Checkpoint::find_in(engine, store.clone(), path)? {
            return Ok(Self::Committed(Box::new(checkpoint)));
        }
        if !store.exists(path)? {
            return Err(absent(path));
        }
        if uncommitted {
            return Ok(Self::Uncommitted { engine, store: &**store, path: path.into() });
        }
        Err(Error::checkpoint(
            path,
            format!(
                "it is not committed: it has no `{RECORD}`, which is written last. PyTorch's own writer writes \
                 none: to read such a directory, or what a broken save left, set `uncommitted`"
            ),
        ))
    }

    /// How many ranks saved it. Without a record, how many have a file: an error if
    /// one between others has none.
    pub(super) fn world_size(&self) -> Result<usize> {
        let (store, path) = match self {
            Self::Committed(checkpoint) => return Ok(checkpoint.world_size()),
            Self::Uncommitted { store, path, .. } => (store, path),
        };
        let entries = store.list(path)?;
        let mut ranks: Vec<usize> =
            entries.iter().filter_map(|entry| rank_of(entry.name.to_str()?)).collect();
        ranks.sort_unstable();
        if let Some((rank, _)) = ranks.iter().enumerate().find(|&(rank, &found)| rank != found) {
            let reason =
                format!("the file of rank {rank} is missing, and there are {} of others", ranks.len());
            return Err(Error::checkpoint(path, reason));
        }
        if ranks.is_empty() {
            let reason = format!("it has no file of any rank: the first is `{}`", rank_file(0));
            return Err(Error::checkpoint(path, reason));
        }
        Ok(ranks.len())
    }

    /// The file of a rank.
    pub(super) fn file(&self, rank: usize) -> Result<File> {
        match self {
            Self::Committed(checkpoint) => checkpoint.file(rank),
            Self::Uncommitted { engine, store, path } => {
                File::open_in(engine, *store, &path.join(rank_file(rank)))
            }
        }
    }
}

/// The rank whose file has this name.
fn rank_of(name: &str) -> Option<usize> {
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
            ["checkpoint_.pt", "checkpoint_01.pt", "checkpoint_+1.pt", "checkpoint_1.pt.tmp", "outline.pt"]
        {
            assert_eq!(rank_of(other), None, "{other}");
        }
    }
}
