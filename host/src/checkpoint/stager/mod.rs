//! Copies of state dicts in memory that is used again and again, so that training
//! can go on while a copy is written.

mod arena;

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::state::{StateDict, Storage};
use crate::{Error, Result};

pub(crate) use arena::Arena;

/// How a [`CheckpointStager`] stages.
///
/// PyTorch's stager also has `use_pinned_memory` and `use_non_blocking_copy`, which
/// are about copies from a device. Here those are the business of whoever makes the
/// storage: see [`Storage::from_source`].
///
/// ```
/// use strongroom::CheckpointStagerConfig;
///
/// let config: CheckpointStagerConfig = serde_json::from_str(r#"{"use_shared_memory": true}"#).unwrap();
/// assert!(config.use_shared_memory && !CheckpointStagerConfig::default().use_shared_memory);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointStagerConfig {
    /// Whether the memory can be given to another process: a
    /// [`CheckpointProcess`](crate::CheckpointProcess) needs that. Not by default,
    /// for few machines have huge pages for such memory.
    pub use_shared_memory: bool,
}

/// Copies state dicts, with all cores, into memory that it keeps.
///
/// The memory is as large as the largest state dict so far, and is allocated
/// twice at most: a state dict can be staged while the one before it is still
/// being written, but not while two are. Staging what is no larger than before
/// allocates no memory for payloads. The memory never shrinks; it is given back
/// when the stager and all that was staged by it are dropped.
///
/// ```
/// use strongroom::{CheckpointStager, CheckpointStagerConfig, StateDict, Tensor};
///
/// # fn main() -> strongroom::Result<()> {
/// let mut stager = CheckpointStager::new(CheckpointStagerConfig::default());
/// let mut weight = vec![1.0f32; 4];
/// let staged = {
///     let mut state = StateDict::new();
///     state.insert("weight", Tensor::from_slice(&weight, &[2, 2])?);
///     stager.stage(&state)?
/// };
/// // Training goes on.
/// weight.fill(2.0);
/// assert_eq!(staged.tensor("weight").unwrap().as_slice::<f32>()?, &[1.0; 4]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct CheckpointStager {
    config: CheckpointStagerConfig,
    arenas: Vec<Arc<Arena>>,
}

/// A state dict of one's own: nothing of it is borrowed or still in a file.
///
/// Its memory goes back to the stager when it and all clones of its state dict and
/// its storages are dropped.
///
/// ```
/// use strongroom::{CheckpointStager, CheckpointStagerConfig, StateDict};
///
/// # fn main() -> strongroom::Result<()> {
/// let mut stager = CheckpointStager::new(CheckpointStagerConfig::default());
/// let first = stager.stage(&StateDict::new())?;
/// let second = stager.stage(&StateDict::new())?;
/// assert!(stager.stage(&StateDict::new()).is_err());
/// drop(first);
/// let third = stager.stage(&StateDict::new())?;
/// # Ok(())
/// # }
/// ```
pub struct Staged {
    state: StateDict<'static>,
    arena: Arc<Arena>,
    ranges: Vec<Range<usize>>,
}

/// How many arenas a stager has: one to be written, one to stage into meanwhile.
const ARENAS: usize = 2;

/// What storages start at multiples of: a cache line, and any dtype's alignment.
const ALIGNMENT: usize = 64;

/// Arenas are of whole huge pages, if they are larger than one.
const HUGE_PAGE: usize = 2 << 20;

impl CheckpointStager {
    /// A stager that has no memory yet.
    pub fn new(config: CheckpointStagerConfig) -> Self {
        Self { config, arenas: Vec::with_capacity(ARENAS) }
    }

    /// How it was configured.
    pub fn config(&self) -> &CheckpointStagerConfig {
        &self.config
    }

    /// Copies `state`: each storage once, whoever shares it, and wherever it is.
    /// Payloads in files are verified on the way if their files have checksums.
    ///
    /// An error if two state dicts of this stager are still in use, if there is not
    /// enough memory, and if a payload cannot be read or is damaged. The stager can
    /// be used again after any of these.
    pub fn stage(&mut self, state: &StateDict<'_>) -> Result<Staged> {
        let (ranges, length) = layout(state).ok_or_else(|| {
            Error::Value(format!("a state dict of {} bytes does not fit into memory", state.length()))
        })?;
        let mut arena = self.take(length)?;
        let copied = match Arc::get_mut(&mut arena) {
            Some(memory) => copy(state, &ranges, memory.as_mut()),
            None => Err(Error::Value("the staging memory is in use".into())),
        };
        self.arenas.push(arena.clone());
        copied?;
        let place = |(storage, range): (&Storage<'_>, &Range<usize>)| {
            Storage::part(arena.clone(), range.clone(), storage.location(), storage.becomes_verified(true))
        };
        let storages: Option<Vec<_>> = state.storages().iter().zip(&ranges).map(place).collect();
        let storages = storages.ok_or_else(|| Error::Value("the staging memory is too short".into()))?;
        Ok(Staged { state: state.with_storages(storages), arena, ranges })
    }

    /// An arena of at least `length` bytes that nobody uses.
    fn take(&mut self, length: usize) -> Result<Arc<Arena>> {
        let is_free = |arena: &mut Arc<Arena>| Arc::get_mut(arena).is_some();
        let fits = |arena: &mut Arc<Arena>| (**arena).as_ref().len() >= length && is_free(arena);
        if let Some(index) = self.arenas.iter_mut().position(fits) {
            return Ok(self.arenas.swap_remove(index));
        }
        match self.arenas.iter_mut().position(is_free) {
            // Given back before a larger one is asked for: there may not be room for both.
            Some(index) => drop(self.arenas.swap_remove(index)),
            None if self.arenas.len() < ARENAS => {}
            None => {
                return Err(Error::Value(format!(
                    "{ARENAS} staged state dicts are still in use: drop one before the next is staged"
                )));
            }
        }
        let page = if length < HUGE_PAGE { 4096 } else { HUGE_PAGE };
        let length = length.max(1).checked_next_multiple_of(page).unwrap_or(length);
        Ok(Arc::new(Arena::new(length, self.config.use_shared_memory)?))
    }
}

impl Staged {
    /// The state dict.
    pub fn state(&self) -> &StateDict<'static> {
        &self.state
    }

    /// The memory it lies in.
    pub(crate) fn arena(&self) -> &Arena {
        &self.arena
    }

    /// Where each of its storages lies in the memory.
    pub(crate) fn ranges(&self) -> &[Range<usize>] {
        &self.ranges
    }
}

impl Deref for Staged {
    type Target = StateDict<'static>;

    fn deref(&self) -> &Self::Target {
        &self.state
    }
}

impl fmt::Debug for Staged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Staged").field("arena", &self.arena).field("ranges", &self.ranges).finish()
    }
}

/// Where the storages of a state dict go, and the bytes they take with the gaps
/// between them.
fn layout(state: &StateDict<'_>) -> Option<(Vec<Range<usize>>, usize)> {
    let mut end = 0usize;
    let place = |storage: &Storage<'_>| {
        let start = end.checked_next_multiple_of(ALIGNMENT)?;
        end = start.checked_add(usize::try_from(storage.length()).ok()?)?;
        Some(start..end)
    };
    let ranges = state.storages().iter().map(place).collect::<Option<_>>()?;
    Some((ranges, end))
}

/// Copies each storage to its range. The ranges are in order.
fn copy(state: &StateDict<'_>, ranges: &[Range<usize>], memory: &mut [u8]) -> Result<()> {
    let mut rest = memory;
    let mut start = 0;
    let mut parts = Vec::with_capacity(ranges.len());
    for range in ranges {
        let (_, from) = std::mem::take(&mut rest).split_at_mut(range.start - start);
        let (part, after) = from.split_at_mut(range.len());
        parts.push(part);
        (rest, start) = (after, range.end);
    }
    let storages = state.storages().par_iter();
    let copied = parts.into_par_iter().zip(storages).try_for_each(|(part, storage)| storage.copy_to(part));
    state.unchanged()?;
    copied.map_err(|error| state.naming_tensors(error))?;
    state.confirmed()
}
