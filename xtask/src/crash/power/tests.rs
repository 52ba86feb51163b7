//! What the model says of small sequences whose answer is known.

use std::collections::BTreeSet;

use super::history::{Change, Content, Effect, History, Inode, ROOT, Slot};
use super::order::Order;
use super::states::{State, states};

const OLD: &[u8] = b"the old checkpoint";
const NEW: &[u8] = b"the new one of another length";

/// A directory with one file, and operations on it.
struct Script(History);

impl Script {
    fn new() -> Self {
        let mut history = History::new();
        let file = history.add(Content::File(OLD.into()));
        history.inodes[ROOT] = Content::Directory([("model.pt".into(), file)].into());
        Self(history)
    }

    fn create(&mut self, directory: Inode, name: &str) -> Inode {
        let file = self.0.add(Content::File([].into()));
        self.name(directory, name, Some(file));
        file
    }

    fn mkdir(&mut self, directory: Inode, name: &str) -> Inode {
        let new = self.0.add(Content::Directory([].into()));
        self.name(directory, name, Some(new));
        new
    }

    fn name(&mut self, directory: Inode, name: &str, held: Option<Inode>) {
        self.0.then(Effect::Names(vec![(Slot::new(directory, name), held)]), name);
    }

    fn rename(&mut self, from: &str, to: &str, moved: Inode, left: Option<Inode>) {
        let slots = vec![(Slot::new(ROOT, from), left), (Slot::new(ROOT, to), Some(moved))];
        self.0.then(Effect::Names(slots), "rename");
    }

    fn write(&mut self, file: Inode) {
        self.0.then(Effect::Change(file, Change::Write { offset: 0, bytes: NEW.into() }), "write");
    }

    fn sync(&mut self, inode: Inode) {
        self.0.then(Effect::Sync(inode), "sync");
    }

    fn done(mut self) -> History {
        self.0.then(Effect::Acknowledge, "done");
        self.0
    }
}

/// What `path` holds in any state; with `acknowledged`, in those after the promise.
fn found(history: &History, order: Order, path: &str, acknowledged: bool) -> BTreeSet<Option<Vec<u8>>> {
    let found = states(history, order, 10_000, 1);
    assert!(found.complete);
    let asked = found.states.iter().filter(|state| state.acknowledged || !acknowledged);
    asked.map(|state| file(history, state, path)).collect()
}

fn file(history: &History, state: &State, path: &str) -> Option<Vec<u8>> {
    let (_, held) = state.tree.iter().find(|(name, _)| **name == *path)?;
    Some(held.as_ref().map(|version| version.bytes(history)).unwrap_or_default())
}

fn replaced(sync_file: bool, sync_directory: bool) -> History {
    let mut script = Script::new();
    let new = script.create(ROOT, ".tmp");
    script.write(new);
    if sync_file {
        script.sync(new);
    }
    script.rename(".tmp", "model.pt", new, None);
    if sync_directory {
        script.sync(ROOT);
    }
    script.done()
}

#[test]
fn synced_then_renamed_then_synced_is_old_or_new_and_then_new() {
    let history = replaced(true, true);
    for order in Order::ALL {
        let (old, new) = (Some(OLD.to_vec()), Some(NEW.to_vec()));
        assert_eq!(found(&history, order, "model.pt", false), [old, new.clone()].into());
        assert_eq!(found(&history, order, "model.pt", true), [new].into());
    }
}

#[test]
fn renamed_without_a_sync_of_the_file_is_empty_or_zeros_or_torn() {
    let history = replaced(false, true);
    for order in Order::ALL {
        let found = found(&history, order, "model.pt", true);
        let half = &NEW[..NEW.len() / 2];
        let torn = [half, &vec![0; NEW.len() - half.len()]].concat();
        for bad in [vec![], vec![0; NEW.len()], half.to_vec(), torn] {
            assert!(found.contains(&Some(bad)));
        }
        assert_eq!(found.len(), 5);
    }
}

#[test]
fn renamed_without_a_sync_of_the_directory_may_be_the_old_one_after_the_promise() {
    let history = replaced(true, false);
    for order in Order::ALL {
        assert!(found(&history, order, "model.pt", true).contains(&Some(OLD.to_vec())));
    }
}

#[test]
fn written_in_place_is_anything() {
    let mut script = Script::new();
    let file = 1;
    script.0.then(Effect::Change(file, Change::Length(0)), "truncate");
    script.write(file);
    let history = script.done();
    let found = found(&history, Order::Posix, "model.pt", true);
    assert!(found.contains(&Some(OLD.to_vec())) && found.contains(&Some(NEW.to_vec())));
    assert!(found.contains(&Some(Vec::new())));
    // The cut is lost, and half of the write is not.
    let mut half = OLD.to_vec();
    half[..NEW.len() / 2].copy_from_slice(&NEW[..NEW.len() / 2]);
    assert!(found.contains(&Some(half)));
}

#[test]
fn a_new_directory_that_its_parent_does_not_know_durably_is_lost_with_all_in_it() {
    let mut script = Script::new();
    let parent = script.mkdir(ROOT, "a");
    let directory = script.mkdir(parent, "b");
    let file = script.create(directory, "new");
    script.write(file);
    script.sync(file);
    script.sync(directory);
    script.sync(parent);
    let history = script.done();
    let new = Some(NEW.to_vec());
    assert_eq!(found(&history, Order::Posix, "a/b/new", true), [None, new.clone()].into());
    // The journal has the directories from before the file.
    assert_eq!(found(&history, Order::Journal, "a/b/new", true), [new].into());
}

#[test]
fn what_was_exchanged_and_not_synced_is_deleted_at_its_old_place() {
    for synced in [false, true] {
        let mut script = Script::new();
        let [old, stage] = ["step-1", ".stage"].map(|name| script.mkdir(ROOT, name));
        for directory in [old, stage] {
            let file = script.create(directory, "file");
            script.write(file);
            script.sync(file);
            script.sync(directory);
        }
        script.sync(ROOT);
        script.rename(".stage", "step-1", stage, Some(old));
        if synced {
            script.sync(ROOT);
        }
        script.name(old, "file", None);
        script.name(ROOT, ".stage", None);
        let history = script.done();
        let missing = found(&history, Order::Posix, "step-1/file", true).contains(&None);
        assert_eq!(missing, !synced);
        let missing = found(&history, Order::Journal, "step-1/file", true).contains(&None);
        assert!(!missing);
    }
}

#[test]
fn a_sync_does_not_cover_what_was_written_while_it_ran() {
    for (began, lost) in [(1, true), (2, false)] {
        let mut script = Script::new();
        script.0.then(Effect::Change(1, Change::Length(0)), "truncate");
        script.write(1);
        script.0.push(began, Effect::Sync(1), "sync");
        let history = script.done();
        let found = found(&history, Order::Posix, "model.pt", true);
        assert_eq!(found.contains(&Some(Vec::new())), lost);
        assert!(!found.contains(&Some(OLD.to_vec())));
    }
}

#[test]
fn names_of_one_directory_come_in_any_order_and_those_in_a_journal_in_one() {
    let mut script = Script::new();
    for name in ["a", "b", "c"] {
        script.create(ROOT, name);
    }
    let history = script.done();
    assert_eq!(states(&history, Order::Posix, 100, 1).states.len(), 8);
    assert_eq!(states(&history, Order::Journal, 100, 1).states.len(), 4);
}

#[test]
fn a_name_is_not_changed_before_it_is_there() {
    let mut script = Script::new();
    let file = script.create(ROOT, "a");
    script.rename("a", "b", file, None);
    script.name(ROOT, "b", None);
    let history = script.done();
    let found = states(&history, Order::Posix, 100, 1).states;
    let names = found.iter().map(|state| state.tree.iter().map(|(name, _)| &**name).collect::<Vec<_>>());
    let names: BTreeSet<_> = names.collect();
    assert_eq!(names, [vec!["a", "model.pt"], vec!["b", "model.pt"], vec!["model.pt"]].into());
}

#[test]
fn too_many_states_are_sampled_the_same_in_each_run() {
    let mut script = Script::new();
    for name in 0..30 {
        let file = script.create(ROOT, &name.to_string());
        script.write(file);
    }
    let history = script.done();
    let trees = |seed| {
        let sampled = states(&history, Order::Posix, 500, seed);
        assert!(!sampled.complete && sampled.points == 62);
        assert!((250..=1000).contains(&sampled.states.len()), "{}", sampled.states.len());
        sampled.states.into_iter().map(|state| state.tree).collect::<Vec<_>>()
    };
    assert!(trees(1) == trees(1));
    assert!(trees(1) != trees(2));
}
