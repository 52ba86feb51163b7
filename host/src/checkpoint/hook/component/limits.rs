use std::time::Duration;

/// Caps on one call of a component that is a hook. Reached, they end the call, and
/// it has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HookLimits {
    /// Bytes of memory it may have, its tables included.
    pub memory: usize,
    /// Time it may take, whether it runs, sleeps, or waits for the disk.
    pub deadline: Duration,
    /// Bytes it may print.
    pub output: usize,
    /// Files, directories, streams and timers it may hold at a time. Files among
    /// them count against what this process may have open.
    pub handles: usize,
}

impl Default for HookLimits {
    /// 256 MiB, 60 s, 1 MiB and 128.
    fn default() -> Self {
        Self { memory: 256 << 20, deadline: Duration::from_secs(60), output: 1 << 20, handles: 128 }
    }
}
