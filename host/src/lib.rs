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

mod barrier;
mod bindings;
mod buffer;
mod check;
mod checkpoint;
mod checkpoint_writer;
mod checksum;
mod drive;
mod engine;
mod error;
mod gather;
mod hook;
mod instance;
mod limits;
mod rank_info;
mod read;
mod save;
mod seconds;
mod shard;
mod state;
pub mod store;
mod weigh;
mod write;

use std::path::Path;

#[cfg(feature = "etcd")]
pub use barrier::EtcdBarrier;
pub use barrier::{
    Barrier, BarrierConfig, EtcdBarrierConfig, LocalBarrier, LocalBarrierConfig, create_barrier_from_config,
    register_barrier,
};
pub use checkpoint::{Checkpoint, FileRecord, Record, StorageRecord, latest, latest_in};
pub use checkpoint_writer::{CheckpointWriter, CheckpointWriterConfig};
pub use engine::Engine;
pub use error::{Absence, Error, Fault, Finding, Result, Unfit};
pub use hook::{HookArguments, HookContext, HookError, WriterHook};
pub use limits::{FormatLimits, Limits};
pub use rank_info::RankInfo;
pub use read::{File, Format, Verified};
pub use save::{SaveOptions, save_sharded};
pub use state::{
    DType, Element, Entries, Item, Items, Leaf, Leaves, Quantizer, StateDict, Storage, Tensor, Value,
};
pub use write::{SafetensorsOptions, TorchOptions, WriteFormat, WriteOptions, Written, save, save_with};

/// Loads a checkpoint file of any format into memory, every payload verified.
pub fn load(path: impl AsRef<Path>) -> Result<StateDict<'static>> {
    File::open(path)?.load()
}

/// Maps a checkpoint file of any format: its payloads are read when they are
/// looked at, and not verified. See [`File::map`].
pub fn map(path: impl AsRef<Path>) -> Result<StateDict<'static>> {
    File::open(path)?.map()
}
