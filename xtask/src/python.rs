//! A Python environment with the real PyTorch and safetensors.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::run::{command, root, run, target};
use crate::setup;

/// The interpreter of an environment that has what `requirements` (a file of the
/// repository) asks for; made when it is first needed, and again when the file
/// changes.
pub fn environment(name: &str, requirements: &str) -> Result<PathBuf> {
    let directory = target().join(name);
    let python = directory.join("bin/python");
    let wanted = fs::read_to_string(root().join(requirements))
        .with_context(|| format!("cannot read {requirements}"))?;
    let stamp = directory.join("requirements.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    setup::program(&["python3", "-c", "import ensurepip, venv"], &["python3", "python3-venv"])?;
    println!("making a Python environment with {}", wanted.split_whitespace().collect::<Vec<_>>().join(", "));
    run(command("python3").args(["-m", "venv", "--clear"]).arg(&directory))?;
    run(command(&python).args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-r",
        requirements,
    ]))?;
    fs::write(stamp, wanted)?;
    Ok(python)
}

/// The environment with torch, safetensors and numpy.
pub fn torch() -> Result<PathBuf> {
    environment("venv", "tests/interop/requirements.txt")
}

/// The environment with what reads SARIF.
pub fn sarif_tools() -> Result<PathBuf> {
    environment("venv-sarif", "tests/interop/sarif.txt")
}

/// The environment with other scanners.
pub fn scanners() -> Result<PathBuf> {
    environment("venv-scanners", "tests/interop/scanners.txt")
}
