//! A thousand saves by a checkpoint process cost neither process anything that
//! stays. The test is by itself, for it counts what the whole process has.

mod common;

use common::process::{built, descriptors, own_memory};
use strongroom::{
    CheckpointProcess, CheckpointProcessConfig, CheckpointProgram, CheckpointStager, CheckpointStagerConfig,
    CheckpointWriterConfig, CheckpointWriterSpec, HookArguments, StateDict, Tensor,
};

#[test]
fn a_thousand_saves_leave_nothing_in_either_process() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("checkpoint");
    let writer =
        CheckpointWriterConfig { durable: false, overwrite: true, ..CheckpointWriterConfig::default() };
    let spec = CheckpointWriterSpec { writer, ..CheckpointWriterSpec::default() };
    let program = CheckpointProgram::Command(built("strongroom"));
    let config = CheckpointProcessConfig { program, ..CheckpointProcessConfig::default() };
    let process = CheckpointProcess::start(config, &spec).unwrap();
    let mut stager = CheckpointStager::new(CheckpointStagerConfig { use_shared_memory: true });
    let ids = [process.process_id().unwrap(), std::process::id()];

    let mut state = StateDict::new();
    state.insert("weight", Tensor::from_vec(vec![0.5f32; 1000], &[10, 100]).unwrap());
    let mut save_twice = || {
        // Two state dicts are in use at times, as they are when saves overlap.
        let staged = [stager.stage(&state).unwrap(), stager.stage(&state).unwrap()];
        staged.iter().for_each(|staged| process.write(&path, staged, &HookArguments::new()).unwrap());
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
    process.close().unwrap();
}
