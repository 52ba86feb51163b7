//! A thousand saves in the background cost no process anything that stays. The tests
//! are by themselves, one after the other, for they count what whole processes have.

mod common;

use std::process;
use std::sync::{Mutex, MutexGuard, PoisonError};

use common::process::{built, descriptors, own_memory};
use strongroom::{
    CheckpointProcess, CheckpointProcessConfig, CheckpointProgram, CheckpointStager, CheckpointStagerConfig,
    CheckpointWriterConfig, CheckpointWriterSpec, Checkpointer, CheckpointerConfig, HookArguments, RankInfo,
    StateDict, Tensor, make_async_checkpointer,
};

#[test]
fn a_thousand_saves_by_a_thread_leave_nothing() {
    let _alone = alone();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("checkpoint");
    let config = CheckpointerConfig { writer_config: writer(), ..CheckpointerConfig::default() };
    let mut checkpointer = make_async_checkpointer(&config, RankInfo::single(), &[]).unwrap();
    let id = process::id();
    let mut save = || checkpointer.save(&path, &state(), &HookArguments::new()).map(drop).unwrap();
    (0..200).for_each(|_| save());
    let (open, memory) = (descriptors(id), own_memory(id));
    (0..1000).for_each(|_| save());
    checkpointer.close().unwrap();
    // At either time a save is under way, with the files it has open.
    assert!(descriptors(id) <= open + 8, "{} descriptors, {open} before", descriptors(id));
    let grown = own_memory(id).saturating_sub(memory);
    assert!(grown < 8 << 20, "{grown} bytes more");
}

#[test]
fn a_thousand_saves_by_a_process_leave_nothing_in_either() {
    let _alone = alone();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("checkpoint");
    let spec = CheckpointWriterSpec { writer: writer(), ..CheckpointWriterSpec::default() };
    let program = CheckpointProgram::Command(built("strongroom"));
    let config = CheckpointProcessConfig { program, ..CheckpointProcessConfig::default() };
    let checkpoint_process = CheckpointProcess::start(config, &spec).unwrap();
    let mut stager = CheckpointStager::new(CheckpointStagerConfig { use_shared_memory: true });
    let ids = [checkpoint_process.process_id().unwrap(), process::id()];

    let state = state();
    let mut save_twice = || {
        // Two state dicts are in use at times, as they are when saves overlap.
        let staged = [stager.stage(&state).unwrap(), stager.stage(&state).unwrap()];
        staged
            .iter()
            .for_each(|staged| checkpoint_process.write(&path, staged, &HookArguments::new()).unwrap());
    };
    (0..100).for_each(|_| save_twice());
    let before = ids.map(|id| (descriptors(id), own_memory(id)));
    (0..500).for_each(|_| save_twice());
    for (id, (before, memory)) in ids.into_iter().zip(before) {
        assert_eq!(descriptors(id), before, "process {id}");
        assert!(before < 24, "process {id} has {before} descriptors");
        let grown = own_memory(id).saturating_sub(memory);
        assert!(grown < 8 << 20, "process {id} has {grown} bytes more");
    }
    checkpoint_process.close().unwrap();
}

/// Only one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn writer() -> CheckpointWriterConfig {
    CheckpointWriterConfig { durable: false, overwrite: true, ..CheckpointWriterConfig::default() }
}

fn state() -> StateDict<'static> {
    let mut state = StateDict::new();
    state.insert("weight", Tensor::from_vec(vec![0.5f32; 1000], &[10, 100]).unwrap());
    state
}
