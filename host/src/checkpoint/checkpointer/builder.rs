use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{AsyncCheckpointer, BackgroundWriter, SyncCheckpointer};
use crate::checkpoint::hook::WriterHook;
use crate::checkpoint::process::{CheckpointProcess, CheckpointProcessConfig, CheckpointWriterSpec};
use crate::checkpoint::reader::{CheckpointReader, CheckpointReaderConfig};
use crate::checkpoint::stager::{CheckpointStager, CheckpointStagerConfig};
use crate::ranks::barrier::BarrierConfig;
use crate::{CheckpointWriter, CheckpointWriterConfig, Error, RankInfo, Result};

/// All that checkpointers are made of. Its defaults are for a world of one.
///
/// ```
/// use strongroom::{BarrierConfig, CheckpointerConfig};
///
/// let json = r#"{"barrier_config": {"barrier_type": "local", "barrier_args": {"timeout_secs": 60}}}"#;
/// let config: CheckpointerConfig = serde_json::from_str(json).unwrap();
/// assert_eq!(config.barrier_config.barrier_type.as_deref(), Some("local"));
/// ```
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointerConfig {
    /// How checkpoints are written.
    pub writer_config: CheckpointWriterConfig,
    /// How they are read.
    pub reader_config: CheckpointReaderConfig,
    /// Where ranks meet.
    pub barrier_config: BarrierConfig,
    /// How state dicts are copied for the background.
    pub staging_config: CheckpointStagerConfig,
    /// The process that writes in the background; by default a thread of this one.
    pub process_config: Option<CheckpointProcessConfig>,
    /// Hooks that are components: files.
    pub hook_files: Vec<PathBuf>,
}

/// Makes a checkpointer that saves while its caller waits.
///
/// Joins the barrier, so all ranks call it. The hooks are called after those of
/// `config.hook_files`. [`RankInfo::from_env`] tells the rank that a launcher gave.
///
/// ```
/// use strongroom::{Checkpointer, CheckpointerConfig, HookArguments, RankInfo, StateDict, make_sync_checkpointer};
///
/// # fn main() -> strongroom::Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let path = directory.path().join("step-1");
/// let mut checkpointer = make_sync_checkpointer(&CheckpointerConfig::default(), RankInfo::from_env()?, &[])?;
/// let _ = checkpointer.save(&path, &StateDict::new(), &HookArguments::new())?;
/// assert!(path.join("strongroom.json").exists());
/// checkpointer.close()?;
/// # Ok(())
/// # }
/// ```
pub fn make_sync_checkpointer(
    config: &CheckpointerConfig,
    rank_info: RankInfo,
    hooks: &[Arc<dyn WriterHook>],
) -> Result<SyncCheckpointer> {
    let reader = CheckpointReader::new(rank_info)?.with_config(config.reader_config);
    Ok(SyncCheckpointer::new(writer(config, rank_info, hooks)?, reader))
}

/// Makes a checkpointer that saves in the background: in a thread, or, with a
/// `process_config`, in a process that survives this one.
///
/// Joins the barrier, so all ranks call it. A hook that is an object of this
/// process cannot be called by another: with a `process_config`, `hooks` must be
/// empty, and `hook_files` has them.
///
/// ```no_run
/// use strongroom::{
///     CheckpointProcessConfig, Checkpointer, CheckpointerConfig, HookArguments, RankInfo, StateDict,
///     make_async_checkpointer,
/// };
///
/// # fn main() -> strongroom::Result<()> {
/// // By a process: what was staged is committed even if this one is killed.
/// let config = CheckpointerConfig {
///     process_config: Some(CheckpointProcessConfig::default()),
///     ..CheckpointerConfig::default()
/// };
/// let mut checkpointer = make_async_checkpointer(&config, RankInfo::from_env()?, &[])?;
/// let saving = checkpointer.save("run/step-1".as_ref(), &StateDict::new(), &HookArguments::new())?;
/// // Training goes on here.
/// saving.wait()?;
/// checkpointer.close()?;
/// # Ok(())
/// # }
/// ```
pub fn make_async_checkpointer(
    config: &CheckpointerConfig,
    rank_info: RankInfo,
    hooks: &[Arc<dyn WriterHook>],
) -> Result<AsyncCheckpointer> {
    let reader = CheckpointReader::new(rank_info)?.with_config(config.reader_config);
    let mut staging_config = config.staging_config;
    let background: Box<dyn BackgroundWriter> = match &config.process_config {
        None => Box::new(writer(config, rank_info, hooks)?),
        Some(_) if !hooks.is_empty() => {
            return Err(Error::Value(
                "a hook of this process cannot run in the checkpoint process: give it as a component, in \
                 hook_files"
                    .into(),
            ));
        }
        Some(process_config) => {
            // What goes to another process is shared with it, not sent.
            staging_config.use_shared_memory = true;
            Box::new(CheckpointProcess::start(process_config.clone(), &writer_spec(config, rank_info))?)
        }
    };
    AsyncCheckpointer::new(CheckpointStager::new(staging_config), background, reader)
}

fn writer(
    config: &CheckpointerConfig,
    rank_info: RankInfo,
    hooks: &[Arc<dyn WriterHook>],
) -> Result<CheckpointWriter> {
    let writer = writer_spec(config, rank_info).make()?;
    Ok(hooks.iter().cloned().fold(writer, CheckpointWriter::with_hook))
}

fn writer_spec(config: &CheckpointerConfig, rank_info: RankInfo) -> CheckpointWriterSpec {
    CheckpointWriterSpec {
        rank_info,
        barrier: config.barrier_config.clone(),
        writer: config.writer_config.clone(),
        hooks: config.hook_files.clone(),
    }
}
