//! The built-in component's machine code, kept as it is run.
//!
//! wasmtime's own cache compresses: hashing the component and unpacking two megabytes
//! of code were most of what a short command took, 11 of 15 ms. A file that is mapped
//! costs next to nothing.

use std::env;
use std::fs::{self, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::random::random;

/// The component, from the cache if it is there, else compiled and kept for the
/// next start. Where nothing can be kept, every start compiles.
pub(crate) fn component(engine: &Engine, wasm: &[u8]) -> wasmtime::Result<Component> {
    let Some(path) = path(engine) else { return Component::new(engine, wasm) };
    if let Some(component) = mapped(engine, &path) {
        return Ok(component);
    }
    let component = Component::new(engine, wasm)?;
    // Without it the next start is slower, not wrong.
    let _ = component.serialize().map(|code| keep(&path, &code));
    Ok(component)
}

/// Where the code of this component for this engine and this machine is.
fn path(engine: &Engine) -> Option<PathBuf> {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = cache.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")))?;
    Some(cache.join("strongroom").join(format!("{COMPONENT_HASH}-{:016x}.cwasm", hasher.finish())))
}

/// The code in a file that nobody else can have written.
#[allow(unsafe_code)]
fn mapped(engine: &Engine, path: &Path) -> Option<Component> {
    let private = |path: &Path| {
        let metadata = fs::symlink_metadata(path).ok()?;
        let ours = metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o022 == 0;
        ours.then_some(metadata)
    };
    private(path.parent()?)?;
    private(path).filter(fs::Metadata::is_file)?;
    // SAFETY: the bytes must be what `Component::serialize` made. Files of this name
    // are only written by `keep`, whole or not at all, and neither the file nor its
    // directory can be written by another user. wasmtime itself refuses code of
    // another version, of other settings or for other processors; and whoever can
    // write as this user can run code as this user anyway.
    unsafe { Component::deserialize_file(engine, path) }.ok()
}

/// Writes the code beside its place and moves it there: a reader sees all or nothing.
fn keep(path: &Path, code: &[u8]) -> Option<()> {
    let directory = path.parent()?;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).ok()?;
    remove_leftovers(directory);
    let new = path.with_extension(format!("{}.{NEW}", random()));
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new);
    // On disk before it has its name: after a crash it must not be half there.
    let whole = |mut file: fs::File| file.write_all(code).and_then(|()| file.sync_all());
    let written = file.and_then(whole).and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written.ok()
}

/// Removes what processes that died while they kept code have left.
fn remove_leftovers(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let age = || entry.metadata().ok()?.modified().ok()?.elapsed().ok();
        if path.extension().is_some_and(|extension| extension == NEW)
            && age().is_some_and(|age| age > LONGEST_WRITE)
        {
            // What stays is tried again when code is next kept.
            let _ = fs::remove_file(path);
        }
    }
}

/// The extension of a file of code until it is whole.
const NEW: &str = "new";

/// How long a process may take to write two megabytes.
const LONGEST_WRITE: Duration = Duration::from_secs(60 * 60);

/// The hash of the component's bytes, made when it was built.
const COMPONENT_HASH: &str = env!("STRONGROOM_COMPONENT_HASH");
