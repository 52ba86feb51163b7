//! Directories that are not as they should be: to know that each class is given.

use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use anyhow::{Result, ensure};

use super::job::{JOBS, Scene};
use super::lab::{self, Lab};
use super::outcome::Outcome;

/// What is done to the directory that an undisturbed save leaves, and the class it is.
type Case = (&'static str, fn(&Path) -> Result<()>, fn(&Outcome) -> bool);

const CASES: [Case; 7] = [
    ("nothing", |_| Ok(()), Outcome::passed),
    ("the new checkpoint is gone", |root| gone(root, "step-3"), is_lost_work),
    ("an old checkpoint is gone", |root| gone(root, "step-1"), is_lost_work),
    ("a bit of the new checkpoint flips", |root| flip(root, "step-3"), is_hard_fail),
    ("a bit of an old checkpoint flips", |root| flip(root, "step-1"), is_hard_fail),
    ("the new checkpoint holds another", |root| swap(root, "step-2", "step-3"), is_silent_divergence),
    ("something hidden stays", |root| Ok(fs::create_dir(root.join(".hidden"))?), is_hard_fail),
];

/// All of them are seen for what they are.
pub fn run(lab: &Lab) -> Result<()> {
    let mut job = JOBS[0];
    job.existing = 2;
    let scene = Scene::new(lab, job)?;
    for (what, spoil, is_expected) in CASES {
        let room = lab.room()?;
        let root = room.join("run");
        scene.place_saved(&root)?;
        spoil(&root)?;
        let outcome = scene.check(lab, &root, true)?;
        ensure!(is_expected(&outcome), "{what}, and the check says: {outcome}");
        fs::remove_dir_all(room)?;
    }
    Ok(())
}

fn gone(root: &Path, name: &str) -> Result<()> {
    Ok(fs::remove_dir_all(root.join(name))?)
}

/// In the middle of the file, where there are payloads.
fn flip(root: &Path, name: &str) -> Result<()> {
    let path = root.join(name).join("checkpoint_0.pt");
    let middle = fs::metadata(&path)?.len() / 2;
    let byte = fs::read(&path)?[usize::try_from(middle)?] ^ 1;
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.seek(SeekFrom::Start(middle))?;
    Ok(file.write_all(&[byte])?)
}

/// Puts the files of one checkpoint in the place of another's, which is newer.
fn swap(root: &Path, old: &str, new: &str) -> Result<()> {
    gone(root, new)?;
    lab::copy(&root.join(old), &root.join(new))?;
    gone(root, old)
}

fn is_lost_work(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::LostWork(_))
}

fn is_hard_fail(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::HardFail(_))
}

fn is_silent_divergence(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::SilentDivergence(_))
}
