//! Components' machine code, kept as it is run.
//!
//! wasmtime's own cache compresses: hashing the component and unpacking two megabytes
//! of code were most of what a short command took, 11 of 15 ms. A file that is mapped
//! costs next to nothing. And that cache runs whatever lies in a directory, whoever can
//! write there: under `sudo` with a kept home that is another user.

mod directory;

use std::env;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

use wasmtime::Engine;
use wasmtime::component::Component;

use self::directory::Directory;

/// The built-in component, from the cache if it is there, else compiled and kept for the
/// next start. Where nothing can be kept, every start compiles.
pub(crate) fn built_in(engine: &Engine, wasm: &[u8]) -> wasmtime::Result<Component> {
    component(engine, wasm, || env!("STRONGROOM_COMPONENT_HASH").into())
}

/// The same for another component, which is told by its digest.
#[cfg(feature = "hooks")]
pub(crate) fn other(engine: &Engine, wasm: &[u8]) -> wasmtime::Result<Component> {
    component(engine, wasm, || blake3::hash(wasm).to_hex().to_string())
}

fn component(engine: &Engine, wasm: &[u8], hash: impl FnOnce() -> String) -> wasmtime::Result<Component> {
    let Some(directory) = place().and_then(Directory::open) else { return Component::new(engine, wasm) };
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    let name = format!("{}-{:016x}.cwasm", hash(), hasher.finish());
    if let Some(component) = mapped(engine, &directory, &name) {
        return Ok(component);
    }
    let component = Component::new(engine, wasm)?;
    // Without it the next start is slower, not wrong.
    let _ = component.serialize().map(|code| directory.keep(&name, &code));
    Ok(component)
}

/// The directory of all that is kept.
fn place() -> Option<PathBuf> {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = cache.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")))?;
    Some(cache.join("strongroom"))
}

/// The code in a file that nobody else can have written.
#[allow(unsafe_code)]
fn mapped(engine: &Engine, directory: &Directory, name: &str) -> Option<Component> {
    let file = directory.private_file(name)?;
    // SAFETY: the bytes must be what `Component::serialize` made. Files of this name
    // are only written by `Directory::keep`, whole or not at all. The file that is open here is
    // this user's, nobody else can write it, and no directory above it can be written by
    // another user either, so that nobody else chose it. wasmtime itself refuses code of
    // another version, of other settings or for other processors; and whoever can
    // write as this user can run code as this user anyway.
    unsafe { Component::deserialize_file(engine, file.path()) }.ok()
}
