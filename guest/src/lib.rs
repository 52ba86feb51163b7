//! What strongroom knows of file formats, as state machines that do no I/O.
//!
//! [`Reading`] is told how long a file is and asks for ranges of it until it can
//! say what the file holds. [`Writing`] is told what to hold and says where each
//! byte goes. [`validate::Validating`] asks for ranges as well and judges whether
//! the file is only data. None sees a payload, a file, a clock or a thread: the
//! same input gives the same answer everywhere, and the worst that bad input can
//! do is end in an [`Error`] or a finding.

#![no_std]
#![deny(unsafe_code)]
// No bytes make it panic.
#![cfg_attr(
    not(test),
    deny(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)
)]

extern crate alloc;

pub mod dcp;
mod dtype;
mod error;
mod extras;
mod foreign;
mod limits;
mod listing;
pub mod model;
mod path;
pub mod pickle;
mod reader;
mod safetensors;
mod show;
mod step;
mod torch;
pub mod validate;
mod writer;
pub mod zip;

pub use dtype::{DType, Layout as TensorLayout, QScheme, StorageClass};
pub use error::{Error, Excess, Fault, Unfit};
pub use limits::Limits;
pub use listing::{Listing, NamedTensor, TensorKind};
pub use model::{
    Checkpoint, Checksum, FileLayout as Layout, Format, SafetensorsOptions, Segment, Slot, Source,
    TorchOptions,
};
pub use reader::{Reading, Step};
pub use step::{Chunk, Next, Range};
pub use writer::{WriteOptions, Writing};

#[cfg(target_arch = "wasm32")]
mod component;
