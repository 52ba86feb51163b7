//! The sandbox is what the component lacks: it imports nothing, so that there is
//! nothing it could call.

use std::fs;
use std::path::{Path, PathBuf};

use wasmtime::Engine;
use wasmtime::component::Component;

#[test]
fn the_component_imports_nothing() {
    let (engine, component) = component();
    let types = component.component_type();
    let imports: Vec<&str> = types.imports(&engine).map(|(name, _)| name).collect();
    assert!(imports.is_empty(), "the component imports {imports:?}");
}

#[test]
fn the_component_exports_its_interfaces() {
    let (engine, component) = component();
    let types = component.component_type();
    let mut exports: Vec<&str> = types.exports(&engine).map(|(name, _)| name).collect();
    exports.sort_unstable();
    let version = env!("CARGO_PKG_VERSION");
    let expected = ["reader", "types", "validator", "writer"]
        .map(|interface| format!("strongroom:format/{interface}@{version}"));
    assert_eq!(exports, expected);
}

/// The component as it was built for the host that is under test.
fn component() -> (Engine, Component) {
    let engine = Engine::default();
    let component = Component::new(&engine, fs::read(built()).unwrap()).unwrap();
    (engine, component)
}

fn built() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("component/made/strongroom.wasm")
}
