//! The files of a checkpoint directory, committed or not.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::checkpoint::rank_file;
use crate::checkpoint::uncommitted;
use crate::store::Store;
use crate::{Checkpoint, Engine, File, Result, not_committed};

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
        if uncommitted && store.exists(path)? {
            return Ok(Self::Uncommitted { engine, store: &**store, path: path.into() });
        }
        Err(not_committed(&**store, path))
    }

    /// How many ranks saved it. Without a record, how many have a file: an error if
    /// one between others has none.
    pub(super) fn world_size(&self) -> Result<usize> {
        let (store, path) = match self {
            Self::Committed(checkpoint) => return Ok(checkpoint.world_size()),
            Self::Uncommitted { store, path, .. } => (store, path),
        };
        uncommitted::world_size(*store, path)
    }

    /// How many ranks committed it, if they did.
    pub(super) fn committed_by(&self) -> Option<usize> {
        match self {
            Self::Committed(checkpoint) => Some(checkpoint.world_size()),
            Self::Uncommitted { .. } => None,
        }
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
