//! One state dict over several ranks: it is the same when they are merged, it
//! appears whole or not at all, and damage to any part of it is found.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::cases::{self, Failures};
use common::faulty::Faulty;
use common::record;
use common::same::same;
use common::strategy;
use proptest::prelude::*;
use strongroom::store::{Local, Memory, Store};
use strongroom::{
    Checkpoint, Engine, Error, File, Result, SaveOptions, StateDict, Tensor, WriteOptions, latest,
    save_sharded, save_with,
};

#[test]
fn what_was_shared_is_merged_to_the_same() {
    let mut failures = Failures::default();
    for case in cases::good() {
        let source = strongroom::load(&case.file).unwrap();
        for ranks in 1..=5 {
            let merged = through_ranks(&source, ranks).and_then(|merged| written(&merged));
            match merged {
                Err(error) => failures.add(&case.name, format!("{ranks} ranks: {error}")),
                Ok(merged) if merged == written(&source).unwrap() => {
                    if let Err(what) = same(&source, &load(&merged)) {
                        failures.add(&case.name, format!("{ranks} ranks: {what}"));
                    }
                }
                Ok(_) => failures.add(&case.name, format!("{ranks} ranks: it is another file")),
            }
        }
    }
    failures.check();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_state_dict_is_merged_to_the_same(source in strategy::state(), ranks in 1..=5usize) {
        let merged = written(&through_ranks(&source, ranks).unwrap()).unwrap();
        prop_assert_eq!(same(&source, &load(&merged)), Ok(()));
        prop_assert!(merged == written(&source).unwrap(), "it is another file");
    }
}

#[test]
fn each_tensor_is_in_the_file_of_one_rank() {
    for name in
        ["full_checkpoint", "tied_and_views", "sparse_coo", "quantized", "opaque_module", "optim_adam"]
    {
        let source = strongroom::load(cases::good_named(name).file).unwrap();
        let expected: Vec<String> = with_data(&source).collect();
        for ranks in 1..=5 {
            let (store, path) = (Memory::default(), Path::new("checkpoint"));
            save_over(&store, path, &source, ranks, false).unwrap();
            let checkpoint = open_in(&store, path).unwrap();
            let mut owners: BTreeMap<String, Vec<usize>> = BTreeMap::new();
            for rank in 0..ranks {
                let file = checkpoint.file(rank).unwrap();
                with_data(file.state()).for_each(|path| owners.entry(path).or_default().push(rank));
            }
            for path in &expected {
                let ranks_with_it = owners.get(path).map_or(0, Vec::len);
                assert_eq!(ranks_with_it, 1, "{name}: {path} is on {ranks_with_it} of {ranks} ranks");
            }
            assert_eq!(owners.len(), expected.len(), "{name}: a rank has a tensor of its own");
        }
    }
}

#[test]
fn ranks_have_about_the_same_bytes() {
    let mut state = StateDict::new();
    for index in 0..40u64 {
        let length = 100 + index * 37 % 900;
        let elements = vec![u8::try_from(index).unwrap(); usize::try_from(length).unwrap()];
        state.insert(&format!("layer{index}"), Tensor::from_vec(elements, &[length]).unwrap());
    }
    for ranks in 2..=5 {
        let (store, path) = (Memory::default(), Path::new("checkpoint"));
        save_over(&store, path, &state, ranks, false).unwrap();
        let checkpoint = open_in(&store, path).unwrap();
        let bytes: Vec<u64> =
            (0..ranks).map(|rank| checkpoint.file(rank).unwrap().state().length()).collect();
        let (least, most) = (bytes.iter().min().unwrap(), bytes.iter().max().unwrap());
        assert_eq!(bytes.iter().sum::<u64>(), state.length());
        assert!(most - least <= 100, "{ranks} ranks have {bytes:?} bytes");
    }
}

#[test]
fn what_is_there_is_replaced_only_when_asked() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("checkpoint");
    save_over(&Local, &path, &numbered(1), 2, false).unwrap();
    let old = Checkpoint::open(&path).unwrap();
    // Files that a reader has open, and has not yet read the payloads of.
    let old_files = [old.file(0).unwrap(), old.file(1).unwrap()];

    let error = save_over(&Local, &path, &numbered(2), 2, false).unwrap_err();
    assert!(matches!(error, Error::Exists { .. }), "{error}");
    assert_eq!(number(&path), 1);

    save_over(&Local, &path, &numbered(2), 3, true).unwrap();
    assert_eq!(number(&path), 2);
    assert_eq!(Checkpoint::open(&path).unwrap().world_size(), 3);
    for file in old_files {
        let old = file.load().unwrap();
        assert!(with_data(&old).all(|path| old.tensor(&path).unwrap().bytes().unwrap()[0] == 1));
    }
    assert_eq!(names(directory.path()), ["checkpoint"]);
}

/// The disk fills up after each possible number of steps, as it may for a save
/// that replaces a checkpoint. Until the last step the old one stands.
#[test]
fn a_save_that_fails_anywhere_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("checkpoint");
    save_over(&Local, &path, &numbered(1), 2, false).unwrap();
    for works in 0.. {
        let store = Faulty::after(works, Local);
        match save_over(&store, &path, &numbered(2), 3, true) {
            Err(error) => {
                assert!(error.to_string().contains("the disk is full"), "{error}");
                assert_eq!(names(directory.path()), ["checkpoint"], "after {works} steps");
                assert_eq!(number(&path), 1, "after {works} steps");
            }
            Ok(_) => {
                assert!(works > 15, "only {works} steps can fail");
                assert_eq!(number(&path), 2);
                return;
            }
        }
    }
}

#[test]
fn a_first_save_that_fails_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("checkpoint");
    let counting = Faulty::after(u64::MAX, Local);
    save_over(&counting, &directory.path().join("other"), &numbered(1), 3, false).unwrap();
    for works in 0..counting.asked() {
        save_over(&Faulty::after(works, Local), &path, &numbered(1), 3, false).unwrap_err();
        assert_eq!(names(directory.path()), ["other"], "after {works} steps");
    }
}

/// The rank that failed is in the error, not one that waited for it.
#[test]
fn the_error_names_the_rank_that_failed() {
    let error =
        save_over(&Faulty::after(0, Memory::default()), Path::new("checkpoint"), &numbered(1), 3, false);
    let error = error.unwrap_err();
    assert!(matches!(&error, Error::Rank { source, .. } if matches!(**source, Error::Io { .. })), "{error}");
}

#[test]
fn damage_is_found_and_named() {
    let payload = |name: &'static str| {
        move |directory: &Path| {
            // The tensors are full of ones, and nothing else is.
            let path = directory.join(name);
            let mut bytes = fs::read(&path).unwrap();
            let at = bytes.windows(64).position(|window| window == [1; 64]).unwrap();
            bytes[at + 17] ^= 0x20;
            fs::write(path, bytes).unwrap();
        }
    };
    let (rank_0, rank_1) = ("checkpoint_0.pt", "checkpoint_1.pt");
    found("a payload's bit flips", payload(rank_0), &[rank_0, "checkpoint_0/data/0", "offset ", "checksum"]);
    found("on another rank", payload(rank_1), &[rank_1, "checkpoint_1/data/0", "offset ", "checksum"]);
    found(
        "a file is cut",
        |directory| {
            let file = fs::File::options().write(true).open(directory.join(rank_1)).unwrap();
            file.set_len(file.metadata().unwrap().len() - 1).unwrap();
        },
        &[rank_1, "end record", "offset "],
    );
    found(
        "files are swapped",
        |directory| {
            fs::rename(directory.join(rank_0), directory.join("x")).unwrap();
            fs::rename(directory.join(rank_1), directory.join(rank_0)).unwrap();
            fs::rename(directory.join("x"), directory.join(rank_1)).unwrap();
        },
        &[rank_0, "expected", "checkpoint_0.json"],
    );
    found(
        "a file is missing",
        |directory| fs::remove_file(directory.join(rank_1)).unwrap(),
        &[rank_1, "is missing"],
    );
    found(
        "the outline is missing",
        |directory| fs::remove_file(directory.join("outline.pkl")).unwrap(),
        &["outline.pkl", "is missing"],
    );
    found(
        "a file is of another save",
        |directory| {
            let other = tempfile::tempdir().unwrap();
            let path = other.path().join("checkpoint");
            save_over(&Local, &path, &numbered(3), 2, false).unwrap();
            fs::copy(path.join(rank_1), directory.join(rank_1)).unwrap();
        },
        &[rank_1, "checkpoint_1/data/0", "checksum", "checkpoint_1.json"],
    );
    found(
        "a file is of a save of the same tensors",
        |directory| {
            let other = tempfile::tempdir().unwrap();
            let path = other.path().join("checkpoint");
            let mut state = numbered(1);
            state.insert("step", 2);
            save_over(&Local, &path, &state, 2, false).unwrap();
            fs::copy(path.join(rank_0), directory.join(rank_0)).unwrap();
        },
        &[rank_0, "of all that is no payload", "checkpoint_0.json"],
    );
    found(
        "a file and its record are of another save",
        |directory| {
            let other = tempfile::tempdir().unwrap();
            let path = other.path().join("checkpoint");
            save_over(&Local, &path, &numbered(3), 2, false).unwrap();
            for name in [rank_1, "checkpoint_1.json"] {
                fs::copy(path.join(name), directory.join(name)).unwrap();
            }
        },
        &["checkpoint_1.json", "strongroom.json"],
    );
}

#[test]
fn a_damaged_record_is_no_commit() {
    let edit = |from: &'static str, to: &'static str| move |path: &Path| record::edit(path, from, to);
    let commit = "strongroom.json";
    let cut = |path: &Path| {
        let path = path.join("strongroom.json");
        let bytes = fs::read(&path).unwrap();
        fs::write(path, &bytes[..bytes.len() - 1]).unwrap();
    };
    found("it is cut", cut, &[commit, "damaged"]);
    let field = edit("\"ranks\"", "\"verse\": 1,\n  \"ranks\"");
    found("a field is unknown", field, &[commit, "damaged", "verse"]);
    let later = edit("\"version\": 2", "\"version\": 3");
    found("its version is another", later, &[commit, "damaged", "head"]);
    let more = edit("\"world_size\": 2", "\"world_size\": 3");
    found("ranks are missing", more, &[commit, "head"]);
    let seals = edit("\"record_crc32\":[", "\"record_crc32\":[1");
    found("a checksum is none", seals, &[commit, "damaged", "expected u32"]);
    let seals = |path: &Path| {
        let field = "\"record_crc32\":[";
        let text = fs::read_to_string(path.join(commit)).unwrap();
        let digit = &text[text.find(field).unwrap() + field.len()..][..1];
        let other = if digit == "1" { "2" } else { "1" };
        record::edit(path, &format!("{field}{digit}"), &format!("{field}{other}"));
    };
    found("a checksum differs", seals, &["checkpoint_0.json", "seals"]);
    found(
        "there is none",
        |path| fs::remove_file(path.join("strongroom.json")).unwrap(),
        &["no commit record"],
    );
}

#[test]
fn the_latest_is_the_one_committed_last() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    assert_eq!(latest(root).unwrap(), None);
    // Not in the order of their names.
    for (name, number) in [("b", 1), ("c", 2), ("a", 3)] {
        save_over(&Local, &root.join(name), &numbered(number), 2, false).unwrap();
        assert_eq!(latest(root).unwrap(), Some(root.join(name)));
    }
    save_over(&Local, &root.join("c"), &numbered(4), 2, true).unwrap();
    assert_eq!(latest(root).unwrap(), Some(root.join("c")));

    // A directory whose save did not come to its end: files, and no record.
    fs::create_dir(root.join("d")).unwrap();
    fs::copy(root.join("a/checkpoint_0.pt"), root.join("d/checkpoint_0.pt")).unwrap();
    // And a stage that a crash left, complete but for the rename.
    let stage = root.join(".e.1-1.staging");
    fs::create_dir(&stage).unwrap();
    fs::copy(root.join("c/strongroom.json"), stage.join("strongroom.json")).unwrap();
    assert_eq!(latest(root).unwrap(), Some(root.join("c")));

    fs::write(root.join("c/strongroom.json"), "{").unwrap();
    assert_eq!(latest(root).unwrap(), Some(root.join("a")), "an older checkpoint that is whole");
}

/// Saves, does the damage, and expects an error that says all of `said`.
fn found(what: &str, damage: impl FnOnce(&Path), said: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("checkpoint");
    save_over(&Local, &path, &numbered(1), 2, false).unwrap();
    Checkpoint::open(&path).unwrap().verify().unwrap();
    damage(&path);
    let verified = Checkpoint::open(&path).and_then(|checkpoint| checkpoint.verify());
    let error = verified.expect_err(what).to_string();
    for part in said {
        assert!(error.contains(part), "{what}: `{part}` is not in `{error}`");
    }
}

/// A state dict whose tensors are all filled with `number`.
fn numbered(number: u8) -> StateDict<'static> {
    let mut state = StateDict::new();
    for name in ["embedding", "layer", "head"] {
        state.insert(name, Tensor::from_vec(vec![number; 4096], &[64, 64]).unwrap());
    }
    state.insert("step", i64::from(number));
    state
}

/// The number of the checkpoint at `path`, which must be whole.
fn number(path: &Path) -> i64 {
    let checkpoint = Checkpoint::open(path).unwrap();
    checkpoint.verify().unwrap();
    checkpoint.merged().unwrap().get("step").unwrap().as_i64().unwrap()
}

fn names(directory: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<String> = fs::read_dir(directory).unwrap().map(name).collect();
    names.sort();
    names
}

fn with_data<'s>(state: &'s StateDict<'_>) -> impl Iterator<Item = String> + use<'s> {
    let has_data = |item: &strongroom::Item<'_, '_>| {
        let tensor = item.as_tensor().or_else(|| item.as_quantized());
        tensor.is_some_and(|tensor| tensor.storage().is_some()) || item.as_storage().is_some()
    };
    let leaves: Vec<String> =
        state.leaves().filter(|leaf| has_data(&leaf.item)).map(|leaf| leaf.path).collect();
    leaves.into_iter()
}

fn save_over<S: Store + Clone + 'static>(
    store: &S,
    path: &Path,
    state: &StateDict<'_>,
    ranks: usize,
    overwrite: bool,
) -> Result<()> {
    save_sharded(Engine::shared()?, Arc::new(store.clone()), path, state, &SaveOptions { ranks, overwrite })
}

fn open_in(store: &Memory, path: &Path) -> Result<Checkpoint> {
    Checkpoint::open_in(Engine::shared()?, Arc::new(store.clone()), path)
}

/// Saved over ranks and merged again, the payloads still in the ranks' files.
fn through_ranks(state: &StateDict<'_>, ranks: usize) -> Result<StateDict<'static>> {
    let (store, path) = (Memory::default(), PathBuf::from("checkpoint"));
    save_over(&store, &path, state, ranks, false)?;
    open_in(&store, &path)?.merged()
}

fn written(state: &StateDict<'_>) -> Result<Vec<u8>> {
    let (store, path) = (Memory::default(), Path::new("model.pt"));
    save_with(Engine::shared()?, &store, path, state, &WriteOptions::for_path(path).unwrap())?;
    Ok(store.get(path).unwrap().to_vec())
}

fn load(file: &[u8]) -> StateDict<'static> {
    let (store, path) = (Memory::default(), Path::new("model.pt"));
    store.insert(path, file);
    File::open_in(Engine::shared().unwrap(), &store, path).unwrap().load().unwrap()
}
