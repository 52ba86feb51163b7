//! Against the real PyTorch and safetensors.

use anyhow::Result;

use crate::run::{cargo_release, command, run as done, strongroom, target};
use crate::{python, setup};

/// Runs both directions.
pub fn run_interop() -> Result<()> {
    let python = python::torch()?;
    let work = target().join("interop");
    let programs = target().join("release");
    done(
        command(&python)
            .arg("tests/interop/reader.py")
            .arg("--programs")
            .arg(programs)
            .arg("--work")
            .arg(&work),
    )?;
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
    setup::build()?;
    done(cargo_release("build").args(["--bins", "--examples"]))?;
    run_interop()
}

/// Makes the fixtures of tests/data again.
pub fn fixtures() -> Result<()> {
    let python = python::torch()?;
    done(command(&python).arg("tests/fixtures/make.py"))?;
    done(command(&python).arg("tests/fixtures/make_bad.py"))
}
