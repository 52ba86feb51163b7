use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    BarrierConfig, CheckpointWriter, CheckpointWriterConfig, RankInfo, Result, WriterHook,
    create_barrier_from_config,
};

/// A [`CheckpointWriter`] that is yet to be made, in a process of its own: all that
/// can be said of it in JSON.
///
/// ```
/// use strongroom::{CheckpointWriterConfig, CheckpointWriterSpec, HookArguments, StateDict};
///
/// # fn main() -> strongroom::Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let path = directory.path().join("step-1");
/// let writer = CheckpointWriterConfig { durable: false, ..CheckpointWriterConfig::default() };
/// let spec = CheckpointWriterSpec { writer, ..CheckpointWriterSpec::default() };
/// // A checkpoint process would do this, and so can anyone.
/// spec.make()?.write(&path, &StateDict::new(), &HookArguments::new())?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointWriterSpec {
    /// Which rank it writes as.
    pub rank_info: RankInfo,
    /// How it waits for the other ranks. It joins the barrier itself.
    pub barrier: BarrierConfig,
    /// How it writes.
    pub writer: CheckpointWriterConfig,
    /// The files of its hooks, which are components, in the order they are called in.
    pub hooks: Vec<PathBuf>,
}

impl CheckpointWriterSpec {
    /// Makes the writer: joins the barrier, opens the hooks.
    pub fn make(&self) -> Result<CheckpointWriter> {
        let hooks = self.hooks.iter().map(|file| open(file)).collect::<Result<Vec<_>>>()?;
        let barrier = create_barrier_from_config(&self.barrier, self.rank_info)?;
        let writer = CheckpointWriter::new(self.writer.clone(), barrier)?;
        Ok(hooks.into_iter().fold(writer, CheckpointWriter::with_hook))
    }
}

#[cfg(feature = "compiler")]
fn open(file: &Path) -> Result<Arc<dyn WriterHook>> {
    Ok(Arc::new(crate::ComponentHook::open(file)?))
}

#[cfg(not(feature = "compiler"))]
fn open(file: &Path) -> Result<Arc<dyn WriterHook>> {
    Err(crate::Error::NoCompiler { path: file.into() })
}
