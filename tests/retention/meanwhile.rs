//! What others do while old checkpoints go.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use strongroom::store::{Local, Store};
use strongroom::{Checkpoint, Error, prune_in};

use crate::common::meddling::{Meddling, Moment};
use crate::root::{Root, keep};

/// The directory that a link led to when the prune began is the one that is pruned.
#[test]
fn a_root_is_followed_once() {
    for moment in [Moment::Listed, Moment::Decided, Moment::LookedAt] {
        let [run, other] = [(); 2].map(|()| Root::with(&["step-1", "step-2"]));
        let directory = tempfile::tempdir().unwrap();
        let link = directory.path().join("link");
        let lead_to = |path: &Path| {
            let _ = fs::remove_file(&link);
            symlink(path, &link).unwrap();
        };
        lead_to(&run.path);
        let store = Meddling::new(moment, || lead_to(&other.path));
        assert_eq!(prune_in(&store, &link, &keep(1, None)).unwrap().removed, [link.join("step-1")]);
        assert_eq!(run.names(), ["step-2"]);
        assert_eq!(other.names(), ["step-1", "step-2"]);
    }
}

#[test]
fn a_link_that_comes_when_it_was_decided_counts() {
    let root = Root::with(&["step-1", "step-2", "step-3"]);
    let meddle = || symlink("step-1", root.path.join("best")).unwrap();
    let pruned = prune_in(&Meddling::new(Moment::Decided, meddle), &root.path, &keep(1, None)).unwrap();
    assert_eq!(pruned.removed, [root.path.join("step-2")]);
    assert_eq!(pruned.spared.len(), 1);
    assert_eq!(root.names(), ["best", "step-1", "step-3"]);
}

/// Files that somebody puts into a checkpoint when it was looked at for the last time under its name.
#[test]
fn what_comes_into_a_checkpoint_before_it_goes_stays_with_it() {
    let root = Root::with(&["step-1", "step-2", "step-3"]);
    let meddle = || fs::write(root.path.join("step-1/config.json"), "{}").unwrap();
    let pruned = prune_in(&Meddling::new(Moment::LookedAt, meddle), &root.path, &keep(1, None)).unwrap();
    assert_eq!(pruned.removed, [root.path.join("step-2")]);
    let [spared] = pruned.spared.as_slice() else { panic!("{:?}", pruned.spared) };
    assert!(spared.to_string().ends_with("is in it: `config.json`"), "{spared}");
    assert_eq!(root.names(), ["step-1", "step-3"]);
    Checkpoint::open(root.path.join("step-1")).unwrap().verify().unwrap();
}

/// And those that come when it has no name any more, by who has it open.
#[test]
fn what_comes_into_a_checkpoint_while_it_is_deleted_stays() {
    let root = Root::with(&["step-1"]);
    let contents = |_: &OsStr, hidden: &Path| {
        let names = fs::read_dir(hidden).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        fs::write(hidden.join("late.json"), "{}").unwrap();
        Ok(names)
    };
    let removals = Local.remove(&root.path, &|| Ok(vec!["step-1".into()]), &contents).unwrap();
    let [(_, Ok(())), (_, Err(Error::Checkpoint { reason, .. }))] = removals.as_slice() else {
        panic!("{removals:?}")
    };
    assert!(reason.ends_with("`late.json`"), "{reason}");
    let left: Vec<_> =
        fs::read_dir(root.path.join("step-1")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["late.json"]);
    assert_eq!(root.names(), ["step-1"]);
}

/// Four times as many go at about four times the cost: not all is looked at anew for each.
#[test]
fn what_it_costs_is_in_proportion_to_what_goes() {
    let looks = |checkpoints: usize| {
        let names: Vec<String> = (0..checkpoints).map(|step| format!("step-{step}")).collect();
        let root = Root::with(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let store = Meddling::reading(usize::MAX, || ());
        assert_eq!(prune_in(&store, &root.path, &keep(1, None)).unwrap().removed.len(), checkpoints - 1);
        usize::MAX - store.reads_left()
    };
    let (few, many) = (looks(10), looks(40));
    assert!(many <= few * 5, "{few} reads for 10, {many} for 40");
}
