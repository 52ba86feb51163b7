//! What the build and the tests need beyond rustup's cargo.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::component;
use crate::run::{command, run, target};

const TARGET: &str = "wasm32-wasip2";
/// The version of cargo-deny whose rules deny.toml is written for.
const DENY: &str = "0.20.2";

/// Sees to what the release build takes: the component, and protoc for the barrier over etcd.
pub fn build() -> Result<()> {
    component::ensure_made(false)?;
    // Debian has the definitions that come with protoc in a package of their own.
    let probe = ["protoc", "--descriptor_set_out=/dev/null", "google/protobuf/struct.proto"];
    program(&probe, &["protobuf-compiler", "libprotobuf-dev"])
}

/// Installs the etcd server that tests start, if it is missing.
pub fn etcd() -> Result<()> {
    program(&["etcd", "--version"], &["etcd-server"])
}

/// Installs strace, which disturbs saves, if it is missing.
pub fn strace() -> Result<()> {
    program(&["strace", "--version"], &["strace"])
}

/// Installs the target that the component is built for, if it is missing.
pub fn wasm_target() -> Result<()> {
    if has_target()? {
        return Ok(());
    }
    println!("installing the {TARGET} target");
    run(command("rustup").args(["target", "add", TARGET]))
        .with_context(|| format!("the {TARGET} target is missing and rustup did not install it"))?;
    if !has_target()? {
        bail!("the {TARGET} target is still missing for the toolchain in use");
    }
    Ok(())
}

/// Installs the toolchain and the command that fuzzing needs, if they are missing.
pub fn cargo_fuzz() -> Result<()> {
    if output(command("rustc").args(["+nightly", "--version"])).is_err() {
        println!("installing the nightly toolchain, for fuzzing");
        run(command("rustup").args(["toolchain", "install", "nightly", "--profile", "minimal"]))?;
    }
    if output(command("cargo").args(["fuzz", "--version"])).is_err() {
        println!("installing cargo-fuzz");
        run(command("cargo").args(["install", "--locked", "--quiet", "cargo-fuzz"]))?;
    }
    Ok(())
}

/// The command that checks licences and sources, installed beside the build if it is missing.
pub fn cargo_deny() -> Result<PathBuf> {
    let tools = target().join("tools");
    let program = tools.join("bin/cargo-deny");
    let is_there = output(command(&program).arg("--version")).is_ok_and(|told| told.contains(DENY));
    if !is_there {
        println!("installing cargo-deny {DENY}");
        let mut cargo = command("cargo");
        cargo.args(["install", "--locked", "--quiet", "--no-default-features", "--version", DENY, "--root"]);
        run(cargo.arg(tools).arg("cargo-deny"))?;
    }
    Ok(program)
}

/// Sees to it that a program of the system is there. Root on Debian gets it
/// installed; anyone else is told.
pub fn program(probe: &[&str], packages: &[&str]) -> Result<()> {
    let works = || {
        let (program, args) = probe.split_first().context("a program")?;
        output(command(program).args(args)).map(drop)
    };
    if works().is_ok() {
        return Ok(());
    }
    let wanted = packages.join(" ");
    let is_root = output(command("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if !is_root || !Path::new("/usr/bin/apt-get").exists() {
        bail!("`{}` does not work: install it (on Debian: apt-get install {wanted})", probe.join(" "));
    }
    println!("installing {wanted}");
    run(command("apt-get").args(["update", "-qq"]))?;
    run(command("apt-get").args(["install", "-y", "-qq"]).args(packages))?;
    works()
}

fn has_target() -> Result<bool> {
    let directory = output(command("rustc").args(["--print", "target-libdir", "--target", TARGET]))?;
    Ok(PathBuf::from(directory.trim()).is_dir())
}

/// What a command prints.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}
