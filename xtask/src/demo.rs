//! The main job, end to end, on a checkpoint that PyTorch wrote.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};

use crate::run::{cargo_release, command, root, run as done, strongroom, target};
use crate::setup;

const SOURCE: &str = "tests/data/good/full_checkpoint/model.pt";

/// Sets up, builds, and shows what the command does.
pub fn run() -> Result<()> {
    setup::build()?;
    println!("building (the first time takes several minutes)");
    done(&mut cargo_release("build"))?;
    let work = target().join("demo");
    if work.exists() {
        fs::remove_dir_all(&work)?;
    }
    fs::create_dir_all(&work)?;
    let [ranks, merged, flat] = ["step-100", "model.pt", "model.safetensors"].map(|name| work.join(name));

    println!("\nA checkpoint that torch.save wrote: model, optimizer and step count.");
    show(&["inspect", SOURCE])?;
    println!("\nThe component reads it, the host shares it over four ranks and commits them in one rename.");
    show(&["save", SOURCE, text(&ranks), "--ranks", "4"])?;
    show(&["verify", text(&ranks)])?;
    show(&["latest", text(&work)])?;
    println!("\nMerged again, it is the same file, byte for byte.");
    show(&["load", text(&ranks), text(&merged)])?;
    ensure!(fs::read(root().join(SOURCE))? == fs::read(&merged)?, "the merged file differs from its source");
    println!("{} and {} are identical", SOURCE, merged.display());
    println!("\nIts tensors as safetensors:");
    show(&["convert", SOURCE, text(&flat), "--tensors-only"])?;
    println!(
        "\nThe component itself, for hosts in other languages: {}",
        target().join("strongroom.wasm").display()
    );
    Ok(())
}

fn show(args: &[&str]) -> Result<()> {
    println!("$ strongroom {}", args.join(" "));
    done(command(strongroom()).args(args))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap_or_default()
}
