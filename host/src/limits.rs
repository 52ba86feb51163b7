use std::time::Duration;

pub use crate::bindings::reader::Limits as FormatLimits;

/// Caps on what one job may take. Reached, they end the job with an error.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of memory the component may have.
    pub memory: usize,
    /// Time the component may run, all calls of a job together.
    pub deadline: Duration,
    /// What a file may ask of the format's reader.
    pub format: FormatLimits,
}

impl Default for Limits {
    /// 2 GiB and a minute, of which an ordinary checkpoint uses a few megabytes
    /// and milliseconds; formats as the component's own `default-limits`.
    fn default() -> Self {
        Self {
            memory: 2 << 30,
            deadline: Duration::from_secs(60),
            format: FormatLimits {
                entries: 1 << 20,
                directory_bytes: 100_000_000,
                pickle_bytes: 512 << 20,
                opcodes: 100_000_000,
                memo: 32 << 20,
                string_bytes: 256 << 20,
                depth: 1000,
                nodes: 16 << 20,
                tree: 16 << 20,
            },
        }
    }
}
