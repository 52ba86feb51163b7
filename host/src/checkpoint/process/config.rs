use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How a [`CheckpointProcess`](crate::CheckpointProcess) is started and stopped.
///
/// ```
/// use strongroom::{CheckpointProcessConfig, CheckpointProgram};
///
/// let config: CheckpointProcessConfig =
///     serde_json::from_str(r#"{"program": {"command": "/opt/bin/strongroom"}, "write_timeout_secs": 900}"#)
///         .unwrap();
/// assert_eq!(config.program, CheckpointProgram::Command("/opt/bin/strongroom".into()));
/// assert_eq!(config.subprocess_init_timeout.as_secs(), 30);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointProcessConfig {
    /// What is started.
    pub program: CheckpointProgram,
    /// How long it may take to start, its way into the barrier included.
    #[serde(rename = "subprocess_init_timeout_secs", with = "crate::seconds")]
    pub subprocess_init_timeout: Duration,
    /// How long it may take to end when it is told to, after which it is killed.
    #[serde(rename = "subprocess_shutdown_timeout_secs", with = "crate::seconds")]
    pub subprocess_shutdown_timeout: Duration,
    /// How long a write may take, after which the process is killed. None is as
    /// long as it takes: the writer's barrier has a deadline of its own, and files
    /// are as slow as the disk.
    #[serde(rename = "write_timeout_secs", with = "optional_seconds")]
    pub write_timeout: Option<Duration>,
}

impl Default for CheckpointProcessConfig {
    /// The `strongroom` command, 30 s to start, 60 s to end, writes as long as they
    /// take.
    fn default() -> Self {
        Self {
            program: CheckpointProgram::default(),
            subprocess_init_timeout: Duration::from_secs(30),
            subprocess_shutdown_timeout: Duration::from_secs(60),
            write_timeout: None,
        }
    }
}

/// The program that writes checkpoints in a process of its own.
///
/// ```
/// use strongroom::{CheckpointProcessConfig, CheckpointProgram};
///
/// let itself =
///     CheckpointProcessConfig { program: CheckpointProgram::ThisProgram, ..Default::default() };
/// # assert_ne!(itself, CheckpointProcessConfig::default());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckpointProgram {
    /// The `strongroom` command, of the same version: a path, or a name that is
    /// looked for in `PATH`.
    Command(PathBuf),
    /// This program once more. Its `main` must call
    /// [`serve_checkpoint_process`](crate::serve_checkpoint_process) before
    /// anything else; barriers and hooks of one's own are then to be had.
    ThisProgram,
}

impl Default for CheckpointProgram {
    /// `strongroom`, looked for in `PATH`.
    fn default() -> Self {
        Self::Command("strongroom".into())
    }
}

/// Seconds, or none.
mod optional_seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Seconds(#[serde(with = "crate::seconds")] Duration);

    pub(super) fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        duration.map(Seconds).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<Seconds>::deserialize(deserializer)?.map(|Seconds(duration)| duration))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_is_json_in_seconds() {
        let config: CheckpointProcessConfig = serde_json::from_str(
            r#"{"program": "this_program", "subprocess_init_timeout_secs": 1.5, "write_timeout_secs": 2}"#,
        )
        .unwrap();
        let expected = CheckpointProcessConfig {
            program: CheckpointProgram::ThisProgram,
            subprocess_init_timeout: Duration::from_millis(1500),
            write_timeout: Some(Duration::from_secs(2)),
            ..CheckpointProcessConfig::default()
        };
        assert_eq!(config, expected);
        let json = serde_json::to_string(&expected).unwrap();
        assert_eq!(serde_json::from_str::<CheckpointProcessConfig>(&json).unwrap(), expected);
    }
}
