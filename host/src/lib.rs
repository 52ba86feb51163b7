//! Writes, reads and validates machine-learning checkpoints.
//!
//! What understands the bytes of PyTorch `.pt` files and safetensors runs in a
//! WebAssembly component that can touch nothing; this crate is its host. It does
//! threads, storage, ranks and commit, and understands no format.
//!
//! ```
//! use strongroom::{StateDict, Tensor};
//!
//! # fn main() -> strongroom::Result<()> {
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path().join("model.pt");
//! let weight = [1.0f32, 2.0, 3.0, 4.0];
//! let mut state = StateDict::new();
//! state.insert("weight", Tensor::from_slice(&weight, &[2, 2])?);
//! state.insert("step", 100);
//! strongroom::save(&path, &state)?;
//!
//! let state = strongroom::load(&path)?;
//! assert_eq!(state.tensor("weight").unwrap().as_slice::<f32>()?, &weight);
//! # Ok(())
//! # }
//! ```

#![deny(unsafe_code)]

mod checkpoint;
mod directory_kind;
mod error;
mod file;
mod limits;
mod payload;
mod ranks;
mod sandbox;
pub mod seconds;
mod state;
pub mod store;
mod sys;
pub mod validate;

use std::path::Path;

pub use ranks::barrier;

use checkpoint::look::not_committed;

pub use checkpoint::checkpointer::{
    AsyncCheckpointer, BackgroundWriter, Checkpointer, CheckpointerConfig, Handle, Saving, SyncCheckpointer,
    make_async_checkpointer, make_sync_checkpointer,
};
#[cfg(feature = "compiler")]
pub use checkpoint::hook::{ComponentCause, ComponentFailure, ComponentHook, HookLimits};
pub use checkpoint::hook::{HookArguments, HookContext, HookError, WriterHook};
pub use checkpoint::look::is_partial_download;
pub use checkpoint::process::{
    CheckpointProcess, CheckpointProcessConfig, CheckpointProgram, CheckpointWriterSpec,
    serve_checkpoint_process,
};
pub use checkpoint::reader::{
    CheckpointReader, CheckpointReaderConfig, DictKind, DictTarget, Key, Subtree, Template, TensorTarget,
};
pub use checkpoint::retention::{
    Listed, Listing, Pattern, Pruned, Retention, latest, latest_in, list, list_beside_in, list_in,
    list_latest_in, prunable_beside_in, prunable_in, prune, prune_in,
};
pub use checkpoint::save::{SaveOptions, save_sharded, save_sharded_with};
pub use checkpoint::stager::{CheckpointStager, CheckpointStagerConfig, Staged};
pub use checkpoint::uncommitted::{Uncommitted, shared_rank};
pub use checkpoint::writer::{CheckpointWriter, CheckpointWriterConfig};
pub use checkpoint::{Checkpoint, FileRecord, Record, StorageRecords};
pub use directory_kind::DirectoryKind;
pub use error::{Absence, Error, Fault, Finding, Result, Unfit};
pub use file::protected::refuse_replacing;
pub use file::read::{File, Format, Verified};
pub use file::write::{
    Flattened, SafetensorsOptions, TorchOptions, WriteFormat, WriteOptions, Written, left_out, save,
    save_with,
};
pub use limits::{FormatLimits, Limits};
pub use ranks::barrier::{
    Barrier, BarrierConfig, LocalBarrier, LocalBarrierConfig, OnWait, TcpStoreBarrier, TcpStoreBarrierConfig,
    TcpStoreServer, Waiting, create_barrier_from_config, register_barrier,
};
pub use ranks::rank_info::RankInfo;
pub use sandbox::{Engine, MachineCode};
pub use state::{
    DType, Element, Entries, Item, Items, Leaf, Leaves, Quantizer, StateDict, Storage, Tensor, Value, Wrapper,
};
pub use validate::{
    Report, ValidateOptions, Verdict, rules, validate, validate_distributed_in, validate_in, validate_set_in,
};

/// Loads a checkpoint file of any format into memory, every payload verified.
pub fn load(path: impl AsRef<Path>) -> Result<StateDict<'static>> {
    File::open(path)?.load()
}

/// Maps a checkpoint file of any format: its payloads are read when they are
/// looked at, and not verified. See [`File::map`].
pub fn map(path: impl AsRef<Path>) -> Result<StateDict<'static>> {
    File::open(path)?.map()
}
