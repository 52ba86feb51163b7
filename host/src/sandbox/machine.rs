//! wasmtime, set up as machine code wants it, and the machine code.

use std::thread;
use std::time::Duration;

use sha2::{Digest, Sha256};
use strongroom_component as shipped;
use wasmtime::Config;
use wasmtime::component::Component;

use crate::{Error, Result};

/// How often running components are looked at. A deadline is late by this at most.
pub(super) const TICK: Duration = Duration::from_millis(10);

/// The component that this crate ships, ready to run: as machine code, or, where there is none for
/// this machine or the system lets nobody make memory executable, interpreted.
pub(super) fn shipped() -> Result<(wasmtime::Engine, Component, MachineCode)> {
    let native = shipped::native().map(|code| loaded(Config::new(), code));
    let why = match native {
        Some(Ok((engine, component))) => return Ok((engine, component, MachineCode::Native)),
        Some(Err(error)) => reason(error),
        None => "there is no machine code for it".into(),
    };
    let Some(portable) = shipped::portable() else {
        let reason = "and this build has none that is interpreted";
        return Err(Error::Setup(format!("the component does not run on this machine: {why}, {reason}")));
    };
    let mut config = Config::new();
    config.target(PORTABLE).map_err(setup)?;
    let (engine, component) = loaded(config, &portable).map_err(|error| {
        let interpreted = reason(error);
        Error::Setup(format!("the component does not run on this machine: {why}; interpreted: {interpreted}"))
    })?;
    Ok((engine, component, MachineCode::Portable))
}

/// What the processor runs of a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MachineCode {
    /// Code that was made for this kind of machine, and is shipped.
    Native,
    /// What wasmtime's interpreter runs: several times slower, and the same everywhere.
    Portable,
    /// Code that this process compiled.
    Compiled,
}

impl MachineCode {
    /// The kind of machine: `x86_64-linux`, or `pulley64` for the interpreter.
    pub fn target(self) -> &'static str {
        match self {
            Self::Native => shipped::NATIVE_TARGET,
            Self::Portable => PORTABLE,
            Self::Compiled => "this machine",
        }
    }

    /// The SHA-256, in hex, of what is shipped.
    pub fn sha256(self) -> Option<String> {
        match self {
            Self::Native => shipped::native().map(hex),
            Self::Portable => shipped::portable().map(|code| hex(&code)),
            Self::Compiled => None,
        }
    }
}

#[allow(unsafe_code)]
fn loaded(mut config: Config, code: &[u8]) -> Result<(wasmtime::Engine, Component)> {
    shipped::tune(&mut config, cfg!(windows));
    let engine = ticking(&config)?;
    // SAFETY: the bytes must be what wasmtime's compiler made, unchanged. They are part of this
    // program, which `cargo xtask component` put there: who can change them can change the program.
    // wasmtime refuses code of another version of it, of other settings or for other processors.
    let component = unsafe { Component::deserialize(&engine, code) }.map_err(setup)?;
    Ok((engine, component))
}

/// What compiles and runs other components.
#[cfg(feature = "compiler")]
pub(crate) fn machine() -> Result<wasmtime::Engine> {
    let mut config = Config::new();
    shipped::tune(&mut config, cfg!(windows));
    ticking(&config)
}

/// An engine whose epoch advances every [`TICK`], by which deadlines are kept, until it is dropped.
fn ticking(config: &Config) -> Result<wasmtime::Engine> {
    let engine = wasmtime::Engine::new(config).map_err(setup)?;
    let weak = engine.weak();
    let ticker = move || {
        while let Some(engine) = weak.upgrade() {
            engine.increment_epoch();
            drop(engine);
            thread::sleep(TICK);
        }
    };
    let spawned = thread::Builder::new().name("strongroom-epoch".into()).spawn(ticker);
    spawned.map_err(|error| Error::Setup(format!("cannot start a thread: {error}")))?;
    Ok(engine)
}

pub(crate) fn setup(error: wasmtime::Error) -> Error {
    Error::Setup(format!("{error:#}"))
}

fn reason(error: Error) -> String {
    match error {
        Error::Setup(reason) => reason,
        other => other.to_string(),
    }
}

/// The SHA-256 of bytes, in hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

/// wasmtime's name of its own interpreter's machine.
const PORTABLE: &str = "pulley64";
