//! What a fresh process finds after a fault.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use super::job::{LONGEST, Scene};
use super::lab::{self, Lab};
use super::outcome::Outcome;
use super::process::{Ended, run_together};

/// A checkpoint as it was committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Its directory.
    pub name: String,
    files: BTreeMap<String, Vec<u8>>,
}

impl Snapshot {
    pub fn of(directory: &Path) -> Result<Self> {
        let name = directory.file_name().context("a checkpoint has a name")?;
        let mut files = lab::files(directory)?;
        if let Some(record) = files.get_mut(RECORD) {
            *record = without_time(record);
        }
        Ok(Self { name: name.to_string_lossy().into_owned(), files })
    }
}

/// Asks fresh processes: which checkpoint is the newest, is it whole, does the next save
/// work, and is nothing left over? All of [`Scene::check`].
pub fn check(scene: &Scene, lab: &Lab, root: &Path, acknowledged: bool) -> Result<Outcome> {
    let examined = Examined { scene, lab, root, room: &lab.room()? };
    let outcome = examined.outcome(acknowledged)?;
    fs::remove_dir_all(examined.room)?;
    Ok(outcome)
}

struct Examined<'e> {
    scene: &'e Scene,
    lab: &'e Lab,
    root: &'e Path,
    room: &'e Path,
}

impl Examined<'_> {
    fn outcome(&self, acknowledged: bool) -> Result<Outcome> {
        let Scene { before, after, next, kept, .. } = self.scene;
        let latest = self.latest()?;
        let candidates: Vec<&Snapshot> = [Some(after), before.as_ref()].into_iter().flatten().collect();
        let found = match &latest {
            // The first save of a run: nobody panicked, and nothing is there.
            Err(found) if before.is_none() && !found.broken => None,
            latest => match self.judge(latest, &candidates)? {
                Ok(found) => Some(found),
                Err(outcome) => return Ok(outcome),
            },
        };
        if found == before.as_ref() && acknowledged {
            return Ok(Outcome::LostWork(format!("{} was acknowledged, and is not the latest", after.name)));
        }
        for kept in kept {
            if let Err(outcome) = self.judge(&Ok(kept.name.clone()), &[kept])? {
                return Ok(outcome);
            }
        }
        let committed = found == Some(after);
        let commands = match committed {
            true => self.scene.save_next(self.lab, self.root)?,
            false => self.scene.save(self.lab, self.root)?,
        };
        let ended = run_together(commands, self.room, LONGEST)?;
        if let Some(failed) = ended.iter().find(|ended| !ended.success()) {
            return Ok(Outcome::HardFail(format!("the next save fails: {}", failed.error())));
        }
        let expected = if committed { next } else { after };
        let latest = self.latest()?;
        if let Err(outcome) = self.judge(&latest, &[expected])? {
            return Ok(outcome);
        }
        self.rest()
    }

    /// What `latest` says: a name, or why there is none.
    fn latest(&self) -> Result<Result<String, NoLatest>> {
        let ended = self.run(&["latest"], self.root)?;
        if !ended.success() {
            let broken = ended.panicked() || ended.status.is_none_or(|status| status.code().is_none());
            return Ok(Err(NoLatest { broken, reason: ended.error() }));
        }
        let path = Path::new(ended.stdout.trim_end());
        Ok(Ok(path.file_name().unwrap_or_default().to_string_lossy().into_owned()))
    }

    /// Which of the candidates a checkpoint is, whole and verified; or what is wrong.
    fn judge<'c>(
        &self,
        latest: &Result<String, NoLatest>,
        candidates: &[&'c Snapshot],
    ) -> Result<Result<&'c Snapshot, Outcome>> {
        let names = || candidates.iter().map(|snapshot| &*snapshot.name).collect::<Vec<_>>().join(" or ");
        let name = match latest {
            Ok(name) => name,
            Err(NoLatest { broken: true, reason }) => {
                return Ok(Err(Outcome::HardFail(format!("latest: {reason}"))));
            }
            Err(NoLatest { reason, .. }) => {
                return Ok(Err(Outcome::LostWork(format!("the latest is not {}: {reason}", names()))));
            }
        };
        let named: Vec<_> = candidates.iter().filter(|candidate| candidate.name == *name).collect();
        if named.is_empty() {
            return Ok(Err(Outcome::LostWork(format!("the latest is {name}, not {}", names()))));
        }
        let path = self.root.join(name);
        if !path.exists() {
            return Ok(Err(Outcome::LostWork(format!("{name} is gone"))));
        }
        let verified = self.run(&["verify"], &path)?;
        let found = Snapshot::of(&path)?;
        let same = named.into_iter().find(|candidate| candidate.files == found.files);
        Ok(match (same, verified.success()) {
            (Some(same), true) => Ok(*same),
            (_, false) => Err(Outcome::HardFail(format!("{name} does not verify: {}", verified.error()))),
            (None, true) => Err(Outcome::SilentDivergence(format!(
                "{name} verifies, and holds other bytes: {}",
                difference(&candidates[0].files, &found.files)
            ))),
        })
    }

    /// What is in the directory beside checkpoints: nothing, after a save.
    fn rest(&self) -> Result<Outcome> {
        let mut found = names(self.root)?;
        found.sort();
        let (hidden, shown): (Vec<_>, Vec<_>) = found.into_iter().partition(|name| name.starts_with('.'));
        if !hidden.is_empty() {
            return Ok(Outcome::HardFail(format!("left over after the next save: {}", hidden.join(", "))));
        }
        match self.scene.job.keep_last {
            Some(keep) if shown.len() != keep => {
                Ok(Outcome::HardFail(format!("{keep} checkpoints are to be kept: {}", shown.join(", "))))
            }
            _ => Ok(Outcome::Pass),
        }
    }

    fn run(&self, arguments: &[&str], path: &Path) -> Result<Ended> {
        let mut command = self.lab.command();
        command.args(arguments).arg(path);
        let mut ended = run_together(vec![command], self.room, Duration::from_secs(60))?;
        ended.pop().context("one process")
    }
}

/// Why `latest` names nothing.
struct NoLatest {
    /// It did not end by itself, or panicked.
    broken: bool,
    reason: String,
}

/// Which file differs.
fn difference(expected: &BTreeMap<String, Vec<u8>>, found: &BTreeMap<String, Vec<u8>>) -> String {
    let missing = expected.keys().find(|name| !found.contains_key(*name));
    let more = found.keys().find(|name| !expected.contains_key(*name));
    let other = expected.iter().find(|(name, bytes)| found.get(*name).is_some_and(|found| found != *bytes));
    match (missing, more, other) {
        (Some(name), ..) => format!("{name} is missing"),
        (_, Some(name), _) => format!("{name} should not be there"),
        (.., Some((name, _))) => name.clone(),
        _ => "none".into(),
    }
}

fn names(directory: &Path) -> Result<Vec<String>> {
    fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

/// The record without the lines that say when it was committed, and its own checksum.
fn without_time(record: &[u8]) -> Vec<u8> {
    let of_time = |line: &[u8]| TIMES.iter().any(|name| line.starts_with(name));
    record.split_inclusive(|&byte| byte == b'\n').filter(|line| !of_time(line)).flatten().copied().collect()
}

/// Fields of the record itself, not of what is in it.
const TIMES: [&[u8]; 2] = [b"  \"committed\":", b"  \"crc32\":"];
const RECORD: &str = "strongroom.json";
