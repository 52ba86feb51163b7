//! Everything CI runs.

use anyhow::Result;

use crate::run::{cargo, command, root, run as done, step, target};
use crate::{fuzz, interop, python, setup};

/// Sets up, checks, tests, and runs against real peers.
pub fn run() -> Result<()> {
    setup::wasm_target()?;
    step("format", || done(&mut cargo(&["fmt", "--all", "--check"])))?;
    step("build", || done(&mut cargo(&["build", "--release", "--workspace", "--all-targets"])))?;
    step("lints", || {
        done(&mut cargo(&["clippy", "--release", "--workspace", "--all-targets", "--", "-D", "warnings"]))
    })?;
    step("tests", || done(&mut cargo(&["test", "--release", "--workspace"])))?;
    step("docs", || {
        let mut doc = cargo(&["doc", "--release", "--workspace", "--no-deps"]);
        done(doc.env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    step("interop with PyTorch and safetensors", interop::run_interop)?;
    step("the component in Python", python_host)?;
    step("the component in Node", node_host)?;
    step("fuzzing, a few seconds", || fuzz::smoke(5))
}

/// A Python host reads a fixture through the component and sees what we see.
fn python_host() -> Result<()> {
    let python = python::environment("venv-wasmtime", "examples/python/requirements.txt")?;
    done(command(python).arg("examples/check.py").arg("--target").arg(target()).arg("python"))
}

/// The same with a Node host.
fn node_host() -> Result<()> {
    setup::program(&["npm", "--version"], &["nodejs", "npm"])?;
    let node = target().join("node");
    std::fs::create_dir_all(&node)?;
    for file in std::fs::read_dir(root().join("examples/node"))? {
        let file = file?.path();
        if let Some(name) = file.file_name().filter(|_| file.is_file()) {
            std::fs::copy(&file, node.join(name))?;
        }
    }
    done(command("npm").args(["install", "--silent", "--no-audit", "--no-fund"]).current_dir(&node))?;
    done(command("python3").arg("examples/check.py").arg("--target").arg(target()).arg("node"))
}
