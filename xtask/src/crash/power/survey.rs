//! All states of a save, each made as a directory and checked.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;

use super::contents::Fate;
use super::history::{Effect, History};
use super::order::Order;
use super::record::{ROOT, record_again};
use super::states::{State, States, Tree, states};
use crate::crash::job::Scene;
use crate::crash::lab::Lab;
use crate::crash::outcome::Outcome;
use crate::crash::parallel;
use crate::crash::table::Row;

/// What is checked of one job, and how.
#[derive(Clone, Copy)]
pub struct Survey<'s> {
    pub lab: &'s Lab,
    pub scene: &'s Scene,
    pub history: &'s History,
    /// States of each order, at most.
    pub limit: usize,
    pub scratch: &'s Scratch,
}

/// What came of a state. One that may be there after the promise is another.
type Outcomes = HashMap<(Tree, bool), Outcome>;

impl Survey<'_> {
    /// A row for each order.
    pub fn rows(&self) -> Result<Vec<Row>> {
        // Most of what a journal leaves, others leave too.
        let mut known = Outcomes::new();
        Order::ALL.into_iter().map(|order| self.row(order, &mut known)).collect()
    }

    fn row(&self, order: Order, known: &mut Outcomes) -> Result<Row> {
        let found = states(self.history, order, self.limit, SEED);
        self.check_all(self.history, &found.states, known)?;
        let fault = format!("power loss, {}: {}", order.name(), count(&found));
        let mut row = Row::new(self.scene.job.name, fault);
        self.fill(&mut row, &found, known);
        Ok(row)
    }

    /// The save is killed after each of these points, and done again; then the power is
    /// lost.
    pub fn row_after_kill(&self, points: &[usize]) -> Result<Row> {
        let fault =
            format!("kill at {} points, save again, power loss, {}", points.len(), Order::Posix.name());
        let mut row = Row::new(self.scene.job.name, fault);
        for &point in points {
            let history = record_again(self.lab, self.scene, self.history.cut(point))?;
            let limit = (self.limit / points.len()).max(SAMPLE);
            let survey = Survey { history: &history, limit, ..*self };
            let found = states(&history, Order::Posix, limit, SEED);
            let mut known = Outcomes::new();
            survey.check_all(&history, &found.states, &mut known)?;
            survey.fill(&mut row, &found, &known);
        }
        Ok(row)
    }

    /// Adds all states to a row, and describes one for each way to fail.
    fn fill(&self, row: &mut Row, found: &States, known: &Outcomes) {
        let mut reasons = HashSet::new();
        for state in &found.states {
            let outcome = &known[&key(state)];
            match reasons.insert(outcome.to_string()) {
                true => row.add(&self.describe(state), outcome),
                false => row.add_another(outcome),
            }
        }
    }

    /// Whether the model sees what is wrong: the save's syncs, each with whether it could
    /// be left out, and no state would fail in a way that none fails now.
    pub fn syncs(&self) -> Result<Vec<(String, bool)>> {
        let order = Order::Posix;
        let mut known = Outcomes::new();
        self.check_all(self.history, &states(self.history, order, self.limit, SEED).states, &mut known)?;
        let mut syncs = Vec::new();
        for (index, operation) in self.history.operations.iter().enumerate() {
            let Effect::Sync(_) = operation.effect else { continue };
            let history = self.history.without(index);
            let mut found = states(&history, order, self.limit, SEED).states;
            found.retain(|state| !known.contains_key(&key(state)));
            let mut new = Outcomes::new();
            self.check_all(&history, &found, &mut new)?;
            let mut failed = new.values().filter(|outcome| !outcome.passed());
            let idle = failed.all(|outcome| known.values().any(|known| known == outcome));
            syncs.push((self.operation(index), idle));
        }
        Ok(syncs)
    }

    fn check_all(&self, history: &History, states: &[State], known: &mut Outcomes) -> Result<()> {
        let new: Vec<&State> = states.iter().filter(|state| !known.contains_key(&key(state))).collect();
        let outcomes = parallel::each(&new, THREADS, |state| self.check(history, state))?;
        known.extend(new.iter().map(|state| key(state)).zip(outcomes));
        Ok(())
    }

    /// What a fresh process finds on such a disk.
    fn check(&self, history: &History, state: &State) -> Result<Outcome> {
        let disk = self.scratch.room()?;
        for (path, held) in &state.tree {
            match held {
                None => fs::create_dir(disk.join(&**path))?,
                Some(version) => fs::write(disk.join(&**path), version.bytes(history))?,
            }
        }
        let outcome = self.scene.check(self.lab, &disk.join(ROOT), state.acknowledged)?;
        fs::remove_dir_all(disk)?;
        Ok(outcome)
    }

    /// How the disk came to be so.
    fn describe(&self, state: &State) -> String {
        let names = state.origin.lost.iter().map(|&index| (index, Fate::Lost));
        let held = state.tree.iter().filter_map(|(_, held)| held.as_ref());
        let mut lost: Vec<_> = names.chain(held.flat_map(|version| version.lost())).collect();
        lost.sort_by_key(|(index, _)| *index);
        let more = lost.len().saturating_sub(LISTED);
        let lost =
            lost.iter().take(LISTED).map(|(index, fate)| format!("{}: {fate}", self.operation(*index)));
        let mut lost: Vec<_> = lost.collect();
        lost.extend((more > 0).then(|| format!("and {more} more")));
        let last = state.origin.point.checked_sub(1).map_or("nothing".into(), |last| self.operation(last));
        format!("a cut after {last}, of which the disk has not {}", lost.join("; "))
    }

    fn operation(&self, index: usize) -> String {
        let text = self.history.operations[index].text.replace(&format!("{ROOT}/"), "");
        format!("{} {text}", index + 1)
    }
}

fn count(found: &States) -> String {
    let which = if found.complete { "all" } else { "a sample of the" };
    format!("{which} states of {} points", found.points)
}

fn key(state: &State) -> (Tree, bool) {
    (state.tree.clone(), state.acknowledged)
}

/// A place for disks, in memory if there is one. Removed when dropped.
pub struct Scratch {
    path: PathBuf,
    rooms: AtomicUsize,
}

impl Scratch {
    pub fn new(lab: &Lab) -> Result<Self> {
        let memory = Path::new("/dev/shm");
        let path = match memory.is_dir() {
            true => memory.join(format!("strongroom-power-{}", process::id())),
            false => lab.room()?,
        };
        fs::create_dir_all(&path)?;
        Ok(Self { path, rooms: AtomicUsize::new(0) })
    }

    fn room(&self) -> Result<PathBuf> {
        let room = self.path.join(self.rooms.fetch_add(1, Ordering::Relaxed).to_string());
        fs::create_dir(&room)?;
        Ok(room)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Of the samples; any other number is as good.
pub const SEED: u64 = 5;

/// The checks wait for no disk: a thread for each of the least cores of a machine.
const THREADS: usize = 2;

/// States of each point in a sample of points, at least.
const SAMPLE: usize = 15;

/// Operations in a description, at most.
const LISTED: usize = 6;
