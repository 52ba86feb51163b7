//! Builds the guest as a component, for the crate to embed, and leaves a copy at
//! `target/strongroom.wasm` for other hosts.

use std::env;
use std::error::Error;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "wasm32-wasip2";

fn main() -> Result<(), Box<dyn Error>> {
    for input in ["../guest/src", "../guest/Cargo.toml", "../names/src", "../wit", "../Cargo.lock"] {
        println!("cargo::rerun-if-changed={input}");
    }
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let target = target_dir(&out);
    // A directory of its own: the outer cargo holds the lock on the main one.
    let guest = target.join("guest");
    build(&guest)?;
    let component = guest.join(TARGET).join("release/strongroom_guest.wasm");
    let mut hasher = DefaultHasher::new();
    fs::read(&component)?.hash(&mut hasher);
    println!("cargo::rustc-env=STRONGROOM_COMPONENT_HASH={:016x}", hasher.finish());
    fs::copy(&component, out.join("strongroom.wasm"))?;
    fs::copy(&component, target.join("strongroom.wasm"))?;
    Ok(())
}

/// cargo's target directory: the one above `OUT_DIR` that cargo tags as a cache.
fn target_dir(out: &Path) -> PathBuf {
    let tagged = out.ancestors().find(|dir| dir.join("CACHEDIR.TAG").exists());
    tagged.unwrap_or(out).to_path_buf()
}

fn build(target_dir: &Path) -> Result<(), Box<dyn Error>> {
    let mut cargo = Command::new(env::var("CARGO")?);
    cargo
        .args(["rustc", "--package", "strongroom-guest", "--lib", "--crate-type", "cdylib"])
        .args(["--release", "--target", TARGET, "--target-dir"])
        .arg(target_dir)
        // Compiling the component costs its users 1 ms per KiB: keep it small.
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "s")
        .env("CARGO_PROFILE_RELEASE_STRIP", "symbols")
        .env("CARGO_PROFILE_RELEASE_LTO", "true")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1")
        .env("CARGO_PROFILE_RELEASE_PANIC", "abort");
    // What the outer build is run under (clippy, sanitizers, coverage) is not for the guest.
    for variable in [
        "CARGO_ENCODED_RUSTFLAGS",
        "RUSTFLAGS",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "CARGO_BUILD_TARGET",
    ] {
        cargo.env_remove(variable);
    }
    if cargo.status()?.success() {
        return Ok(());
    }
    Err(format!(
        "the guest did not build. If the target is missing, run `rustup target add {TARGET}` \
         or `cargo xtask demo`, which does it"
    )
    .into())
}
