//! Sees to it that the component is there, and made of what lies beside it.

use std::env;
use std::fs;
use std::path::PathBuf;

#[path = "stamp.rs"]
mod stamp;

/// A package has the component and not what it was made of.
fn main() -> Result<(), String> {
    let package = PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(|error| error.to_string())?);
    let made = package.join("made");
    println!("cargo::rerun-if-changed={}", made.display());
    let read = |name: &str| fs::read_to_string(made.join(name)).map(|text| text.trim().to_owned());
    let missing = |_| format!("the component has not been made: {MAKE}");
    let (stamp, digest) = (read("stamp").map_err(missing)?, read("sha256").map_err(missing)?);
    if let Some(root) = package.parent().filter(|root| root.join("guest").is_dir()) {
        for source in stamp::SOURCES {
            println!("cargo::rerun-if-changed={}", root.join(source).display());
        }
        let now =
            stamp::stamp(root).map_err(|error| format!("cannot read the component's sources: {error}"))?;
        if now != stamp {
            return Err(format!("the component was made of other sources than those that are there: {MAKE}"));
        }
    }
    println!("cargo::rustc-env=STRONGROOM_COMPONENT_SHA256={digest}");
    println!("cargo::rustc-env=STRONGROOM_MADE={}", made.display());
    let wasmtime = read("wasmtime").map_err(missing)?;
    println!("cargo::rustc-env=STRONGROOM_WASMTIME={wasmtime}");
    let target = native(&env::var("TARGET").unwrap_or_default()).unwrap_or_default();
    let out = PathBuf::from(env::var("OUT_DIR").map_err(|error| error.to_string())?);
    for (variable, name) in [("NATIVE", target.as_str()), ("PORTABLE", "pulley64")] {
        let (code, packed) = (made.join(name).with_extension("cwasm"), out.join(variable));
        // Every start would unpack what always runs; what hardly ever does is small instead.
        let pack = |code: Vec<u8>| match variable {
            "NATIVE" => code,
            _ => lz4_flex::compress_prepend_size(&code),
        };
        let content = if code.exists() { fs::read(&code).map(pack) } else { Ok(Vec::new()) };
        let written = content.and_then(|content| fs::write(&packed, content));
        written.map_err(|error| format!("{}: {error}", packed.display()))?;
        println!("cargo::rustc-env=STRONGROOM_{variable}={}", packed.display());
    }
    println!("cargo::rustc-env=STRONGROOM_NATIVE_TARGET={target}");
    Ok(())
}

/// What the machine code of a target is called: its C library does not matter.
fn native(target: &str) -> Option<String> {
    let mut parts = target.split('-');
    Some(format!("{}-{}", parts.next()?, parts.nth(1)?))
}

const MAKE: &str = "run `cargo xtask component`, which makes it";
