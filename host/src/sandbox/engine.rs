use std::any::Any;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use wasmtime::component::{Component, Linker};

use super::bindings::CheckpointPre;
use super::instance::{Instance, State};
use super::machine::{self, MachineCode, setup};
use crate::{Error, Limits, Result};

/// The compiled component. Make one, share it: clones are cheap, and every job
/// gets an instance of its own from it.
#[derive(Clone)]
pub struct Engine {
    engine: wasmtime::Engine,
    component: CheckpointPre<State>,
    limits: Limits,
    sha256: Arc<str>,
    code: MachineCode,
    /// See [`known`](Self::known).
    known: Arc<OnceLock<Box<dyn Any + Send + Sync>>>,
}

/// What [`Engine::shared`] answers.
static SHARED: OnceLock<std::result::Result<Engine, String>> = OnceLock::new();

impl Engine {
    /// The engine with default limits that all of a process share.
    pub fn shared() -> Result<&'static Self> {
        let engine = SHARED.get_or_init(|| Self::new(Limits::default()).map_err(|error| error.to_string()));
        engine.as_ref().map_err(|message| Error::Setup(message.clone()))
    }

    /// Makes this the engine that all of a process share. An error once there is one.
    pub fn share(self) -> Result<()> {
        let is_late = |_| Error::Setup("the engine of this process is in use already".into());
        SHARED.set(Ok(self)).map_err(is_late)
    }

    /// An engine whose jobs run under `limits`. It runs machine code that this crate ships: nothing
    /// is compiled, and nothing is read or written.
    pub fn new(limits: Limits) -> Result<Self> {
        let (engine, component, code) = machine::shipped()?;
        Self::build(&engine, component, limits, (strongroom_component::SHA256.into(), code))
    }

    /// An engine that compiles and runs another component with the same exports. It is
    /// trusted no more than a file.
    #[cfg(feature = "compiler")]
    pub fn with_component(component: &[u8], limits: Limits) -> Result<Self> {
        let engine = machine::machine()?;
        let sha256 = machine::hex(component).into();
        let component = Component::new(&engine, component).map_err(setup)?;
        Self::build(&engine, component, limits, (sha256, MachineCode::Compiled))
    }

    /// The SHA-256, in hex, of the component that it runs: which one judges.
    pub fn component_sha256(&self) -> &str {
        &self.sha256
    }

    /// What the processor runs of it.
    pub fn machine_code(&self) -> MachineCode {
        self.code
    }

    /// The version of wasmtime for which the shipped machine code was made.
    pub fn wasmtime() -> &'static str {
        strongroom_component::WASMTIME
    }

    /// Whether that is the one that this crate ships.
    pub fn is_shipped(&self) -> bool {
        &*self.sha256 == strongroom_component::SHA256
    }

    /// The same engine with other limits.
    #[must_use]
    pub fn limited(&self, limits: Limits) -> Self {
        Self { limits, ..self.clone() }
    }

    /// The caps each job runs under.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// A fresh instance for one job on the file `path`, which errors will name.
    pub(crate) fn instance(&self, path: &Path) -> Result<Instance> {
        self.instance_within(self.limits.deadline, path)
    }

    /// The same, with a part of the deadline.
    pub(crate) fn instance_within(&self, left: Duration, path: &Path) -> Result<Instance> {
        Instance::new(&self.engine, &self.component, &self.limits, left, path)
    }

    /// What somebody wants to know of the component, which no file has a part in: it is asked once.
    /// There is room for one such thing.
    pub(crate) fn known<T: Any + Send + Sync>(&self, ask: impl FnOnce() -> Result<T>) -> Result<&T> {
        let known = match self.known.get() {
            Some(known) => known,
            None => {
                let answer = ask()?;
                self.known.get_or_init(|| Box::new(answer))
            }
        };
        known.downcast_ref().ok_or_else(|| Error::Setup("two things are known of the component".into()))
    }

    fn build(
        engine: &wasmtime::Engine,
        component: Component,
        limits: Limits,
        (sha256, code): (Arc<str>, MachineCode),
    ) -> Result<Self> {
        // An empty linker: a component that imports anything does not link.
        let linker = Linker::new(engine);
        let component = linker.instantiate_pre(&component).and_then(CheckpointPre::new).map_err(setup)?;
        Ok(Self { engine: engine.clone(), component, limits, sha256, code, known: Arc::default() })
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("limits", &self.limits).finish_non_exhaustive()
    }
}
