//! What saves, conversions and checks take of memory does not grow with the checkpoint.

use std::fs;
use std::path::Path;

use strongroom::store::Local;
use strongroom::{
    Checkpoint, CheckpointWriter, Checkpointer, CheckpointerConfig, DType, Engine, File, HookArguments,
    RankInfo, StateDict, Storage, Tensor, WriteOptions, make_async_checkpointer, save_with,
};

/// What anything may take beyond the state dict, and beyond a copy of it where training
/// goes on.
const ALLOWED: u64 = 64 << 20;

/// Of the large state dict, in 16 tensors.
const LENGTH: u64 = 512 << 20;

/// One test: what is measured is the whole process.
#[test]
fn memory_does_not_grow_with_the_checkpoint() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = |name: &str| directory.path().join(name);
    let (pt, safetensors, checkpoint) = (path("large.pt"), path("large.safetensors"), path("step-1"));
    let state = large();
    takes_at_most(ALLOWED, "a save", || strongroom::save(&pt, &state).unwrap());
    let (writer, none) = (CheckpointWriter::single().unwrap(), HookArguments::new());
    takes_at_most(ALLOWED, "a checkpoint", || writer.write(&checkpoint, &state, &none).unwrap());
    let mut behind =
        make_async_checkpointer(&CheckpointerConfig::default(), RankInfo::single(), &[]).unwrap();
    takes_at_most(LENGTH + ALLOWED, "a save behind training", || {
        behind.save(&path("step-2"), &state, &none).unwrap().wait().unwrap();
    });
    drop((state, behind));
    // The measure sees what is there.
    assert!(taken(large) >= LENGTH);

    takes_at_most(ALLOWED, "verify", || File::open(&pt).unwrap().verify().unwrap());
    takes_at_most(ALLOWED, "verify a checkpoint", || {
        Checkpoint::open(&checkpoint).unwrap().verify().unwrap()
    });
    takes_at_most(ALLOWED, "convert", || convert(&pt, &safetensors));
    takes_at_most(ALLOWED, "verify safetensors", || File::open(&safetensors).unwrap().verify().unwrap());
    takes_at_most(ALLOWED, "convert back", || convert(&safetensors, &pt));

    // Of what a few elements are of, only the part with them.
    let storage = Storage::new(vec![7u8; usize::try_from(LENGTH).unwrap()]);
    let mut state = StateDict::new();
    let few = Tensor::view(storage, DType::Uint8, LENGTH - 16, &[4], &[5]).unwrap();
    state.insert("few", few);
    strongroom::save(&pt, &state).unwrap();
    drop(state);
    takes_at_most(ALLOWED, "convert strided", || convert(&pt, &safetensors));
    assert_eq!(fs::metadata(&safetensors).unwrap().len() % 8, 4);
}

fn convert(from: &Path, to: &Path) {
    let (engine, options) = (Engine::shared().unwrap(), WriteOptions::for_path(to).unwrap());
    save_with(engine, &Local, to, File::open(from).unwrap().state(), &options).unwrap();
}

fn takes_at_most<T>(allowed: u64, what: &str, work: impl FnOnce() -> T) {
    let taken = taken(work);
    assert!(taken <= allowed, "{what}: {taken} bytes");
}

fn large() -> StateDict<'static> {
    let elements = usize::try_from(LENGTH / 16).unwrap();
    let mut state = StateDict::new();
    for index in 1..=16u8 {
        let tensor = Tensor::from_vec(vec![index; elements], &[elements as u64]).unwrap();
        state.insert(&format!("weight{index}"), tensor);
    }
    state
}

/// The highest resident memory while something is done, less that before.
fn taken<T>(work: impl FnOnce() -> T) -> u64 {
    // Sets the highest back to what is there now: proc(5).
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = kibibytes("VmRSS:");
    let made = work();
    let highest = kibibytes("VmHWM:");
    drop(made);
    highest.saturating_sub(before) * 1024
}

/// A line of `/proc/self/status`.
fn kibibytes(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}
