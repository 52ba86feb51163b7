use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use wasmtime::{ResourceLimiter, Store, Trap};

use super::bindings::{Checkpoint, CheckpointPre, types};
use super::machine::TICK;
use crate::{Error, Limits, Result};

/// The component, instantiated for one job, with its memory and its deadline.
pub(crate) struct Instance {
    store: Store<State>,
    exports: Checkpoint,
    path: PathBuf,
    limits: Limits,
    /// What is left of the deadline. Only the component's own time counts: the
    /// host may spend minutes writing between two calls.
    left: Duration,
    /// Bytes it may still answer with. All it knows is in its memory, so its
    /// answers together need be no larger.
    room: usize,
}

/// What the host keeps beside an instance.
pub(crate) struct State {
    memory: usize,
    /// Set when the component was refused memory: the trap that follows does not say why.
    starved: bool,
}

impl Instance {
    pub(crate) fn new(
        engine: &wasmtime::Engine,
        component: &CheckpointPre<State>,
        limits: &Limits,
        left: Duration,
        path: &Path,
    ) -> Result<Self> {
        let mut store = Store::new(engine, State { memory: limits.memory, starved: false });
        store.limiter(|state| state);
        store.set_epoch_deadline(ticks(left));
        store.set_hostcall_fuel(limits.memory);
        let exports = component.instantiate(&mut store).map_err(|error| {
            if store.data().starved {
                return starved(path, limits);
            }
            Error::Setup(format!("{error:#}"))
        })?;
        Ok(Self { store, exports, path: path.into(), limits: *limits, left, room: limits.memory })
    }

    /// The file the job is about.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Calls into the component. Its errors and traps become this crate's.
    pub(crate) fn call<T>(
        &mut self,
        call: impl FnOnce(&mut Store<State>, &Checkpoint) -> Called<T>,
    ) -> Result<T> {
        self.store.set_epoch_deadline(ticks(self.left));
        let start = Instant::now();
        let called = call(&mut self.store, &self.exports);
        self.left = self.left.saturating_sub(start.elapsed());
        match called {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(Error::format(&self.path, error)),
            Err(trap) => Err(self.stopped(&trap)),
        }
    }

    /// Counts an answer of so many bytes.
    pub(crate) fn answered(&mut self, bytes: usize) -> Result<()> {
        self.room = self.room.checked_sub(bytes).ok_or_else(|| {
            let reason =
                format!("it answered with more than the {} bytes of its `memory`", self.limits.memory);
            Error::Stopped { path: self.path.clone(), reason, limit: Some("memory") }
        })?;
        Ok(())
    }

    fn stopped(&self, trap: &wasmtime::Error) -> Error {
        if self.store.data().starved {
            return starved(&self.path, &self.limits);
        }
        match trap.downcast_ref::<Trap>() {
            Some(Trap::Interrupt) => {
                let reason = format!("it ran longer than the `deadline` of {:?}", self.limits.deadline);
                Error::Stopped { path: self.path.clone(), reason, limit: Some("deadline") }
            }
            _ => Error::Stopped { path: self.path.clone(), reason: format!("{trap:#}"), limit: None },
        }
    }
}

/// The error of a component that was refused memory.
fn starved(path: &Path, limits: &Limits) -> Error {
    let reason = format!("it wanted more than the {} bytes of `memory`", limits.memory);
    Error::Stopped { path: path.into(), reason, limit: Some("memory") }
}

/// What a generated function returns: a trap outside, the guest's error inside.
type Called<T> = wasmtime::Result<std::result::Result<T, types::Error>>;

/// Epochs that surely cover `time`.
fn ticks(time: Duration) -> u64 {
    let ticks = time.as_nanos().div_ceil(TICK.as_nanos());
    u64::try_from(ticks).unwrap_or(u64::MAX).saturating_add(1)
}

impl ResourceLimiter for State {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.starved = desired > self.memory;
        Ok(!self.starved)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // The guest has one table of functions, which does not grow.
        Ok(desired <= 100_000)
    }
}
