//! All states of a save, each made as a directory and checked.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;

use super::contents::Fate;
use super::history::History;
use super::order::Order;
use super::record::ROOT;
use super::states::{State, Tree, states};
use crate::crash::job::Scene;
use crate::crash::lab::Lab;
use crate::crash::outcome::Outcome;
use crate::crash::parallel;
use crate::crash::table::Row;

/// What is checked of one job, and how.
pub struct Survey<'s> {
    pub lab: &'s Lab,
    pub scene: &'s Scene,
    pub history: &'s History,
    /// States of each order, at most.
    pub limit: usize,
    pub scratch: &'s Scratch,
}

impl Survey<'_> {
    /// A row for each order.
    pub fn rows(&self) -> Result<Vec<Row>> {
        // Most of what a journal leaves, others leave too.
        let mut known: HashMap<(Tree, bool), Outcome> = HashMap::new();
        let mut rows = Vec::new();
        for order in Order::ALL {
            let found = states(self.history, order, self.limit, SEED);
            let new: Vec<&State> = found.states.iter().filter(|state| !known.contains_key(&key(state))).collect();
            let outcomes = parallel::each(&new, THREADS, |state| self.check(state))?;
            known.extend(new.iter().map(|state| key(state)).zip(outcomes));
            let sampled = if found.complete { "all".into() } else { format!("a sample, seed {SEED},") };
            let fault = format!("power loss, {}: {sampled} states of {} points", order.name(), found.points);
            let mut row = Row::new(self.scene.job.name, fault);
            for state in &found.states {
                row.add(&self.describe(state), &known[&key(state)]);
            }
            rows.push(row);
        }
        Ok(rows)
    }

    /// What a fresh process finds on such a disk.
    pub fn check(&self, state: &State) -> Result<Outcome> {
        let disk = self.scratch.room()?;
        for (path, held) in &state.tree {
            match held {
                None => fs::create_dir(disk.join(&**path))?,
                Some(version) => fs::write(disk.join(&**path), version.bytes(self.history))?,
            }
        }
        let outcome = self.scene.check(self.lab, &disk.join(ROOT), state.acknowledged)?;
        fs::remove_dir_all(disk)?;
        Ok(outcome)
    }

    /// How the disk came to be so.
    fn describe(&self, state: &State) -> String {
        let operation = |index: usize| format!("{} {}", index + 1, self.history.operations[index].text);
        let names = state.origin.lost.iter().map(|&index| (index, Fate::Lost));
        let held = state.tree.iter().filter_map(|(_, held)| held.as_ref());
        let mut lost: Vec<_> = names.chain(held.flat_map(|version| version.lost())).collect();
        lost.sort_by_key(|(index, _)| *index);
        let lost: Vec<_> = lost.iter().map(|(index, fate)| format!("{fate:?}: {}", operation(*index))).collect();
        let last = state.origin.point.checked_sub(1).map_or("the start".into(), operation);
        format!("a cut after {last} [{}]", lost.join("; "))
    }
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
const SEED: u64 = 5;

/// The checks wait for no disk: a thread for each of the least cores of a machine.
const THREADS: usize = 2;
