//! What a release consists of, in one folder.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::component::{self, COMPONENT};
use crate::package;
use crate::run::{cargo, command, root, run as done, target};
use crate::setup::{self, output};

/// The command, the crates, the component and its contracts, the licences of all that is in them, what
/// they were made of and with, and the checksum of each.
pub fn run() -> Result<()> {
    ensure!(output(command("git").args(["status", "--porcelain"]))?.is_empty(), "not all is committed");
    component::ensure_made(true)?;
    done(&mut cargo(&["build", "--locked", "--profile", "dist", "--bin", "strongroom"]))?;
    let crates = package::packed()?;
    let folder = target().join("release-folder");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let take = |from: &Path, name: &str| {
        let copied = fs::copy(from, folder.join(name));
        copied.map(drop).with_context(|| format!("cannot copy {}", from.display()))
    };
    let versions = output(command("rustc").arg("-vV"))?;
    let machine =
        versions.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc has no host")?;
    take(&target().join("dist/strongroom"), &format!("strongroom-{machine}"))?;
    take(&root().join(COMPONENT), "strongroom.wasm")?;
    for packed in crates {
        let name = packed.file_name().and_then(|name| name.to_str()).context("a package without a name")?;
        take(&packed, name)?;
    }
    for package in ["format", "hook"] {
        let contract = folder.join(format!("wit-{package}.tar.gz"));
        done(command("tar").arg("-czf").arg(contract).arg("-C").arg(root().join("wit")).arg(package))?;
    }
    let mut licences = command(setup::cargo_deny()?);
    licences.args(["--locked", "list", "--layout", "crate", "--format", "human"]);
    fs::write(folder.join("LICENCES.txt"), output(&mut licences)?)?;
    let commit = output(command("git").args(["rev-parse", "HEAD"]))?;
    let made_of = output(command(folder.join(format!("strongroom-{machine}"))).arg("version"))?;
    fs::write(folder.join("PROVENANCE.txt"), format!("commit {commit}\n{versions}\n{made_of}"))?;
    let sums = "sha256sum -- * > ../SHA256SUMS && mv ../SHA256SUMS .";
    done(command("sh").args(["-c", sums]).current_dir(&folder))?;
    println!("{}", folder.display());
    Ok(())
}
