use std::fmt;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use wasmtime::Config;
use wasmtime::component::{Component, Linker};

use crate::bindings::CheckpointPre;
use crate::code_cache;
use crate::instance::{Instance, State};
use crate::validate::Rules;
use crate::{Error, Limits, Result, drive};

/// The compiled component. Make one, share it: clones are cheap, and every job
/// gets an instance of its own from it.
#[derive(Clone)]
pub struct Engine {
    engine: wasmtime::Engine,
    component: CheckpointPre<State>,
    limits: Limits,
    /// What the component looks for, once anybody wanted to know.
    rules: Arc<OnceLock<Rules>>,
}

/// How often running components are looked at. A deadline is late by this at most.
pub(crate) const TICK: Duration = Duration::from_millis(10);

impl Engine {
    /// The engine with default limits that all of a process share, compiled on
    /// first use and kept in the user's cache directory.
    pub fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<std::result::Result<Engine, String>> = OnceLock::new();
        let engine = SHARED.get_or_init(|| Self::new(Limits::default()).map_err(|error| error.to_string()));
        engine.as_ref().map_err(|message| Error::Setup(message.clone()))
    }

    /// An engine whose jobs run under `limits`, compiled code kept in the user's
    /// cache directory.
    pub fn new(limits: Limits) -> Result<Self> {
        let engine = machine()?;
        let component = code_cache::built_in(&engine, COMPONENT).map_err(setup)?;
        Self::build(&engine, component, limits)
    }

    /// An engine that runs another component with the same exports. It is
    /// trusted no more than a file.
    pub fn with_component(component: &[u8], limits: Limits) -> Result<Self> {
        let engine = machine()?;
        let component = Component::new(&engine, component).map_err(setup)?;
        Self::build(&engine, component, limits)
    }

    /// The SHA-256, in hex, of the component that [`new`](Self::new) takes: which one judged.
    pub fn component_sha256() -> String {
        crate::validate::hex(COMPONENT)
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

    /// What a file is judged by. An instance that has seen no file says it, so that
    /// no file has a part in it.
    pub(crate) fn rules(&self) -> Result<&Rules> {
        if let Some(rules) = self.rules.get() {
            return Ok(rules);
        }
        let rules = Rules::new(drive::rules(self)?).map_err(Error::Setup)?;
        Ok(self.rules.get_or_init(|| rules))
    }

    fn build(engine: &wasmtime::Engine, component: Component, limits: Limits) -> Result<Self> {
        // An empty linker: a component that imports anything does not link.
        let linker = Linker::new(engine);
        let component = linker.instantiate_pre(&component).and_then(CheckpointPre::new).map_err(setup)?;
        Ok(Self { engine: engine.clone(), component, limits, rules: Arc::default() })
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("limits", &self.limits).finish_non_exhaustive()
    }
}

fn setup(error: wasmtime::Error) -> Error {
    Error::Setup(format!("{error:#}"))
}

/// What compiles and runs components. Its epoch advances every [`TICK`].
pub(crate) fn machine() -> Result<wasmtime::Engine> {
    let mut config = Config::new();
    config.epoch_interruption(true).wasm_backtrace_max_frames(None);
    // Nothing reads them without backtraces, and every start would load them.
    config.generate_address_map(false).native_unwind_info(false);
    let engine = wasmtime::Engine::new(&config).map_err(setup)?;
    tick(&engine)?;
    Ok(engine)
}

/// Advances the engine's epoch, by which deadlines are kept, until it is dropped.
fn tick(engine: &wasmtime::Engine) -> Result<()> {
    let weak = engine.weak();
    let ticker = move || {
        while let Some(engine) = weak.upgrade() {
            engine.increment_epoch();
            drop(engine);
            thread::sleep(TICK);
        }
    };
    let spawned = thread::Builder::new().name("strongroom-epoch".into()).spawn(ticker);
    spawned.map(drop).map_err(|error| Error::Setup(format!("cannot start a thread: {error}")))
}

/// The component, as built with this crate.
const COMPONENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/strongroom.wasm"));
