/// Caps on what a file may ask of a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Records in a zip directory, or tensors in a safetensors header.
    pub entries: u32,
    /// Bytes of a zip directory, a safetensors header, or any one name.
    pub directory_bytes: u64,
    /// Bytes of one pickle.
    pub pickle_bytes: u64,
    /// Instructions in one pickle.
    pub opcodes: u64,
    /// Entries of one pickle's memo.
    pub memo: u32,
    /// Bytes of one string, bytes object or integer.
    pub string_bytes: u64,
    /// Containers inside each other.
    pub depth: u32,
    /// Values of the state dict, each counted once.
    pub nodes: u32,
    /// Values of the state dict as a tree: a shared value counts every time,
    /// one that leads into a cycle once.
    pub tree: u64,
}

impl Limits {
    /// What can be kept in about so many bytes of memory, and the usual caps of what takes
    /// time rather than memory: `is_fixed`.
    pub fn within(memory: u64) -> Self {
        let usual = Self::default();
        let narrow = |share: u64| u32::try_from(memory / share).unwrap_or(u32::MAX);
        Self {
            entries: narrow(256),
            directory_bytes: memory / 4,
            pickle_bytes: memory / 2,
            memo: narrow(64),
            string_bytes: memory / 4,
            nodes: narrow(256),
            tree: memory / 64,
            opcodes: usual.opcodes,
            depth: usual.depth,
        }
    }

    /// Whether a limit of this name is the same however much memory there is.
    pub(crate) fn is_fixed(name: &str) -> bool {
        matches!(name, "opcodes" | "depth" | "bytes of a number's line" | "bytes of a text")
    }
}

impl Default for Limits {
    /// Room for a million tensors, and an end to any bomb within a second or so.
    fn default() -> Self {
        Self {
            entries: 1 << 20,
            // The cap of the safetensors reference on its header.
            directory_bytes: 100_000_000,
            pickle_bytes: 512 << 20,
            opcodes: 100_000_000,
            memo: 32 << 20,
            string_bytes: 256 << 20,
            depth: 1000,
            nodes: 16 << 20,
            tree: 16 << 20,
        }
    }
}
