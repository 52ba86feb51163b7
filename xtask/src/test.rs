//! Everything CI runs.

use anyhow::{Result, ensure};

use crate::run::{cargo, cargo_release, command, root, run as done, step, target};
use crate::setup::output;
use crate::{component, crash, deny, fuzz, interop, package, python, setup};

/// Sets up, checks, tests, and runs against real peers.
pub fn run() -> Result<()> {
    setup::build()?;
    setup::etcd()?;
    setup::strace()?;
    step("format", || done(&mut cargo(&["fmt", "--all", "--check"])))?;
    step("no network in the library's base", no_network)?;
    deny::run()?;
    step("the component, made once more", component::is_reproducible)?;
    step("build", || done(cargo_release("build").args(["--workspace", "--all-targets"])))?;
    step("lints", || {
        let mut clippy = cargo_release("clippy");
        done(clippy.args(["--workspace", "--all-targets", "--", "-D", "warnings"]))?;
        // What is of the component alone.
        let guest = ["clippy", "--release", "--package", "strongroom-guest", "--target", component::TARGET];
        done(cargo(&guest).args(["--", "-D", "warnings"]))
    })?;
    // What properties find is found again; `cargo test` alone tries others each time.
    step("tests", || done(cargo_release("test").arg("--workspace").env("PROPTEST_RNG_SEED", "1")))?;
    step("docs", || {
        let mut doc = cargo_release("doc");
        done(doc.args(["--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    step("packages", package::run)?;
    step("interop with PyTorch and safetensors", interop::run_interop)?;
    step("the component in Python", python_host)?;
    step("the component in Node", node_host)?;
    step("crash matrix, a sample", crash::sample)?;
    step("fuzzing, a few seconds", || fuzz::smoke(5))
}

/// The library without its features takes no crate that could open a connection by
/// itself, or wait for one.
fn no_network() -> Result<()> {
    const NETWORK: [&str; 6] = ["etcd-client", "hyper", "mio", "socket2", "tokio", "tonic"];
    let crates = |package: &str| {
        output(&mut cargo(&["tree", "--package", package, "--edges", "normal", "--prefix", "none"]))
    };
    let names = |crates: &str| -> Vec<String> {
        let names = crates.lines().filter_map(|line| line.split_whitespace().next());
        names.filter(|name| NETWORK.contains(name)).map(String::from).collect()
    };
    let found = names(&crates("strongroom")?);
    ensure!(found.is_empty(), "the library without features takes {}", found.join(", "));
    // Else nothing above could be found.
    ensure!(!names(&crates("strongroom-etcd")?).is_empty(), "cargo tree lists no crates");
    Ok(())
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
