use std::time::Duration;

/// What a file may ask of the format's reader. `wit/format/reader.wit` says the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormatLimits {
    /// Entries of a zip archive's directory.
    pub entries: u32,
    /// Bytes of that directory.
    pub directory_bytes: u64,
    /// Bytes of one pickle.
    pub pickle_bytes: u64,
    /// Instructions of one pickle.
    pub opcodes: u64,
    /// The highest index in a pickle's memo.
    pub memo: u32,
    /// Bytes of one string.
    pub string_bytes: u64,
    /// How deep values may lie in each other.
    pub depth: u32,
    /// Nodes of a state dict.
    pub nodes: u32,
    /// Values of the tree that the nodes are when each is written out wherever it stands.
    pub tree: u64,
}

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
