//! Against the real PyTorch and safetensors.

use anyhow::Result;

use crate::run::{cargo, command, run as done, strongroom, target};
use crate::{python, setup};

/// Runs both directions.
pub fn run_interop() -> Result<()> {
    let python = python::torch()?;
    let work = target().join("interop");
    done(
        command(&python)
            .arg("tests/interop/interop.py")
            .arg("--strongroom")
            .arg(strongroom())
            .arg("--work")
            .arg(work),
    )?;
    let examples = target().join("release/examples");
    done(command(&python).arg("tests/interop/barrier.py").arg("--examples").arg(examples))
}

/// Sets up, builds, and runs both directions.
pub fn run() -> Result<()> {
    setup::wasm_target()?;
    done(&mut cargo(&["build", "--release", "--bins", "--examples"]))?;
    run_interop()
}

/// Makes the fixtures of tests/data again.
pub fn fixtures() -> Result<()> {
    let python = python::torch()?;
    done(command(&python).arg("tests/fixtures/make.py"))?;
    done(command(&python).arg("tests/fixtures/make_bad.py"))
}
