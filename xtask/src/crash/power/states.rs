//! All that a disk may hold after a power cut, at any point of a save.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;
use std::sync::Arc;

use super::contents::{self, Changes, Version};
use super::history::{Content, Effect, History, Inode};
use super::names::{self, Survivors};
use super::order::{self, Order};
use super::random::Random;

/// A tree of files: each path, and what it holds where it is no directory. Directories
/// come before what is in them.
pub type Tree = Vec<(Arc<str>, Option<Arc<Version>>)>;

#[derive(Debug)]
pub struct States {
    /// Places in the sequence where the power may go.
    pub points: usize,
    /// Whether these are all states; else they are a sample.
    pub complete: bool,
    /// No tree twice.
    pub states: Vec<State>,
}

#[derive(Debug)]
pub struct State {
    pub tree: Tree,
    /// Whether it can be there after the save was said to be done.
    pub acknowledged: bool,
    pub origin: Origin,
}

/// One way to come to a state.
#[derive(Clone, Debug)]
pub struct Origin {
    pub point: usize,
    /// The operations on names before it that the disk lost.
    pub lost: Vec<usize>,
}

/// What each path holds; nothing if it is a directory.
pub type Files = BTreeMap<String, Option<Vec<u8>>>;

/// The tree if no power is lost.
pub fn at_the_end(history: &History) -> Files {
    let all = vec![true; history.operations.len()];
    let held = |inode| match history.inodes[inode] {
        Content::File(_) => Some(contents::whole(history, inode).bytes(history)),
        Content::Directory(_) => None,
    };
    let paths = names::paths(history, &all).into_iter();
    paths.map(|(path, inode)| (path.to_string(), held(inode))).collect()
}

/// The states that `order` allows: all, or where they are more than about `limit`, some.
pub fn states(history: &History, order: Order, limit: usize, seed: u64) -> States {
    let (versions, found) = (HashMap::new(), HashMap::new());
    let mut search = Search { history, order, random: Random::new(seed), versions, found };
    let needs = order::needs(history);
    let mut complete = true;
    let mut moments: Vec<Moment> =
        history.moments().map(|point| search.moment(point, &needs, limit, &mut complete)).collect();
    // The small ones whole; what they leave is for the large ones.
    moments.sort_by_key(Moment::count);
    for (index, moment) in moments.iter().enumerate() {
        let left = limit.saturating_sub(search.found.len());
        // Each has most of what the one before it has.
        let all = moments[index..].iter().map(Moment::count).fold(0, usize::saturating_add);
        let budget = if all / 2 <= left { usize::MAX } else { left / (moments.len() - index) };
        complete &= search.collect(moment, budget);
    }
    let mut states: Vec<State> = search.found.into_iter().map(|(tree, found)| found.state(tree)).collect();
    // As found in a map they are in another order each time.
    states.sort_by_key(|state| (state.origin.point, state.digest()));
    States { points: history.operations.len() + 1, complete, states }
}

struct Search<'h> {
    history: &'h History,
    order: Order,
    random: Random,
    /// Most files are the same at most points.
    versions: HashMap<(Inode, Changes), Rc<[Arc<Version>]>>,
    found: HashMap<Tree, Found>,
}

struct Found {
    acknowledged: bool,
    origin: Origin,
}

/// The disks at one point.
struct Moment {
    point: usize,
    disks: Vec<Disk>,
}

/// The names on a disk, and what the files under them may hold.
struct Disk {
    lost: Vec<usize>,
    /// Each with its place in `files`, if it is no directory.
    paths: Vec<(Arc<str>, Option<usize>)>,
    files: Vec<Rc<[Arc<Version>]>>,
}

impl Search<'_> {
    fn moment(&mut self, point: usize, needs: &[Vec<usize>], limit: usize, complete: &mut bool) -> Moment {
        let durable = self.order.durable(self.history, point);
        let random = &mut self.random;
        let (sets, all) = names::survivors(self.history, self.order, needs, &durable, limit, random);
        *complete &= all;
        let mut seen = HashSet::new();
        let mut disks = Vec::new();
        for survivors in sets {
            let journal = (self.order == Order::Journal).then_some(&survivors);
            // Where there is no journal a file is the same under all names.
            let prefix = journal.map_or(0, |journal| journal.iter().filter(|survives| **survives).count());
            let named = names::paths(self.history, &survivors);
            if !seen.insert((named.clone(), prefix)) {
                continue;
            }
            let mut disk = Disk { lost: self.lost_names(&survivors), paths: Vec::new(), files: Vec::new() };
            let mut places = HashMap::new();
            for (path, inode) in named {
                let is_file = matches!(self.history.inodes[inode], Content::File(_));
                let place = is_file.then(|| {
                    *places.entry(inode).or_insert_with(|| {
                        let changes = contents::changes(self.history, inode, &durable, journal);
                        disk.files.push(self.versions(inode, changes, complete));
                        disk.files.len() - 1
                    })
                });
                disk.paths.push((path, place));
            }
            disks.push(disk);
        }
        Moment { point, disks }
    }

    fn versions(&mut self, file: Inode, changes: Changes, complete: &mut bool) -> Rc<[Arc<Version>]> {
        let (history, random) = (self.history, &mut self.random);
        let known = self.versions.entry((file, changes)).or_insert_with_key(|(_, changes)| {
            let (versions, all) = contents::versions(history, file, changes, VERSIONS, random);
            *complete &= all;
            versions.into_iter().map(Arc::new).collect()
        });
        known.clone()
    }

    fn lost_names(&self, survivors: &Survivors) -> Vec<usize> {
        let operations = self.history.operations.iter().zip(survivors).enumerate();
        let lost = operations
            .filter(|(_, (operation, survives))| !**survives && matches!(operation.effect, Effect::Names(_)));
        lost.map(|(index, _)| index).collect()
    }

    /// Adds about `budget` states of `moment`, or says that these are all.
    fn collect(&mut self, moment: &Moment, budget: usize) -> bool {
        if moment.count() <= budget {
            for disk in &moment.disks {
                let (choices, _) = contents::choices(&disk.radixes(), usize::MAX, &mut self.random);
                choices.iter().for_each(|choice| self.add(moment.point, disk, choice));
            }
            return true;
        }
        let target = self.found.len() + budget;
        let disks = moment.disks.len();
        // The first disk has no name that it need not have, the last has most of them.
        let some = (0..disks).map(|step| if step % 2 == 0 { step / 2 } else { disks - 1 - step / 2 });
        for disk in some.take(budget / 2 + 1).map(|index| &moment.disks[index]) {
            let (choices, _) = contents::choices(&disk.radixes(), budget / disks, &mut self.random);
            choices.iter().for_each(|choice| self.add(moment.point, disk, choice));
        }
        // Most of what is found at random is known from the points before.
        for _ in 0..budget * 10 {
            if self.found.len() >= target {
                break;
            }
            let disk = &moment.disks[self.random.below(disks)];
            let choice = disk.radixes().into_iter().map(|radix| self.random.below(radix)).collect::<Vec<_>>();
            self.add(moment.point, disk, &choice);
        }
        false
    }

    fn add(&mut self, point: usize, disk: &Disk, choice: &[usize]) {
        let version = |file: usize| disk.files[file][choice[file]].clone();
        let tree: Tree = disk.paths.iter().map(|(path, file)| (path.clone(), file.map(version))).collect();
        let acknowledged = self.history.acknowledged(point);
        let origin = Origin { point, lost: disk.lost.clone() };
        match self.found.entry(tree) {
            Entry::Vacant(new) => {
                new.insert(Found { acknowledged, origin });
            }
            // More is asked of it once it may be there later.
            Entry::Occupied(mut known) if acknowledged && !known.get().acknowledged => {
                known.insert(Found { acknowledged, origin });
            }
            Entry::Occupied(_) => {}
        }
    }
}

impl State {
    fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.tree.hash(&mut hasher);
        hasher.finish()
    }
}

impl Moment {
    fn count(&self) -> usize {
        self.disks.iter().map(Disk::count).fold(0, usize::saturating_add)
    }
}

impl Disk {
    fn radixes(&self) -> Vec<usize> {
        self.files.iter().map(|versions| versions.len()).collect()
    }

    fn count(&self) -> usize {
        self.radixes().into_iter().fold(1, usize::saturating_mul)
    }
}

impl Found {
    fn state(self, tree: Tree) -> State {
        State { tree, acknowledged: self.acknowledged, origin: self.origin }
    }
}

/// What one file may hold at one point, at most.
const VERSIONS: usize = 1000;
