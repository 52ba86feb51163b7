//! What is written is what was read, and what can be read again.

mod common;

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use common::cases;
use common::meddling::Meddling;
use strongroom::store::{Local, Metered, Shared, Source};
use strongroom::{
    CheckpointStager, CheckpointStagerConfig, CheckpointWriter, DType, Engine, Error, File, HookArguments,
    Limits, Result, StateDict, Storage, Tensor, Value, WriteFormat, WriteOptions, save_with,
};

/// Of each of these lengths: one goes out with its neighbours, one by itself, and one in
/// blocks.
const LENGTHS: [u64; 3] = [1000, 300_000, 9_000_000];

#[test]
fn what_was_hashed_is_what_was_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.pt");
    let mut state = StateDict::new();
    for length in LENGTHS {
        let storage = Storage::from_source(Arc::new(Restless::new(length)), "cpu");
        state.insert(&format!("{length}"), Tensor::new(storage, DType::Uint8, &[length]).unwrap());
    }
    strongroom::save(&path, &state).unwrap();
    assert_eq!(File::open(&path).unwrap().verify().unwrap().storages, LENGTHS.len());
}

/// Whole, in parts, tied and transposed: what is verified is what goes out, and there is
/// no second look at it.
#[test]
fn each_payload_is_read_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let mut state = StateDict::new();
    for length in LENGTHS {
        let bytes: Vec<u8> = (0..length).map(|byte| u8::try_from(byte % 251).unwrap()).collect();
        let (whole, shared, read_across) = (storage(&bytes), storage(&bytes), storage(&bytes));
        let views = [
            ("whole", &whole, 0, [length / 100, 100], [100, 1]),
            ("half", &shared, length / 2, [length / 200, 100], [100, 1]),
            ("tied", &shared, 0, [length / 100, 100], [100, 1]),
            ("transposed", &read_across, 0, [100, length / 100], [1, 100]),
        ];
        for (name, storage, offset, shape, stride) in views {
            let view = Tensor::view(storage.clone(), DType::Uint8, offset, &shape, &stride).unwrap();
            state.insert(&format!("{length}.{name}"), view);
        }
    }
    strongroom::save(path("model.pt"), &state).unwrap();
    let store = Metered::new(Local);
    let file = File::open_in(Engine::shared().unwrap(), &store, &path("model.pt")).unwrap();
    let opened = store.meter().read();
    let mut options = WriteOptions::for_path(Path::new("model.safetensors")).unwrap();
    if let WriteFormat::Safetensors(options) = &mut options.format {
        options.tensors_only = true;
    }
    save_with(Engine::shared().unwrap(), &Local, &path("model.safetensors"), file.state(), &options).unwrap();
    assert_eq!(store.meter().read() - opened, state.length());
    let converted = strongroom::load(path("model.safetensors")).unwrap();
    for (name, tensor) in state.tensors() {
        let found = converted.tensor(&name).unwrap();
        assert!(found.bytes().unwrap() == tensor.bytes().unwrap(), "{name}");
    }
}

/// Damage in what no part of a payload shows is found all the same.
#[test]
fn a_payload_that_goes_out_in_parts_is_verified_whole() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    for length in LENGTHS {
        let storage = Storage::new(vec![3; usize::try_from(length).unwrap()]);
        let mut state = StateDict::new();
        state.insert("half", Tensor::view(storage, DType::Uint8, 0, &[length / 2], &[1]).unwrap());
        strongroom::save(path("model.pt"), &state).unwrap();
        let mut bytes = fs::read(path("model.pt")).unwrap();
        let last = bytes.windows(2).rposition(|pair| pair == [3, 3]).unwrap();
        bytes[last] = 4;
        fs::write(path("model.pt"), bytes).unwrap();
        let error = convert(&File::open(path("model.pt")).unwrap(), &path("model.safetensors")).unwrap_err();
        assert!(matches!(error, Error::Checksum { .. }), "{error}");
        assert!(!path("model.safetensors").exists());
    }
}

/// Somebody writes into a file after each of the reads that are done of it.
#[test]
fn a_file_that_changes_while_it_is_read_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (path, out) = (directory.path().join("model"), directory.path().join("out.pt"));
    type Operation = fn(&File, &Path) -> Result<()>;
    let operations: [(&str, Operation); 5] = [
        ("convert", |file, out| convert(file, out)),
        ("load", |file, _| file.load().map(drop)),
        ("load unverified", |file, _| file.load_unverified().map(drop)),
        ("map", |file, _| file.map().map(drop)),
        ("verify", |file, _| file.verify().map(drop)),
    ];
    for name in ["st_state_dict", "legacy_state_dict_linear", "state_dict_linear"] {
        let bytes = cases::good_named(name).bytes();
        for (operation, run) in operations {
            let mut changes = 0;
            for times in 1.. {
                fs::write(&path, &bytes).unwrap();
                let written = path.clone();
                let store = Meddling::reading(times, move || write_into(&written));
                let done =
                    File::open_in(Engine::shared().unwrap(), &store, &path).and_then(|file| run(&file, &out));
                if !store.is_read() {
                    done.unwrap();
                    break;
                }
                changes += 1;
                let error = done.expect_err(operation);
                let named = matches!(&error, Error::Changed { path: changed, .. } if *changed == path);
                assert!(named, "{name}: {operation}: {error}");
                assert!(!out.exists(), "{name}: {operation}");
            }
            assert!(changes > 1, "{name}: {operation}");
            let _ = fs::remove_file(&out);
        }
    }
}

/// What stages, saves and fills have no file of their own to ask: they ask those that
/// their storages are in.
#[test]
fn a_state_dict_whose_files_change_is_not_saved() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.safetensors");
    let bytes = cases::good_named("st_state_dict").bytes();
    let saves: [fn(&File, &Path) -> Result<()>; 2] = [
        |file, out| CheckpointWriter::single()?.write(out, file.state(), &HookArguments::new()),
        |file, _| CheckpointStager::new(CheckpointStagerConfig::default()).stage(file.state()).map(drop),
    ];
    for save in saves {
        fs::write(&path, &bytes).unwrap();
        let file = File::open(&path).unwrap();
        write_into(&path);
        let error = save(&file, &directory.path().join("step-1")).unwrap_err();
        assert!(matches!(error, Error::Changed { .. }), "{error}");
        let left: Vec<_> = fs::read_dir(directory.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }
}

/// A reader's limits are its writer's.
#[test]
fn what_could_not_be_read_again_is_not_written() {
    let mut limits = Limits::default();
    (limits.format.string_bytes, limits.format.depth, limits.format.nodes) = (5000, 50, 2000);
    let engine = Engine::shared().unwrap().limited(limits);
    let deep = (0..51).fold(Value::None, |inner, _| Value::list([inner]));
    let cases = [
        ("bytes", Value::from("x".repeat(5001))),
        ("depth", deep),
        ("nodes", Value::list((0..2001).map(|number| Value::from(f64::from(number))))),
        ("a dict as a key", Value::dict([(Value::dict([("a", 1)]), 1)])),
        ("a list as a key", Value::dict([(Value::list([1]), 1)])),
        ("one key twice", Value::dict([("a", 1), ("a", 2)])),
        ("one key in two ways", Value::dict([(Value::from(1), 1), (Value::from(true), 2)])),
    ];
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.pt");
    fs::write(&path, "the old file").unwrap();
    for (name, value) in cases {
        let mut state = StateDict::new();
        state.insert("value", value);
        let options = WriteOptions::for_path(&path).unwrap();
        let error = save_with(&engine, &Local, &path, &state, &options).expect_err(name);
        assert!(matches!(error, Error::Unreadable { .. }), "{name}: {error}");
        assert_eq!(fs::read(&path).unwrap(), b"the old file", "{name}");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "{name}");
    }
}

fn convert(file: &File, to: &Path) -> Result<()> {
    let options = WriteOptions::for_path(to).unwrap();
    save_with(Engine::shared()?, &Local, to, file.state(), &options).map(drop)
}

/// Changes a byte in place, once the clock that files have their times from has moved on.
fn write_into(path: &Path) {
    thread::sleep(Duration::from_millis(20));
    let file = fs::File::options().read(true).write(true).open(path).unwrap();
    let middle = file.metadata().unwrap().len() / 2;
    let mut byte = [0];
    file.read_exact_at(&mut byte, middle).unwrap();
    file.write_all_at(&[!byte[0]], middle).unwrap();
}

fn storage(bytes: &[u8]) -> Storage<'static> {
    Storage::new(bytes.to_vec())
}

/// Memory that is never the same twice.
#[derive(Debug)]
struct Restless {
    length: u64,
    reads: AtomicU64,
}

impl Restless {
    fn new(length: u64) -> Self {
        Self { length, reads: AtomicU64::new(0) }
    }
}

impl Source for Restless {
    fn path(&self) -> &Path {
        Path::new("restless memory")
    }

    fn length(&self) -> u64 {
        self.length
    }

    fn read_at(&self, _: u64, buffer: &mut [u8]) -> Result<()> {
        let read = self.reads.fetch_add(1, Ordering::Relaxed);
        buffer.fill(read.to_le_bytes()[0]);
        Ok(())
    }

    fn bytes(&self) -> Result<Option<Shared<'static>>> {
        Ok(None)
    }
}
