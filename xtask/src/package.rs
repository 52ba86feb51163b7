//! The crates as they are published: packed, and built from the packages alone.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::component;
use crate::run::{cargo, command, root, run as done, target};
use crate::setup::output;

/// What is published, in the order in which it can be.
const PUBLISHED: [&str; 6] = [
    "strongroom-names",
    "strongroom-guest",
    "strongroom-component",
    "strongroom",
    "strongroom-etcd",
    "strongroom-cli",
];
const SAMPLE: &str = "tests/data/good/full_checkpoint/model.pt";

/// Packs all that is published, builds the command of it where nothing else of the repository is, and
/// the documentation as docs.rs does.
pub fn run() -> Result<()> {
    component::ensure_made(false)?;
    let place = unpacked()?;
    let command_line = directory(&place, "strongroom-cli")?;
    let build_in = |directory: &Path, args: &[&str]| {
        let mut cargo = cargo(args);
        cargo.current_dir(directory).arg("--release").arg("--target-dir").arg(target().join("packages"));
        cargo
    };
    done(build_in(&command_line, &["build"]).env("RUSTFLAGS", "-D warnings"))?;
    let strongroom = target().join("packages/release/strongroom");
    let said = output(command(&strongroom).arg("validate").arg(root().join(SAMPLE)))?;
    ensure!(said.contains(": safe"), "the command built of packages says: {said}");
    println!("the command built of packages has {} KiB", fs::metadata(&strongroom)?.len() >> 10);
    for name in ["strongroom", "strongroom-etcd", "strongroom-guest"] {
        let mut doc = build_in(&directory(&place, name)?, &["doc", "--no-deps"]);
        done(doc.env("DOCS_RS", "1").env("RUSTDOCFLAGS", "-D warnings"))?;
    }
    fs::remove_dir_all(place)?;
    Ok(())
}

/// All packages, unpacked beside each other, which take each other from there.
fn unpacked() -> Result<PathBuf> {
    // One place each time: what is built there is found again.
    let place = env::temp_dir().join("strongroom-packages");
    if place.exists() {
        fs::remove_dir_all(&place)?;
    }
    fs::create_dir_all(place.join(".cargo"))?;
    for packed in packed()? {
        done(command("tar").arg("-xzf").arg(packed).arg("-C").arg(&place))?;
    }
    let mut patches = String::from("[patch.crates-io]\n");
    for name in PUBLISHED {
        patches += &format!("{name} = {{ path = {:?} }}\n", directory(&place, name)?);
    }
    fs::write(place.join(".cargo/config.toml"), patches)?;
    Ok(place)
}

/// The packages.
pub fn packed() -> Result<Vec<PathBuf>> {
    let mut pack = cargo(&["package", "--quiet", "--allow-dirty", "--no-verify"]);
    for name in PUBLISHED {
        pack.args(["--package", name]);
    }
    done(&mut pack)?;
    let packed = |name| {
        let packed = target().join("package").join(file_name(name)?);
        let size = fs::metadata(&packed).with_context(|| format!("no {}", packed.display()))?.len();
        println!("{name}: {} KiB", size >> 10);
        ensure!(size < LARGEST, "{name} is larger than what crates.io takes");
        Ok(packed)
    };
    PUBLISHED.into_iter().map(packed).collect()
}

fn directory(place: &Path, name: &str) -> Result<PathBuf> {
    Ok(place.join(file_name(name)?.trim_end_matches(".crate")))
}

/// `strongroom-0.1.0.crate`
fn file_name(name: &str) -> Result<String> {
    let id = output(&mut cargo(&["pkgid", "--package", name]))?;
    let (_, version) = id.trim().rsplit_once(['#', '@']).context("a version")?;
    Ok(format!("{name}-{version}.crate"))
}

/// Bytes.
const LARGEST: u64 = 10 << 20;
