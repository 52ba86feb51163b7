//! Which names, and where the journal has them, which lengths, a power cut leaves.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::history::{Content, Effect, History, Inode, ROOT};
use super::order::Order;
use super::random::Random;

/// Which operations reached the disk. What it says of data means nothing.
pub type Survivors = Vec<bool>;

/// What a disk may hold of the metadata at one point, at most `limit` of it; and
/// whether that is all.
pub fn survivors(
    history: &History,
    order: Order,
    needs: &[Vec<usize>],
    durable: &[bool],
    limit: usize,
    random: &mut Random,
) -> (Vec<Survivors>, bool) {
    let open = |index: &usize| {
        let effect = &history.operations[*index].effect;
        !durable[*index] && effect.is_metadata()
    };
    let open: Vec<usize> = (0..durable.len()).filter(open).collect();
    match order {
        Order::Journal => (prefixes(durable, &open), true),
        Order::Posix => {
            let of_names = |index: &usize| matches!(history.operations[*index].effect, Effect::Names(_));
            let open: Vec<usize> = open.into_iter().filter(of_names).collect();
            match all_subsets(durable, &open, needs, limit) {
                Some(all) => (all, true),
                None => (some_subsets(durable, &open, needs, limit, random), false),
            }
        }
    }
}

/// What is in each directory, by its inode.
pub type Directories = BTreeMap<Inode, BTreeMap<Arc<str>, Inode>>;

/// All directories, also those that no path leads to.
pub fn directories(history: &History, survivors: &Survivors) -> Directories {
    let directory = |(inode, content): (Inode, &Content)| match content {
        Content::Directory(entries) => Some((inode, entries.clone())),
        Content::File(_) => None,
    };
    let mut directories: Directories = history.inodes.iter().enumerate().filter_map(directory).collect();
    for (operation, _) in history.operations.iter().zip(survivors).filter(|&(_, &survives)| survives) {
        let Effect::Names(slots) = &operation.effect else { continue };
        for (slot, held) in slots {
            let Some(entries) = directories.get_mut(&slot.directory) else { continue };
            match held {
                Some(inode) => entries.insert(slot.name.clone(), *inode),
                None => entries.remove(&slot.name),
            };
        }
    }
    directories
}

/// All paths of a disk, directories before what is in them.
pub fn paths(history: &History, survivors: &Survivors) -> Vec<(Arc<str>, Inode)> {
    let mut paths = Vec::new();
    walk(&directories(history, survivors), ROOT, "", &mut paths);
    paths
}

fn walk(directories: &Directories, directory: Inode, prefix: &str, paths: &mut Vec<(Arc<str>, Inode)>) {
    for (name, &inode) in directories.get(&directory).into_iter().flatten() {
        let path = format!("{prefix}{name}");
        paths.push((path.as_str().into(), inode));
        walk(directories, inode, &format!("{path}/"), paths);
    }
}

fn prefixes(durable: &[bool], open: &[usize]) -> Vec<Survivors> {
    let prefix = |length: usize| {
        let mut survivors = durable.to_vec();
        open[..length].iter().for_each(|&index| survivors[index] = true);
        survivors
    };
    (0..=open.len()).map(prefix).collect()
}

/// All sets of `open` in which nothing is without what it needs; `None` if more
/// than `limit`.
fn all_subsets(
    durable: &[bool],
    open: &[usize],
    needs: &[Vec<usize>],
    limit: usize,
) -> Option<Vec<Survivors>> {
    let mut sets = vec![durable.to_vec()];
    for &index in open {
        let with: Vec<Survivors> = sets.iter().filter_map(|set| with(set, index, needs)).collect();
        sets.extend(with);
        if sets.len() > limit {
            return None;
        }
    }
    Some(sets)
}

/// The first and the last of these sets, those that lack or have one operation, and
/// then any.
fn some_subsets(
    durable: &[bool],
    open: &[usize],
    needs: &[Vec<usize>],
    limit: usize,
    random: &mut Random,
) -> Vec<Survivors> {
    let choose = |wanted: &mut dyn FnMut(usize) -> bool| {
        open.iter().fold(durable.to_vec(), |set, &index| {
            let chosen = if wanted(index) { with(&set, index, needs) } else { None };
            chosen.unwrap_or(set)
        })
    };
    let mut sets = vec![durable.to_vec(), choose(&mut |_| true)];
    for &one in open {
        let mut alone = durable.to_vec();
        include(&mut alone, one, needs);
        sets.extend([choose(&mut |index| index != one), alone]);
    }
    sets.resize_with(sets.len().max(limit), || choose(&mut |_| random.below(2) == 0));
    sets
}

fn with(set: &Survivors, index: usize, needs: &[Vec<usize>]) -> Option<Survivors> {
    needs[index].iter().all(|&needed| set[needed]).then(|| {
        let mut set = set.clone();
        set[index] = true;
        set
    })
}

/// With all that it needs.
fn include(set: &mut Survivors, index: usize, needs: &[Vec<usize>]) {
    set[index] = true;
    needs[index].iter().for_each(|&needed| include(set, needed, needs));
}
