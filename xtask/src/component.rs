//! The component, and its machine code: what `component/` packs.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};

use crate::run::{cargo, root, run as done, target};
use crate::setup;

/// Where the component is, once made, for hosts in other languages.
pub const COMPONENT: &str = "component/made/strongroom.wasm";
/// What it is compiled to.
pub const TARGET: &str = "wasm32-wasip2";

/// Makes it for this machine, or with `--all` for all that it is shipped for.
pub fn run(args: &[String]) -> Result<()> {
    match args {
        [] => make(false),
        [flag] if flag == "--all" => make(true),
        _ => bail!("usage: cargo xtask component [--all]"),
    }
}

/// Makes it if it is not there, or was made of other sources than those that are.
pub fn ensure_made(all: bool) -> Result<()> {
    setup::wasm_target()?;
    let mut check = maker(all, "--check");
    if check.status()?.success() { Ok(()) } else { make(all) }
}

fn make(all: bool) -> Result<()> {
    setup::wasm_target()?;
    println!("making the component");
    let component = build(&target().join("guest"))?;
    done(maker(all, "--make").arg(component))
}

/// Builds it once more, elsewhere, and sees whether it is the same to the byte, and its machine code.
pub fn is_reproducible() -> Result<()> {
    let elsewhere = target().join("guest-again");
    if elsewhere.exists() {
        std::fs::remove_dir_all(&elsewhere)?;
    }
    done(maker(false, "--compare").arg(build(&elsewhere)?))
}

/// The component, built. Nothing of where it is built goes into it.
pub fn build(directory: &Path) -> Result<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo"))).unwrap_or_default();
    let mut flags = Vec::new();
    for (place, name) in [(home.join("registry/src"), "crates"), (root().into(), "strongroom")] {
        let place = place.to_str().map(String::from);
        flags.extend(place.map(|place| format!("--remap-path-prefix={place}={name}")));
    }
    let mut cargo = cargo(&["rustc", "--quiet", "--locked", "--package", "strongroom-guest", "--lib"]);
    cargo
        .args(["--crate-type", "cdylib", "--release", "--target", TARGET, "--target-dir"])
        .arg(directory)
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "s")
        .env("CARGO_PROFILE_RELEASE_STRIP", "symbols")
        .env("CARGO_PROFILE_RELEASE_LTO", "true")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1")
        .env("CARGO_PROFILE_RELEASE_PANIC", "abort");
    // What this is run under (coverage, sanitizers) is not for the component.
    for variable in ["CARGO_INCREMENTAL", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "CARGO_BUILD_TARGET"] {
        cargo.env_remove(variable);
    }
    done(&mut cargo)?;
    let component = directory.join(TARGET).join("release/strongroom_guest.wasm");
    ensure!(component.exists(), "cargo built no {}", component.display());
    Ok(component)
}

/// The program that compiles the component.
fn maker(all: bool, what: &str) -> std::process::Command {
    let mut cargo = cargo(&["run", "--quiet", "--locked", "--package", "strongroom-component-make"]);
    if all {
        cargo.args(["--features", "strongroom-component-make/all"]);
    }
    cargo.args(["--profile", "make", "--", what]).arg(root());
    cargo
}
