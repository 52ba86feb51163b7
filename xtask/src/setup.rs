//! What the build needs beyond rustup's cargo.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::run::{command, run};

const TARGET: &str = "wasm32-wasip2";

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

fn has_target() -> Result<bool> {
    let mut rustc = command("rustc");
    let directory = output(rustc.args(["--print", "target-libdir", "--target", TARGET]))?;
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
