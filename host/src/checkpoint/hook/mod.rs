//! What users do around a commit.

#[cfg(feature = "compiler")]
mod component;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use crate::RankInfo;
pub use crate::error::HookError;

#[cfg(feature = "compiler")]
pub use component::{ComponentCause, ComponentFailure, ComponentHook, HookLimits};

/// Free-form arguments of a save, which are passed on to its hooks.
pub type HookArguments = BTreeMap<String, serde_json::Value>;

/// What is called on every rank around the commit of a checkpoint. `ComponentHook`
/// is one that runs a component in a sandbox; one in Rust can do whatever this
/// process can.
///
/// ```
/// use std::sync::Arc;
/// use strongroom::{CheckpointWriter, HookArguments, HookContext, HookError, StateDict, WriterHook};
///
/// #[derive(Debug)]
/// struct Announce;
///
/// impl WriterHook for Announce {
///     fn name(&self) -> &str {
///         "announce"
///     }
///
///     fn pre_commit(&self, _: &HookContext<'_>) -> Result<(), HookError> {
///         Ok(())
///     }
///
///     fn post_commit(&self, checkpoint: &HookContext<'_>) -> Result<(), HookError> {
///         println!("{} is there", checkpoint.path.display());
///         Ok(())
///     }
/// }
///
/// # fn main() -> strongroom::Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let path = directory.path().join("step-1");
/// let writer = CheckpointWriter::single()?.with_hook(Arc::new(Announce));
/// writer.write(&path, &StateDict::new(), &HookArguments::new())?;
/// # Ok(())
/// # }
/// ```
pub trait WriterHook: fmt::Debug + Send + Sync {
    /// What errors call it.
    fn name(&self) -> &str;

    /// Called when this rank's file is durable, before the ranks wait for each
    /// other. An error fails the save on all ranks: nothing is committed. So does a
    /// panic, which is caught and becomes an error.
    fn pre_commit(&self, checkpoint: &HookContext<'_>) -> Result<(), HookError>;

    /// Called when the checkpoint is committed. An error, or a panic, is that of
    /// this rank's save, and says so; the checkpoint stays, and hooks that would
    /// come next on this rank are not called.
    fn post_commit(&self, checkpoint: &HookContext<'_>) -> Result<(), HookError>;
}

/// What a hook is told.
#[derive(Clone, Copy, Debug)]
pub struct HookContext<'c> {
    /// The checkpoint's directory: where it will be, or is.
    pub path: &'c Path,
    /// Where its files are now, if the store has them on this machine: a hidden
    /// directory before the commit, after it the one that `path` leads to.
    pub directory: Option<&'c Path>,
    /// Which rank calls.
    pub rank_info: RankInfo,
    /// The arguments of the save.
    pub arguments: &'c HookArguments,
}
