//! What is staged is the same as what it was staged from, is nobody else's, and
//! takes no new memory.

mod common;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use common::cases::{self, Failures};
use common::same::same;
use common::strategy;
use proptest::prelude::*;
use strongroom::store::{Shared, Source};
use strongroom::{
    CheckpointStager, CheckpointStagerConfig, DType, Error, File, Result, StateDict, Storage, Tensor,
};

const KINDS: [CheckpointStagerConfig; 2] =
    [CheckpointStagerConfig { use_shared_memory: false }, CheckpointStagerConfig { use_shared_memory: true }];

#[test]
fn every_state_dict_is_staged_from_memory_maps_and_files() {
    for kind in KINDS {
        let mut stager = CheckpointStager::new(kind);
        let mut failures = Failures::default();
        for case in cases::good() {
            let file = File::open(&case.file).unwrap();
            let loaded = file.load().unwrap();
            for source in [&loaded, &file.map().unwrap(), file.state()] {
                let staged = stager.stage(source).unwrap();
                if let Err(what) = same(&loaded, &staged) {
                    failures.add(&case.name, what);
                }
            }
        }
        failures.check();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_state_dict_is_staged(first in strategy::state(), second in strategy::state(), shared in any::<bool>()) {
        let mut stager = CheckpointStager::new(CheckpointStagerConfig { use_shared_memory: shared });
        let staged = stager.stage(&first).unwrap();
        let other = stager.stage(&second).unwrap();
        prop_assert_eq!(same(&first, &staged), Ok(()));
        prop_assert_eq!(same(&second, &other), Ok(()));
    }
}

#[test]
fn what_the_caller_changes_afterwards_is_not_changed() {
    for kind in KINDS {
        let mut stager = CheckpointStager::new(kind);
        // More than one thread takes at a time, and not a multiple of it.
        let mut weight: Vec<u32> = (0..5 << 20).chain(0..7).collect();
        let staged = {
            let mut state = StateDict::new();
            state.insert("weight", Tensor::from_slice(&weight, &[weight.len() as u64]).unwrap());
            stager.stage(&state).unwrap()
        };
        let expected = weight.clone();
        weight.fill(0);
        assert!(staged.tensor("weight").unwrap().as_slice::<u32>().unwrap() == expected);
    }
}

#[test]
fn a_shared_storage_is_staged_once() {
    let storage = Storage::new((0..=255).collect::<Vec<u8>>());
    let mut state = StateDict::new();
    for name in ["embedding", "head"] {
        state.insert(name, Tensor::new(storage.clone(), DType::Uint8, &[16, 16]).unwrap());
    }
    state.insert("row", Tensor::view(storage, DType::Uint8, 16, &[16], &[1]).unwrap());
    let staged = CheckpointStager::new(KINDS[0]).stage(&state).unwrap();
    assert_eq!((staged.storages().len(), staged.length()), (1, 256));
    assert_eq!(same(&state, &staged), Ok(()));
}

#[test]
fn storages_start_at_cache_lines() {
    let mut state = StateDict::new();
    for length in [1u64, 63, 0, 65, 64, 3] {
        let elements = vec![7u8; usize::try_from(length).unwrap()];
        state.insert(&format!("of{length}"), Tensor::from_vec(elements, &[length]).unwrap());
    }
    for kind in KINDS {
        let staged = CheckpointStager::new(kind).stage(&state).unwrap();
        assert!(staged.storages().iter().all(|storage| address(storage).is_multiple_of(64)));
        assert_eq!(same(&state, &staged), Ok(()));
    }
}

#[test]
fn memory_is_used_again_and_grows_only_when_it_must() {
    for kind in KINDS {
        let mut stager = CheckpointStager::new(kind);
        let mut at = |length| address(&stager.stage(&ones(length)).unwrap().storages()[0]);
        let first = at(8 << 20);
        for length in [8 << 20, 1 << 20, 10, 8 << 20] {
            assert_eq!(at(length), first, "{length}");
        }
        // A larger one takes the place of the first: the next goes there, too.
        let larger = at(64 << 20);
        assert_eq!(at(8 << 20), larger);
    }
}

#[test]
fn two_can_be_in_use_and_a_third_is_an_error() {
    let mut stager = CheckpointStager::new(KINDS[0]);
    let first = stager.stage(&ones(100)).unwrap();
    let second = stager.stage(&ones(200)).unwrap();
    let error = stager.stage(&ones(1)).unwrap_err().to_string();
    assert_eq!(error, "2 staged state dicts are still in use: drop one before the next is staged");
    assert_eq!((same(&ones(100), &first), same(&ones(200), &second)), (Ok(()), Ok(())));

    // A clone of a part keeps the memory as well as the whole does.
    let tensor = second.tensor("weight").unwrap();
    drop(second);
    stager.stage(&ones(1)).unwrap_err();
    assert_eq!(*tensor.bytes().unwrap(), [1; 200]);
    drop(tensor);
    stager.stage(&ones(1)).unwrap();
}

#[test]
fn what_is_staged_outlives_the_stager() {
    let staged = CheckpointStager::new(KINDS[1]).stage(&ones(100)).unwrap();
    assert_eq!(same(&ones(100), &staged), Ok(()));
}

#[test]
fn damage_in_a_file_is_found_and_the_stager_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.pt");
    strongroom::save(&path, &ones(20 << 20)).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(&path, bytes).unwrap();
    let file = File::open(&path).unwrap();
    let mut stager = CheckpointStager::new(KINDS[0]);
    let error = stager.stage(file.state()).unwrap_err();
    assert!(matches!(&error, Error::Checksum { part, .. } if part == "model/data/0"), "{error}");
    let staged = stager.stage(&ones(20 << 20)).unwrap();
    assert_eq!(same(&ones(20 << 20), &staged), Ok(()));
}

#[test]
fn bytes_can_come_from_a_device() {
    let directory = tempfile::tempdir().unwrap();
    let device = Arc::new(Device { length: 20 << 20, fetched: AtomicU64::new(0) });
    let storage = Storage::from_source(device.clone(), "cuda:1");
    let mut state = StateDict::new();
    let shape = [2560, 1024];
    state.insert("weight", Tensor::new(storage.clone(), DType::Uint64, &shape).unwrap());
    state.insert("transposed", Tensor::view(storage, DType::Uint64, 0, &[1024, 2560], &[1, 1024]).unwrap());
    let error = state.tensor("weight").unwrap().bytes().unwrap_err().to_string();
    assert!(error.starts_with("device memory: the storage is not in memory"), "{error}");

    let staged = CheckpointStager::new(KINDS[0]).stage(&state).unwrap();
    assert_eq!(device.fetched.load(Ordering::Relaxed), device.length);
    let expected: Vec<u64> = (0..device.length / 8).collect();
    let weight = staged.tensor("weight").unwrap();
    assert!(weight.as_slice::<u64>().unwrap() == expected);
    assert_eq!(weight.storage().unwrap().location(), "cuda:1");

    // Staged or not, the same is written.
    let write = |name: &str, state: &StateDict<'_>| {
        strongroom::save(directory.path().join(name), state).unwrap();
        fs::read(directory.path().join(name)).unwrap()
    };
    fs::create_dir(directory.path().join("device")).unwrap();
    assert!(write("model.pt", &staged) == write("device/model.pt", &state));
    // A format that writes elements in order has to look at all of them.
    let mut transposed = StateDict::new();
    transposed.insert("transposed", state.tensor("transposed").unwrap());
    write("transposed.safetensors", &transposed);
    let loaded = strongroom::load(directory.path().join("transposed.safetensors")).unwrap();
    assert_eq!(loaded.tensor("transposed").unwrap().as_slice::<u64>().unwrap()[1], 1024);
}

/// Memory in which each number is that of its place.
#[derive(Debug)]
struct Device {
    length: u64,
    fetched: AtomicU64,
}

impl Source for Device {
    fn path(&self) -> &Path {
        Path::new("device memory")
    }

    fn length(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        self.fetched.fetch_add(buffer.len() as u64, Ordering::Relaxed);
        for (byte, at) in buffer.iter_mut().zip(offset..) {
            *byte = (at / 8).to_le_bytes()[usize::try_from(at % 8).unwrap()];
        }
        Ok(())
    }

    fn bytes(&self) -> Result<Option<Shared<'static>>> {
        Ok(None)
    }
}

fn ones(length: usize) -> StateDict<'static> {
    let mut state = StateDict::new();
    state.insert("weight", Tensor::from_vec(vec![1u8; length], &[length as u64]).unwrap());
    state
}

fn address(storage: &Storage<'_>) -> usize {
    storage.bytes().unwrap().as_ptr().addr()
}
