//! Saving and loading as a trainer sees it.

mod background;
mod builder;
mod handle;
mod synchronous;

use std::fmt;
use std::path::Path;

use crate::checkpoint::reader::Template;
use crate::{HookArguments, Result, StateDict};

pub use background::{AsyncCheckpointer, BackgroundWriter};
pub use builder::{CheckpointerConfig, make_async_checkpointer, make_sync_checkpointer};
pub use handle::Handle;
pub use synchronous::SyncCheckpointer;

/// Saves and loads checkpoints as one rank of several.
///
/// All ranks save the same checkpoints in the same order. See [`SyncCheckpointer`]
/// and [`AsyncCheckpointer`].
///
/// ```
/// use strongroom::{
///     Checkpointer, CheckpointerConfig, HookArguments, RankInfo, Result, StateDict, make_async_checkpointer,
///     make_sync_checkpointer,
/// };
///
/// fn train(checkpointer: &mut dyn Checkpointer, root: &std::path::Path) -> Result<()> {
///     let mut state = StateDict::new();
///     for step in 0..3 {
///         state.insert("step", step);
///         checkpointer.save(&root.join(format!("step-{step}")), &state, &HookArguments::new())?;
///     }
///     checkpointer.close()
/// }
///
/// # fn main() -> Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// let (config, rank) = (CheckpointerConfig::default(), RankInfo::single());
/// train(&mut make_sync_checkpointer(&config, rank, &[])?, &directory.path().join("a"))?;
/// train(&mut make_async_checkpointer(&config, rank, &[])?, &directory.path().join("b"))?;
/// assert!(strongroom::latest(directory.path().join("b"))?.unwrap().ends_with("step-2"));
/// # Ok(())
/// # }
/// ```
pub trait Checkpointer: fmt::Debug + Send {
    /// Saves `state` as this rank's part of the checkpoint directory `path`.
    ///
    /// The arguments go to the hooks. When this returns, `state` may be changed.
    /// If the save before failed in the background, its error is this one's: then
    /// nothing is saved, on no rank.
    fn save(&mut self, path: &Path, state: &StateDict<'_>, arguments: &HookArguments) -> Result<Saving>;

    /// Loads what this rank saved as a part of `path`, every payload verified.
    fn load(&self, path: &Path) -> Result<StateDict<'static>>;

    /// Loads only what `template` asks for, into it. Answers the keys that the
    /// checkpoint lacks; with `strict` such are an error.
    fn load_into(&self, path: &Path, template: &mut Template<'_>, strict: bool) -> Result<Vec<String>>;

    /// Waits for what is under way and takes leave of the other ranks. The error of
    /// a save that nobody has seen is this one's. Nothing can be saved afterwards.
    fn close(&mut self) -> Result<()>;
}

/// A save that was begun. [`Handle`] shows what can be done with its two handles.
#[derive(Clone, Debug)]
#[must_use = "a save in the background may fail: wait for it, or see the error at the next save or at close"]
pub struct Saving {
    /// Done when the state dict has been copied, and may be changed.
    pub staged: Handle,
    /// Done when the checkpoint is committed.
    pub written: Handle,
}

impl Saving {
    /// Waits until the checkpoint is committed.
    pub fn wait(&self) -> Result<()> {
        self.written.wait()
    }
}
