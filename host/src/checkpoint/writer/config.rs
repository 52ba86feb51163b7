use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Retention;
use crate::ranks::barrier::DEFAULT_TIMEOUT;

/// How a [`CheckpointWriter`](crate::CheckpointWriter) writes.
///
/// ```
/// use std::num::NonZeroUsize;
/// use std::time::Duration;
///
/// use strongroom::{CheckpointWriterConfig, Retention};
///
/// let config = CheckpointWriterConfig {
///     write_barrier_timeout: Duration::from_secs(120),
///     retention: Some(Retention::last(NonZeroUsize::new(3).unwrap())),
///     ..CheckpointWriterConfig::default()
/// };
/// // Where it is read from JSON, as durations are in seconds:
/// let json = r#"{ "write_barrier_timeout_secs": 120, "retention": { "keep_last": 3 } }"#;
/// assert_eq!(serde_json::from_str::<CheckpointWriterConfig>(json).unwrap(), config);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointWriterConfig {
    /// How long a rank that is done waits for the others.
    #[serde(rename = "write_barrier_timeout_secs", with = "crate::seconds")]
    pub write_barrier_timeout: Duration,
    /// Whether a checkpoint that is there already is replaced, in one step.
    pub overwrite: bool,
    /// Whether a checkpoint that was committed survives a power cut.
    pub durable: bool,
    /// Which older checkpoints beside a new one, and of its family, are kept; by default
    /// all. Rank 0 removes the others once the new one is committed.
    pub retention: Option<Retention>,
    /// Files that what is saved was read from, if it is in memory by now. A checkpoint that
    /// one of them is a part of is neither replaced nor removed, and neither is one that a
    /// state dict is still read from as it is saved.
    pub sources: Vec<PathBuf>,
    /// Whether the records have a BLAKE3 digest of every payload and file beside its
    /// CRC-32: to sign a checkpoint, or to find what two have in common. Those of a state
    /// dict that ranks share always have them.
    pub digests: bool,
}

impl Default for CheckpointWriterConfig {
    /// 600 s; nothing is replaced or removed; durable.
    fn default() -> Self {
        Self {
            write_barrier_timeout: DEFAULT_TIMEOUT,
            overwrite: false,
            durable: true,
            retention: None,
            sources: Vec::new(),
            digests: true,
        }
    }
}
