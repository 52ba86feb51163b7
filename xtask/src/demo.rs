//! The main job, end to end, on a checkpoint that PyTorch wrote.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};

use crate::component;
use crate::run::{cargo, command, root, run as done, strongroom, target};

const SOURCE: &str = "tests/data/good/full_checkpoint/model.pt";

/// Sets up, builds, and shows what the command does.
pub fn run() -> Result<()> {
    println!("building (the first time takes some minutes)");
    component::ensure_made(false)?;
    done(&mut cargo(&["build", "--release", "--bin", "strongroom"]))?;
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
        root().join(component::COMPONENT).display()
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
