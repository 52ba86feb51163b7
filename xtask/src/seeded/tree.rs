//! A copy of the repository in which bugs are put, one at a time.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::bugs::{Bug, Edit};
use crate::run::{command, root, strongroom};
use crate::setup::output;

/// The copies, and what is built of them.
pub struct Tree {
    directory: PathBuf,
}

const TARGET: &str = "wasm32-wasip2";

impl Tree {
    /// Copies all files that git knows, as they are now. What is the same stays, for cargo to see.
    pub fn new(directory: &Path) -> Result<Self> {
        let tree = Self { directory: directory.into() };
        let files = output(command("git").args(["ls-files", "-z"]))?;
        let built: Vec<&str> = files.split('\0').filter(|file| is_built(file)).collect();
        for &file in &built {
            let from = root().join(file);
            // What git knows may be gone.
            let Ok(content) = fs::read(&from) else { continue };
            write(&tree.bugs().join(file), &content)?;
        }
        let there =
            |path: &Path| root().join(path).exists() && built.iter().any(|file| path == Path::new(file));
        remove(&tree.bugs(), &tree.bugs(), &there)?;
        Ok(tree)
    }

    /// A program that is the command with another component.
    pub fn program(&self, component: &Path) -> Result<PathBuf> {
        let program = self.directory.join("strongroom");
        let (command, component) = (strongroom(), component.display());
        write(
            &program,
            format!("#!/bin/sh\nexec '{}' --component '{component}' \"$@\"\n", command.display()).as_bytes(),
        )?;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
        Ok(program)
    }

    /// For the files of the runs.
    pub fn work(&self) -> PathBuf {
        self.directory.join("work")
    }

    /// Builds the component as it is in the copy; answers where it is.
    pub fn component(&self, name: &str) -> Result<PathBuf> {
        let target = self.directory.join("guest");
        let mut cargo = cargo(&self.bugs());
        cargo
            .args(["rustc", "--quiet", "--package", "strongroom-guest", "--lib", "--crate-type", "cdylib"])
            .args(["--release", "--target", TARGET, "--target-dir"])
            .arg(&target)
            // Built for being built again, and not for being small.
            .env("CARGO_INCREMENTAL", "1")
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
            .env("CARGO_PROFILE_RELEASE_PANIC", "abort")
            // What this is run under (sanitizers, coverage) is not for the guest.
            .env_remove("RUSTFLAGS");
        // An edit may leave something unused: warnings are for failures only.
        output(&mut cargo)?;
        let components = self.directory.join("components");
        fs::create_dir_all(&components)?;
        let component = components.join(name).with_extension("wasm");
        fs::copy(target.join(TARGET).join("release/strongroom_guest.wasm"), &component)?;
        Ok(component)
    }

    /// Whether a bug can be put in: a text that is not there, or there twice, is none to edit.
    pub fn check(&self, bug: &Bug) -> Result<()> {
        edited(&bug.edit, &self.read(bug.edit.file)?)
            .map(drop)
            .with_context(|| format!("the bug {}", bug.name))
    }

    /// Builds the component with a bug, and takes that out again.
    pub fn with(&self, bug: &Bug) -> Result<PathBuf> {
        let sound = self.read(bug.edit.file)?;
        let file = self.bugs().join(bug.edit.file);
        write(&file, edited(&bug.edit, &sound)?.as_bytes())?;
        let component =
            self.component(bug.name).with_context(|| format!("the bug {} does not build", bug.name));
        write(&file, sound.as_bytes())?;
        component
    }

    fn bugs(&self) -> PathBuf {
        self.directory.join("bugs")
    }

    fn read(&self, file: &str) -> Result<String> {
        fs::read_to_string(self.bugs().join(file)).with_context(|| format!("cannot read {file}"))
    }
}

fn cargo(directory: &Path) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(directory);
    cargo
}

/// Removes the files of a copy that are not there any more.
fn remove(directory: &Path, copy: &Path, there: &impl Fn(&Path) -> bool) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            remove(&path, copy, there)?;
        } else if !there(path.strip_prefix(copy)?) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Writes what is not there already.
fn write(to: &Path, content: &[u8]) -> Result<()> {
    if fs::read(to).is_ok_and(|there| there == content) {
        return Ok(());
    }
    fs::create_dir_all(to.parent().unwrap_or(to))?;
    fs::write(to, content).with_context(|| format!("cannot write {}", to.display()))
}

/// Whether cargo may need it: data and documents are taken from where they are.
fn is_built(file: &str) -> bool {
    !file.is_empty() && !["docs/", "tests/data/", "fuzz/"].iter().any(|folder| file.starts_with(folder))
}

fn edited(edit: &Edit, text: &str) -> Result<String> {
    let count = text.matches(edit.find).count();
    ensure!(count == 1, "the text to edit is {count} times in {}: {}", edit.file, edit.find);
    Ok(text.replacen(edit.find, edit.put, 1))
}
