//! cargo-fuzz over the guest's readers.

use anyhow::{Context, Result, bail};

use crate::run::{command, root, run as done, target};
use crate::setup::{self, output};

/// Fuzzes each target: `--seconds N`, 60 by default.
pub fn run(args: &[String]) -> Result<()> {
    match args {
        [] => smoke(60),
        [flag, seconds] if flag == "--seconds" => smoke(seconds.parse().context("--seconds takes a number")?),
        _ => bail!("usage: cargo xtask fuzz [--seconds N]"),
    }
}

/// Fuzzes each target for some seconds, from the fixtures on.
pub fn smoke(seconds: u32) -> Result<()> {
    setup::cargo_fuzz()?;
    let targets = output(command("cargo").args(["fuzz", "list"]).current_dir(root().join("fuzz")))?;
    for fuzz in targets.lines() {
        println!("fuzzing {fuzz} for {seconds} s");
        let mut cargo = command("cargo");
        cargo
            .args(["+nightly", "fuzz", "run", fuzz, "--target-dir"])
            .arg(target().join("fuzz"))
            // A working corpus that grows, then the seeds.
            .arg(target().join("fuzz/corpus").join(fuzz))
            .arg(root().join("tests/data"))
            .arg(root().join("fuzz/seeds"))
            .args(["--", "-rss_limit_mb=2048", "-timeout=10", "-verbosity=0"])
            .arg(format!("-max_total_time={seconds}"));
        std::fs::create_dir_all(target().join("fuzz/corpus").join(fuzz))?;
        done(&mut cargo)?;
    }
    Ok(())
}
