//! What a fresh process finds after a fault.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::job::{LONGEST, Named, Scene};
use super::lab::{self, Lab};
use super::outcome::Outcome;
use super::process::{Ended, run_together};

/// The files of a checkpoint as it was committed, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot(BTreeMap<String, Vec<u8>>);

impl Snapshot {
    pub fn of(directory: &Path) -> Result<Self> {
        let mut files = lab::files(directory)?;
        if let Some(record) = files.get_mut(RECORD) {
            *record = without_time(record);
        }
        Ok(Self(files))
    }
}

/// All that is in a directory of checkpoints, by name.
pub type Checkpoints = BTreeMap<String, Snapshot>;

pub fn checkpoints(root: &Path) -> Result<Checkpoints> {
    names(root)?.into_iter().map(|name| Ok((name.clone(), Snapshot::of(&root.join(name))?))).collect()
}

/// Asks fresh processes: which checkpoint is the newest, is it whole, does the next save
/// work, and is everything then as if nothing had been? All of [`Scene::check`].
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
        let (before, after) = (self.scene.before(), self.scene.after()?);
        let candidates: Vec<_> = [Some(after), before].into_iter().flatten().collect();
        let found = match self.latest()? {
            // The first save of a run: nobody panicked, and nothing is there.
            Err(found) if before.is_none() && !found.broken => None,
            latest => match self.judge(&latest, &candidates)? {
                Ok(found) => Some(found),
                Err(outcome) => return Ok(outcome),
            },
        };
        if found == before && acknowledged {
            return Ok(Outcome::LostWork(format!("{} was acknowledged, and is not the latest", after.0)));
        }
        if let Some(outcome) = self.others(after.0)? {
            return Ok(outcome);
        }
        let committed = found == Some(after);
        let (commands, expected) = match committed {
            true => (self.scene.save_next(self.lab, self.root)?, &self.scene.saved_next),
            false => (self.scene.save(self.lab, self.root)?, &self.scene.saved),
        };
        let ended = run_together(commands, self.room, LONGEST)?;
        if let Some(failed) = ended.iter().find(|ended| !ended.success()) {
            return Ok(Outcome::HardFail(format!("the next save fails: {}", failed.error())));
        }
        let Some(newest) = expected.last_key_value() else { bail!("an empty directory is expected") };
        if let Err(outcome) = self.judge(&self.latest()?, &[newest])? {
            return Ok(outcome);
        }
        self.rest(expected)
    }

    /// What `latest` says: a name, or why there is none.
    fn latest(&self) -> Result<Result<String, NoLatest>> {
        let ended = self.run(&["latest"], self.root)?;
        if !ended.success() {
            let broken = ended.panicked() || ended.killed() || ended.status.is_none();
            return Ok(Err(NoLatest { broken, reason: ended.error() }));
        }
        // It tells of checkpoints that are damaged.
        if !ended.stderr.is_empty() {
            return Ok(Err(NoLatest { broken: true, reason: ended.error() }));
        }
        let path = Path::new(ended.stdout.trim_end());
        Ok(Ok(path.file_name().unwrap_or_default().to_string_lossy().into_owned()))
    }

    /// Which of the candidates the latest is, whole and verified; or what is wrong.
    fn judge<'c>(
        &self,
        latest: &Result<String, NoLatest>,
        candidates: &[Named<'c>],
    ) -> Result<Result<Named<'c>, Outcome>> {
        let names = || {
            let mut names: Vec<_> = candidates.iter().map(|(name, _)| name.as_str()).collect();
            // Replaced, it has the name it had.
            names.dedup();
            names.join(" or ")
        };
        let name = match latest {
            Ok(name) => name,
            Err(NoLatest { broken: true, reason }) => {
                return Ok(Err(Outcome::HardFail(format!("latest: {reason}"))));
            }
            Err(NoLatest { reason, .. }) => {
                return Ok(Err(Outcome::LostWork(format!("the latest is not {}: {reason}", names()))));
            }
        };
        let named: Vec<_> = candidates.iter().filter(|(candidate, _)| *candidate == name).collect();
        let Some((_, expected)) = named.first() else {
            return Ok(Err(Outcome::LostWork(format!("the latest is {name}, not {}", names()))));
        };
        let path = self.root.join(name);
        let verified = self.run(&["verify"], &path)?;
        if !verified.success() {
            return Ok(Err(Outcome::HardFail(format!("{name} does not verify: {}", verified.error()))));
        }
        let found = Snapshot::of(&path)?;
        let same = named.into_iter().find(|(_, candidate)| **candidate == found);
        Ok(same.copied().ok_or_else(|| diverged(name, expected, &found)))
    }

    /// What is wrong with the checkpoints beside the one that is saved: those that stay
    /// are there and whole, and those that go are whole as long as they are checkpoints.
    fn others(&self, saved: &String) -> Result<Option<Outcome>> {
        for (name, old) in self.scene.old.iter().filter(|(name, _)| *name != saved) {
            let path = self.root.join(name);
            if !path.join(RECORD).exists() {
                if self.scene.saved.contains_key(name) {
                    return Ok(Some(Outcome::LostWork(format!("{name} is gone"))));
                }
            } else if Snapshot::of(&path)? != *old {
                let verified = self.run(&["verify"], &path)?;
                return Ok(Some(match verified.success() {
                    true => diverged(name, old, &Snapshot::of(&path)?),
                    false => Outcome::HardFail(format!("{name} does not verify: {}", verified.error())),
                }));
            }
        }
        Ok(None)
    }

    /// Whether the directory is as saves without a fault leave it.
    fn rest(&self, expected: &Checkpoints) -> Result<Outcome> {
        let found = names(self.root)?;
        if let Some(more) = found.iter().find(|name| !expected.contains_key(*name)) {
            return Ok(Outcome::HardFail(format!("left over after the next save: {more}")));
        }
        if let Some(gone) = expected.keys().find(|name| !found.contains(name)) {
            return Ok(Outcome::LostWork(format!("{gone} is gone after the next save")));
        }
        let found = checkpoints(self.root)?;
        let different = expected.iter().find(|(name, snapshot)| found.get(*name) != Some(snapshot));
        Ok(different.map_or(Outcome::Pass, |(name, expected)| diverged(name, expected, &found[name])))
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

fn diverged(name: &str, Snapshot(expected): &Snapshot, Snapshot(found): &Snapshot) -> Outcome {
    let missing = expected.keys().find(|name| !found.contains_key(*name));
    let more = found.keys().find(|name| !expected.contains_key(*name));
    let other = expected.iter().find(|(name, bytes)| found.get(*name).is_some_and(|found| found != *bytes));
    let difference = match (missing, more, other) {
        (Some(file), ..) => format!("{file} is missing"),
        (_, Some(file), _) => format!("{file} should not be there"),
        (.., Some((file, _))) => file.clone(),
        _ => "none".into(),
    };
    Outcome::SilentDivergence(format!("{name} verifies, and holds other bytes: {difference}"))
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
const TIMES: [&[u8]; 3] = [b"  \"committed\":", b"  \"head_crc32\":", b"  \"crc32\":"];
const RECORD: &str = "strongroom.json";
