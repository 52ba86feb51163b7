//! Reading checkpoint directories as one rank of several.

mod directory;
mod fill;
mod lazy;
mod plan;
mod template;
mod transfer;

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::state::StateDict;
use crate::store::{Local, Store};
use crate::{Engine, Error, File, RankInfo, Result};
use directory::Directory;

pub use template::{DictKind, DictTarget, Key, Subtree, Template, TensorTarget};

/// How often a checkpoint is opened that somebody replaces again and again.
const MOST_TRIES: usize = 8;

/// How a [`CheckpointReader`] reads.
///
/// ```
/// use strongroom::CheckpointReaderConfig;
///
/// let config: CheckpointReaderConfig = serde_json::from_str(r#"{ "uncommitted": true }"#).unwrap();
/// assert_eq!(config, CheckpointReaderConfig { uncommitted: true, verify: true });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointReaderConfig {
    /// Whether a directory without a commit record is read too, as PyTorch's own
    /// writer leaves it. Nothing then says whether the ranks' files are all there,
    /// or of the same save.
    pub uncommitted: bool,
    /// Whether payloads are verified against their checksums, where the format has
    /// them. A part of a payload cannot be: for a tensor in a larger storage, all
    /// of that storage is then read, once. Without it only the tensor is.
    pub verify: bool,
}

impl Default for CheckpointReaderConfig {
    /// Committed directories only; everything verified.
    fn default() -> Self {
        Self { uncommitted: false, verify: true }
    }
}

/// Reads checkpoints as one rank of several: its own file, that of another rank,
/// or all; whole, or only what a [`Template`] asks for.
///
/// ```
/// use strongroom::{CheckpointReader, CheckpointWriter, HookArguments, RankInfo, StateDict};
///
/// # fn main() -> strongroom::Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let path = directory.path().join("step-1");
/// let mut state = StateDict::new();
/// state.insert("step", 1);
/// CheckpointWriter::single()?.write(&path, &state, &HookArguments::new())?;
///
/// let reader = CheckpointReader::new(RankInfo::single())?;
/// assert_eq!(reader.read(&path)?.get("step").unwrap().as_i64(), Some(1));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct CheckpointReader {
    engine: Engine,
    store: Arc<dyn Store>,
    config: CheckpointReaderConfig,
    rank_info: RankInfo,
}

impl CheckpointReader {
    /// A reader for this rank, on the machine's file system, as configured by default.
    pub fn new(rank_info: RankInfo) -> Result<Self> {
        let config = CheckpointReaderConfig::default();
        Ok(Self::new_in(Engine::shared()?, Arc::new(Local), config, rank_info))
    }

    /// The same, with an engine, a store and a configuration of one's own.
    pub fn new_in(
        engine: &Engine,
        store: Arc<dyn Store>,
        config: CheckpointReaderConfig,
        rank_info: RankInfo,
    ) -> Self {
        Self { engine: engine.clone(), store, config, rank_info }
    }

    /// The same reader, configured otherwise.
    #[must_use]
    pub fn with_config(self, config: CheckpointReaderConfig) -> Self {
        Self { config, ..self }
    }

    /// Which rank it reads as.
    pub fn rank_info(&self) -> RankInfo {
        self.rank_info
    }

    /// How it was configured.
    pub fn config(&self) -> CheckpointReaderConfig {
        self.config
    }

    /// How many ranks saved the checkpoint directory `path`: as its record says.
    /// Without a record, how many files of ranks there are.
    pub fn world_size(&self, path: impl AsRef<Path>) -> Result<usize> {
        self.directory(path.as_ref())?.world_size()
    }

    /// The state dict that this rank saved, in memory.
    ///
    /// An error if there is no such directory, if it is not committed, if it has
    /// no file of this rank, or if the file is not what was committed; and if it was saved
    /// by another number of ranks: this rank's file is then a part of something else.
    pub fn read(&self, path: impl AsRef<Path>) -> Result<StateDict<'static>> {
        self.load(&self.own(path.as_ref())?)
    }

    /// The state dict that a rank saved, in memory.
    pub fn read_rank(&self, path: impl AsRef<Path>, rank: usize) -> Result<StateDict<'static>> {
        self.load(&self.open_rank(path, rank)?)
    }

    /// The state dicts that all ranks saved, by rank, in memory.
    pub fn read_all(&self, path: impl AsRef<Path>) -> Result<Vec<StateDict<'static>>> {
        let files = self.opened(path.as_ref(), |directory| {
            (0..directory.world_size()?).map(|rank| directory.file(rank)).collect::<Result<Vec<_>>>()
        })?;
        files.iter().map(|file| self.load(file)).collect()
    }

    /// The state dict that was shared over all ranks, merged, in memory.
    ///
    /// An error if each rank saved one of its own; [`read_all`](Self::read_all)
    /// has those.
    pub fn read_merged(&self, path: impl AsRef<Path>) -> Result<StateDict<'static>> {
        self.merged(path.as_ref())?.loaded(self.config.verify)
    }

    /// The file of a rank, its payloads still in it: to map them, or to look at what
    /// there is.
    pub fn open_rank(&self, path: impl AsRef<Path>, rank: usize) -> Result<File> {
        self.opened(path.as_ref(), |directory| directory.file(rank))
    }

    /// Reads what `template` asks for of this rank's state dict, into it, and
    /// answers the paths of what is missing there.
    ///
    /// Only payloads of the values asked for are read: straight into the caller's
    /// buffers, where the template has them, by all cores.
    ///
    /// - [`Template::Any`] takes whatever is there, with all that is in it.
    /// - A dict's keys are looked up one by one. One that is not there is missing,
    ///   and its value stays. Keys that are not asked for are not read.
    /// - A list becomes as long as the one that is there. A value beyond the end of
    ///   that one is an error, unless it is `Any`.
    /// - A tensor has to be of the dtype and shape asked for.
    /// - Any other value is replaced by one of the same kind. An `int` does for no
    ///   `float`, nor the other way round, and only `Any` takes a `None`. What
    ///   Python holds for a subclass takes the place of its base: a `bool` in the
    ///   template that of an `int`, an `OrderedDict` that of a `dict`.
    ///
    /// # Errors
    /// [`Error::Mismatch`] names the first value that is not as asked for; with
    /// `strict`, [`Error::MissingKeys`] names all that are missing. All is checked
    /// before the first payload is read: then nothing of the template has changed.
    /// If a payload cannot be read or is damaged, the caller's buffers may be partly
    /// filled, and nothing else has changed.
    pub fn read_into(
        &self,
        path: impl AsRef<Path>,
        template: &mut Template<'_>,
        strict: bool,
    ) -> Result<Vec<String>> {
        let file = self.own(path.as_ref())?;
        self.partial(file.path(), file.state(), template, strict)
    }

    /// The same of the state dict that another rank saved.
    pub fn read_rank_into(
        &self,
        path: impl AsRef<Path>,
        rank: usize,
        template: &mut Template<'_>,
        strict: bool,
    ) -> Result<Vec<String>> {
        let file = self.open_rank(path, rank)?;
        self.partial(file.path(), file.state(), template, strict)
    }

    /// The same of the state dict that was shared over all ranks.
    pub fn read_merged_into(
        &self,
        path: impl AsRef<Path>,
        template: &mut Template<'_>,
        strict: bool,
    ) -> Result<Vec<String>> {
        let path = path.as_ref();
        self.partial(path, &self.merged(path)?, template, strict)
    }

    fn partial(
        &self,
        path: &Path,
        state: &StateDict<'static>,
        template: &mut Template<'_>,
        strict: bool,
    ) -> Result<Vec<String>> {
        let (plan, missing) = plan::plan(path, template, state)?;
        if strict && !missing.is_empty() {
            return Err(Error::MissingKeys { path: path.into(), keys: missing });
        }
        fill::fill(path, state, template, plan, self.config.verify)?;
        Ok(missing)
    }

    /// This rank's file, of a checkpoint of as many ranks as there are now.
    fn own(&self, path: &Path) -> Result<File> {
        let RankInfo { global_rank: rank, global_world_size: ranks } = self.rank_info;
        self.opened(path, |directory| match directory.committed_by() {
            Some(saved) if saved != ranks => Err(Error::checkpoint(
                path,
                format!(
                    "it was saved by {saved} ranks, and this is one of {ranks}: `read_merged` reads a state dict \
                     that was shared over ranks, `read_rank` and `read_all` what single ranks have"
                ),
            )),
            _ => directory.file(rank),
        })
    }

    fn load(&self, file: &File) -> Result<StateDict<'static>> {
        if self.config.verify { file.load() } else { file.load_unverified() }
    }

    fn merged(&self, path: &Path) -> Result<StateDict<'static>> {
        self.opened(path, |directory| match directory {
            Directory::Committed(checkpoint) => checkpoint.merged(),
            Directory::Uncommitted { .. } => match directory.world_size()? {
                1 => Ok(directory.file(0)?.state().clone()),
                ranks => Err(Error::checkpoint(
                    path,
                    format!("without a commit record the files of its {ranks} ranks cannot be merged"),
                )),
            },
        })
    }

    /// Opens files of a directory, all of one checkpoint: when one is replaced between
    /// two files, those of the new one.
    fn opened<T>(&self, path: &Path, open: impl Fn(&Directory<'_>) -> Result<T>) -> Result<T> {
        let mut tries = 0;
        loop {
            tries += 1;
            match open(&self.directory(path)?) {
                Err(Error::Replaced { .. }) if tries < MOST_TRIES => {}
                opened => return opened,
            }
        }
    }

    fn directory(&self, path: &Path) -> Result<Directory<'_>> {
        Directory::open(&self.engine, &self.store, path, self.config.uncommitted)
    }
}
