//! Against the real PyTorch and safetensors.

use std::path::PathBuf;

use anyhow::Result;

use crate::run::{cargo_release, command, run as done, strongroom, target};
use crate::{python, setup};

/// Runs both directions.
pub fn run_interop() -> Result<()> {
    let python = python::torch()?;
    let (programs, work) = (target().join("release"), target().join("interop"));
    let run = |script: &str, program: &str, path: PathBuf| {
        let mut command = command(&python);
        command.arg(format!("tests/interop/{script}.py")).arg(program).arg(path);
        command
    };
    done(run("reader", "--programs", programs.clone()).arg("--work").arg(&work))?;
    done(run("interop", "--strongroom", strongroom()).arg("--work").arg(&work))?;
    done(run("gate", "--strongroom", strongroom()).arg("--work").arg(&work))?;
    done(run("cases", "--strongroom", strongroom()).arg("--work").arg(&work))?;
    done(run("trees", "--strongroom", strongroom()).arg("--work").arg(&work).args(["--count", "400"]))?;
    let mut sarif = run("sarif", "--strongroom", strongroom());
    done(sarif.arg("--work").arg(&work).arg("--sarif-tools").arg(python::sarif_tools()?))?;
    done(run("differential", "--strongroom", strongroom()).arg("--work").arg(&work))?;
    done(run("templates", "--strongroom", strongroom()).arg("--work").arg(&work))?;
    for script in ["readers", "recognise"] {
        let mut command = run(script, "--strongroom", strongroom());
        done(command.arg("--work").arg(&work).args(["--damaged", "--count", "900"]))?;
    }
    done(
        run("scan_table", "--strongroom", strongroom())
            .arg("--work")
            .arg(&work)
            .arg("--scanners")
            .arg(python::scanners()?),
    )?;
    done(&mut run("hostile", "--only", "names_".into()))?;
    done(run("ranks", "--strongroom", strongroom()).arg("--work").arg(&work))?;
    done(&mut run("barrier", "--examples", programs.join("examples")))
}

/// Sets up, builds, and runs both directions.
pub fn run() -> Result<()> {
    setup::build()?;
    setup::etcd()?;
    done(cargo_release("build").args(["--bins", "--examples"]))?;
    run_interop()
}

/// Random trees of every kind of value in every position, through the command and back.
pub fn trees(options: &[String]) -> Result<()> {
    setup::build()?;
    setup::etcd()?;
    done(cargo_release("build").args(["--bins"]))?;
    done(
        command(python::torch()?)
            .arg("tests/interop/trees.py")
            .arg("--strongroom")
            .arg(strongroom())
            .arg("--work")
            .arg(target().join("interop"))
            .args(options),
    )
}

/// Files that are judged safe, seeds and damaged ones, through every reader; and what readers of
/// other formats open, held against what is recognised.
pub fn readers(options: &[String]) -> Result<()> {
    setup::build()?;
    setup::etcd()?;
    done(cargo_release("build").args(["--bins"]))?;
    let python = python::torch()?;
    for script in ["readers", "recognise"] {
        let mut command = command(&python);
        command.arg(format!("tests/interop/{script}.py")).arg("--strongroom").arg(strongroom());
        done(command.arg("--work").arg(target().join("interop")).args(options))?;
    }
    Ok(())
}

/// What other scanners say of the hostile and of benign files, written into
/// docs/validation.md; and what real readers do with every hostile file.
pub fn scanners() -> Result<()> {
    setup::build()?;
    setup::etcd()?;
    done(cargo_release("build").args(["--bins"]))?;
    let python = python::torch()?;
    let table = ["--write", "docs/validation.md"];
    done(
        command(&python)
            .arg("tests/interop/scan_table.py")
            .args(table)
            .arg("--strongroom")
            .arg(strongroom())
            .arg("--scanners")
            .arg(python::scanners()?)
            .arg("--work")
            .arg(target().join("interop")),
    )?;
    done(command(&python).arg("tests/interop/hostile.py"))?;
    done(command(&python).arg("tests/interop/dcp_truth.py"))
}

/// Makes the fixtures of tests/data again.
pub fn fixtures() -> Result<()> {
    let python = python::torch()?;
    done(command(&python).arg("tests/fixtures/make.py"))?;
    done(command(&python).arg("tests/fixtures/make_bad.py"))?;
    done(command(&python).arg("tests/fixtures/make_hostile.py"))?;
    done(command(&python).arg("tests/fixtures/make_dcp.py"))
}
