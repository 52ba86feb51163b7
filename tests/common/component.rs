//! Builds the components that the tests run: each is a crate of the workspace.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const TARGET: &str = "wasm32-wasip2";

/// The bytes of the component that `package` is.
pub fn build(package: &str) -> Vec<u8> {
    // Beside what the host's build made of the guest: the same dependencies.
    let target = target_directory().join("guest");
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .args(["rustc", "--quiet", "--package", package, "--lib", "--crate-type", "cdylib"])
        .args(["--release", "--target", TARGET, "--target-dir"])
        .arg(&target)
        .env("CARGO_PROFILE_RELEASE_PANIC", "abort");
    // What the tests are run under (coverage, sanitizers) is not for the component.
    for variable in ["CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS", "RUSTC_WRAPPER", "CARGO_BUILD_TARGET"] {
        cargo.env_remove(variable);
    }
    let status = cargo.status().unwrap();
    assert!(status.success(), "{package} did not build: is the target {TARGET} installed?");
    let file = format!("release/{}.wasm", package.replace('-', "_"));
    fs::read(target.join(TARGET).join(file)).unwrap()
}

fn target_directory() -> PathBuf {
    let test = env::current_exe().unwrap();
    let tagged = test.ancestors().find(|directory| directory.join("CACHEDIR.TAG").exists());
    tagged.expect("the test is in no target directory").to_path_buf()
}
