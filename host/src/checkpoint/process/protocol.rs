//! What the two processes say to each other.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::failure::Failure;
use crate::state::Node;

/// Of this protocol. Both sides are of the same version, or do not talk.
pub(super) const VERSION: u32 = 1;

/// Pieces of memory that the checkpoint process keeps: those of two stagers. What
/// would be one more takes the place of the oldest, which can be given again.
pub(super) const MOST_ARENAS: usize = 4;

/// What the training process says. The first message is `Init`, and it alone must
/// stay what it is in every version.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request<'r> {
    /// Answered with `Ready`.
    Init {
        version: u32,
        /// A [`CheckpointWriterSpec`](super::CheckpointWriterSpec) in JSON.
        spec: Cow<'r, str>,
    },
    /// Answered with `Pong`.
    Ping,
    /// Memory to keep, under a name; its descriptor comes with this. No answer.
    Arena(u64),
    /// Memory that is not needed any more. No answer.
    Forget(u64),
    /// Answered with `Written`.
    Write(Box<Write<'r>>),
    /// A save in which this rank takes no part: the other ranks are told why.
    /// Answered with `Failed`.
    Refuse {
        /// Which save of the run.
        number: u64,
        /// The checkpoint's directory.
        path: Cow<'r, [u8]>,
        reason: Failure,
    },
    /// Answered with `Closed`.
    Terminate,
}

/// A state dict in shared memory, and where it goes.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Write<'r> {
    /// Which save of the run this is: all ranks count alike.
    pub(super) number: u64,
    /// The checkpoint's directory: an absolute path, which need not be UTF-8.
    pub(super) path: Cow<'r, [u8]>,
    /// Whether all ranks have the same state dict, and each writes its share.
    pub(super) shared: bool,
    /// Those of the hooks, in JSON.
    pub(super) arguments: Cow<'r, str>,
    /// The memory that the storages lie in.
    pub(super) arena: u64,
    pub(super) storages: Vec<Place<'r>>,
    pub(super) nodes: Cow<'r, [Node]>,
    pub(super) root: u32,
    pub(super) metadata: Cow<'r, [(String, String)]>,
}

/// A storage in shared memory.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Place<'r> {
    pub(super) offset: u64,
    pub(super) length: u64,
    /// The device it was saved from.
    pub(super) location: Cow<'r, str>,
}

/// What the checkpoint process answers.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Response {
    Ready {
        version: u32,
    },
    Pong,
    Written,
    Closed,
    /// In place of any of the others.
    Failed(Failure),
}
