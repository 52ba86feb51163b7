//! Which directories are read, and what of them.

use std::path::Path;
use std::sync::Arc;

use strongroom::store::{Memory, Store};
use strongroom::{
    CheckpointReader, CheckpointReaderConfig, CheckpointWriter, CheckpointWriterConfig, Engine, Error,
    HookArguments, LocalBarrier, RankInfo, SaveOptions, StateDict, Template, Tensor, TensorTarget,
    WriteOptions, save_sharded, save_with,
};

use crate::common::same::same;
use crate::setting::{PATH, reader_of, uncommitted};

#[test]
fn a_directory_that_is_not_there_is_named() {
    for open in [true, false] {
        let error = reader(Memory::default(), open, 0, 1).read("no/such").unwrap_err();
        assert!(
            matches!(&error, Error::Io { path, source, .. }
                if path == Path::new("no/such") && source.kind() == std::io::ErrorKind::NotFound),
            "{error:?}"
        );
    }
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing");
    let error = CheckpointReader::new(RankInfo::single()).unwrap().read(&missing).unwrap_err();
    assert!(error.to_string().starts_with(&missing.display().to_string()), "{error}");
}

#[test]
fn without_a_record_it_is_read_only_if_told_to() {
    let store = uncommitted([(0, &*file(&numbered(0))), (1, &*file(&numbered(1)))]);
    let error = reader(store.clone(), false, 0, 2).read(PATH).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "{PATH}: it has no commit record (`strongroom.json`): it is files of 2 ranks, as PyTorch's own \
             writer leaves them, and nothing says that all are there and whole"
        )
    );
    let reader = reader(store, true, 1, 2);
    assert_eq!(reader.world_size(PATH).unwrap(), 2);
    assert_eq!(rank_in(&reader.read(PATH).unwrap()), 1);
    assert_eq!(rank_in(&reader.read_rank(PATH, 0).unwrap()), 0);
    let all: Vec<i64> = reader.read_all(PATH).unwrap().iter().map(rank_in).collect();
    assert_eq!(all, [0, 1]);
    let error = reader.read_merged(PATH).unwrap_err();
    assert!(error.to_string().ends_with("the files of its 2 ranks cannot be merged"), "{error}");
}

#[test]
fn the_file_of_a_rank_that_is_missing_is_named() {
    let store = uncommitted([(0, &*file(&numbered(0))), (2, &*file(&numbered(2)))]);
    let reader = reader(store, true, 1, 3);
    let error = reader.read(PATH).unwrap_err();
    assert!(
        matches!(&error, Error::Io { path, source, .. }
            if path == &Path::new(PATH).join("checkpoint_1.pt") && source.kind() == std::io::ErrorKind::NotFound),
        "{error:?}"
    );
    let error = reader.read_all(PATH).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{PATH}: the file of rank 1 is missing, and there are 2 of others")
    );

    let empty = Memory::default();
    empty.insert(Path::new(PATH).join("other"), *b"text");
    let error = self::reader(empty, true, 0, 1).world_size(PATH).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{PATH}: it has no file of any rank: the first is `checkpoint_0.pt`")
    );
}

#[test]
fn a_record_counts_where_there_is_one() {
    let store = two_ranks();
    for open in [true, false] {
        let reader = reader(store.clone(), open, 1, 2);
        assert_eq!(reader.world_size(PATH).unwrap(), 2);
        assert_eq!(rank_in(&reader.read(PATH).unwrap()), 1);
        let error = reader.read_rank(PATH, 2).unwrap_err();
        assert!(error.to_string().contains("rank 2 does not exist"), "{error}");
    }
    store.insert(Path::new(PATH).join("checkpoint_1.pt"), file(&numbered(7)));
    let error = reader(store, true, 1, 2).read(PATH).unwrap_err();
    assert!(error.to_string().contains("has another file under this name"), "{error}");
}

#[test]
fn a_shared_state_dict_is_merged_whole_and_in_part() {
    let store = Memory::default();
    let mut state = StateDict::new();
    for layer in 0..6u8 {
        let bytes = vec![layer; 100 + usize::from(layer)];
        let shape = [bytes.len() as u64];
        state.insert(&format!("layer{layer}"), Tensor::from_vec(bytes, &shape).unwrap());
    }
    state.insert("step", 3);
    let options = SaveOptions { ranks: 3, overwrite: false };
    save_sharded(Engine::shared().unwrap(), Arc::new(store.clone()), Path::new(PATH), &state, &options)
        .unwrap();

    let reader = reader(store, false, 1, 3);
    assert_eq!(same(&state, &reader.read_merged(PATH).unwrap()), Ok(()));
    let (mut first, mut last) = (vec![9u8; 100], vec![9u8; 105]);
    let mut template = Template::dict([
        ("layer0", Template::from(TensorTarget::from_slice(&mut first, &[100]).unwrap())),
        ("layer5", TensorTarget::from_slice(&mut last, &[105]).unwrap().into()),
        ("step", Template::Int(0)),
        ("gone", Template::Any),
    ]);
    assert_eq!(reader.read_merged_into(PATH, &mut template, false).unwrap(), ["gone"]);
    assert!(matches!(template.get("step"), Some(Template::Int(3))));
    drop(template);
    assert_eq!((first, last), (vec![0; 100], vec![5; 105]));
}

#[test]
fn another_ranks_file_is_read_in_part_too() {
    let reader = reader(two_ranks(), false, 0, 2);
    for rank in 0..2 {
        let mut template = Template::dict([("rank", Template::Any)]);
        reader.read_rank_into(PATH, rank, &mut template, true).unwrap();
        assert_eq!(rank_in(&template.into_state_dict()), i64::try_from(rank).unwrap());
    }
}

#[test]
fn a_configuration_has_defaults_and_no_unknown_fields() {
    let config: CheckpointReaderConfig = serde_json::from_str("{}").unwrap();
    assert_eq!(config, CheckpointReaderConfig { uncommitted: false, verify: true });
    assert!(serde_json::from_str::<CheckpointReaderConfig>(r#"{ "verfy": false }"#).is_err());
}

fn reader(store: impl Store + 'static, uncommitted: bool, rank: usize, world: usize) -> CheckpointReader {
    let config = CheckpointReaderConfig { uncommitted, verify: true };
    reader_of(store, config, RankInfo::new(rank, world).unwrap())
}

/// A state dict that says which rank it is of.
fn numbered(rank: usize) -> StateDict<'static> {
    let mut state = StateDict::new();
    state.insert("rank", i64::try_from(rank).unwrap());
    state.insert("weight", Tensor::from_vec(vec![rank as f32; 5], &[5]).unwrap());
    state
}

fn rank_in(state: &StateDict<'_>) -> i64 {
    state.get("rank").unwrap().as_i64().unwrap()
}

/// A state dict as a file.
fn file(state: &StateDict<'_>) -> Vec<u8> {
    let store = Memory::default();
    let path = Path::new("file.pt");
    save_with(Engine::shared().unwrap(), &store, path, state, &WriteOptions::for_path(path).unwrap())
        .unwrap();
    store.get(path).unwrap().to_vec()
}

/// A committed checkpoint of two ranks with state dicts of their own.
fn two_ranks() -> Memory {
    let store = Memory::default();
    std::thread::scope(|scope| {
        for barrier in LocalBarrier::world(2) {
            let store = store.clone();
            scope.spawn(move || {
                let rank = strongroom::Barrier::rank_info(&barrier).global_rank;
                let engine = Engine::shared().unwrap();
                let config = CheckpointWriterConfig::default();
                let writer = CheckpointWriter::new_in(engine, Arc::new(store), config, Arc::new(barrier));
                writer.write(PATH, &numbered(rank), &HookArguments::new()).unwrap();
            });
        }
    });
    store
}
