//! Licences, sources and versions of all crates, by deny.toml; and what is known against them.

use anyhow::Result;

use crate::run::{command, run as done, step};
use crate::setup::{self, output};

/// Checks what the lock files alone tell, and advisories where their database can be had.
pub fn run() -> Result<()> {
    let program = setup::cargo_deny()?;
    let check = |args: &[&str]| {
        let mut deny = command(&program);
        deny.args(["--locked", "--config", "deny.toml"]).args(args);
        deny
    };
    let quiet = ["check", "--hide-inclusion-graph"];
    step("licences, bans and sources", || {
        let what = ["licenses", "bans", "sources"];
        done(check(&["--workspace"]).args(quiet).args(what))
    })?;
    // Nobody gets the fuzz targets: what they link may have other licences.
    step("bans and sources of the fuzz targets", || {
        let manifest = ["--log-level", "error", "--manifest-path", "fuzz/Cargo.toml"];
        done(check(&manifest).args(quiet).args(["bans", "sources"]))
    })?;
    // It is a repository on GitHub, which not every machine reaches.
    match output(&mut check(&["fetch", "db"])) {
        Ok(_) => step("advisories", || done(check(&["--workspace"]).args(quiet).arg("advisories"))),
        Err(error) => {
            let error = format!("{error:#}");
            let reason = error.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
            println!("== advisories: NOT CHECKED, their database cannot be fetched: {reason}");
            Ok(())
        }
    }
}
