//! Compiles and links components that are hooks.

use std::path::Path;
use std::sync::OnceLock;

use wasmtime::component::{Component, Linker};

pub(super) use bindings::HookPre;
pub(super) use bindings::exports::strongroom::hook::writer_hook::Save;

use super::sandbox::Sandbox;
use crate::{Error, Result, sandbox};

#[allow(missing_docs, unused_qualifications, clippy::all, clippy::pedantic)]
mod bindings {
    wasmtime::component::bindgen!({
        path: "wit/hook",
        world: "hook",
        exports: { default: async },
    });
}

/// Makes a component ready to be called. Errors name `path`.
pub(super) fn compile(path: &Path, component: &[u8]) -> Result<HookPre<Sandbox>> {
    if let Some(what) = other_than_component(component) {
        return Err(Error::not_a_hook(path, what.into()));
    }
    let wrong = |error: wasmtime::Error| Error::not_a_hook(path, format!("{error:#}"));
    let machine = machine()?;
    let component = Component::new(machine, component).map_err(wrong)?;
    let mut linker = Linker::new(machine);
    // All of WASI: what a hook may use of it is for its sandbox to say.
    wasmtime_wasi::p2::add_to_linker_async(&mut linker).map_err(sandbox::setup)?;
    linker.instantiate_pre(&component).and_then(HookPre::new).map_err(wrong)
}

/// What a file is by its first bytes, if it is no component.
fn other_than_component(file: &[u8]) -> Option<&'static str> {
    match file {
        [b'\0', b'a', b's', b'm', _, _, 1, 0, ..] => None,
        [b'\0', b'a', b's', b'm', ..] => {
            Some("it is a core module; the target `wasm32-wasip2` makes components")
        }
        _ => Some("it is no WebAssembly"),
    }
}

/// What runs the hooks of this process. The one that reads formats is another, so
/// that neither can be configured for the other's needs.
fn machine() -> Result<&'static wasmtime::Engine> {
    static MACHINE: OnceLock<std::result::Result<wasmtime::Engine, String>> = OnceLock::new();
    let machine = MACHINE.get_or_init(|| sandbox::machine().map_err(|error| error.to_string()));
    machine.as_ref().map_err(|message| Error::Setup(message.clone()))
}
