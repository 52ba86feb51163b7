//! Checkpoints that are written in a process of their own.
//!
//! ```text
//!   training process                           checkpoint process
//!   CheckpointStager ── memfd, mapped by both ──┐
//!   CheckpointProcess ── socket, its stdin ──► serve ──► CheckpointWriter
//! ```
//!
//! What is in shared memory and asked for over the socket gets written, whatever
//! happens to the process that asked.

mod channel;
mod child;
mod config;
mod failure;
mod parent;
mod protocol;
mod running;
mod spec;
mod words;

pub use child::serve_checkpoint_process;
pub use config::{CheckpointProcessConfig, CheckpointProgram};
pub use parent::CheckpointProcess;
pub use spec::CheckpointWriterSpec;
