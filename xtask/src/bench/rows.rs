//! What is measured. A row says what is in its way: whether the file is new,
//! whether it is durable afterwards, whether its pages are in the cache.

/// One comparison.
pub struct Row {
    /// What is done.
    pub name: &'static str,
    /// strongroom's way.
    pub ours: Side,
    /// What it is compared with, under which name.
    pub peer: Option<(&'static str, Side)>,
    /// What counts.
    pub unit: Unit,
    /// Whether each run is in a process of its own: one that loads twice gets
    /// the memory of the first time back, which is no way to load a checkpoint.
    pub fresh: bool,
}

/// Who does a job.
#[derive(Clone, Copy)]
pub enum Side {
    /// A job of the Rust program in `bench/`.
    Rust(&'static str),
    /// A job of `bench/peers.py`.
    Torch(&'static str),
    /// The `strongroom` command, from start to end.
    Command(&'static [&'static str]),
    /// Another scanner, from start to end: its name, and the file.
    Scanner(&'static [&'static str]),
}

/// What counts in a row.
#[derive(Clone, Copy)]
pub enum Unit {
    /// Time.
    Seconds,
    /// Memory beyond the state dict.
    Mebibytes,
}

impl Unit {
    /// How it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Mebibytes => "MiB",
        }
    }
}

/// A row that takes time, both sides in processes that live on.
const fn time(name: &'static str, ours: Side, peer: Option<(&'static str, Side)>) -> Row {
    Row { name, ours, peer, unit: Unit::Seconds, fresh: false }
}

/// The same, each run in a new process.
const fn fresh(name: &'static str, ours: Side, peer: Option<(&'static str, Side)>) -> Row {
    Row { fresh: true, ..time(name, ours, peer) }
}

/// A row that takes memory.
const fn memory(name: &'static str, ours: Side, peer: Option<(&'static str, Side)>) -> Row {
    Row { unit: Unit::Mebibytes, ..fresh(name, ours, peer) }
}

use Side::{Command, Rust, Scanner, Torch};

/// All rows, in the order they are measured. Unless a name says otherwise, the
/// large state dict is of 1 GiB in 64 tensors, the other of 20,000 tensors of 64
/// bytes, checksums are on, files read are in the page cache, and files written
/// are new and not yet on disk when the clock stops.
pub static ROWS: &[Row] = &[
    time("save .pt", Rust("save-pt"), Some(("torch.save", Torch("save-pt")))),
    time("save .pt over a file", Rust("save-pt-replace"), Some(("torch.save", Torch("save-pt-replace")))),
    time("save .pt, durable", Rust("save-pt-durable"), Some(("torch.save, fsync", Torch("save-pt-durable")))),
    time(
        "save .pt, against plain writes",
        Rust("save-pt"),
        Some(("pwrite, 2 threads, no CRC", Rust("save-plain"))),
    ),
    time(
        "save .safetensors",
        Rust("save-safetensors"),
        Some(("safetensors save_file", Torch("save-safetensors"))),
    ),
    time(
        "save by 2 ranks, durable, committed",
        Rust("save-ranks"),
        Some(("CheckpointWriter, 2 processes, fsync", Torch("save-ranks"))),
    ),
    time(
        "checkpoint of 1 MiB, durable",
        Rust("checkpoint-durable@1"),
        Some(("the same without fsync", Rust("checkpoint@1"))),
    ),
    time(
        "checkpoint, durable",
        Rust("checkpoint-durable"),
        Some(("the same without fsync", Rust("checkpoint"))),
    ),
    time(
        "async save: training waits",
        Rust("async-stall"),
        Some(("_experimental's AsyncCheckpointer", Torch("async-stall"))),
    ),
    time(
        "async save: until committed",
        Rust("async-total"),
        Some(("_experimental's AsyncCheckpointer", Torch("async-total"))),
    ),
    time(
        "async save: training waits",
        Rust("async-stall"),
        Some(("torch_checkpointing", Torch("successor-stall"))),
    ),
    time(
        "async save: until committed",
        Rust("async-total"),
        Some(("torch_checkpointing", Torch("successor-total"))),
    ),
    time(
        "async save: until committed",
        Rust("async-total"),
        Some(("memcpy, then pwrite, 2 threads, no CRC", Rust("copy-and-write"))),
    ),
    time(
        "async save by a process: training waits",
        Rust("process-stall"),
        Some(("_experimental's AsyncCheckpointer", Torch("async-stall"))),
    ),
    time(
        "async save by a process: until committed",
        Rust("process-total"),
        Some(("_experimental's AsyncCheckpointer", Torch("async-total"))),
    ),
    time("async save: training waits", Rust("async-stall"), Some(("memcpy, 2 threads", Rust("copy")))),
    time(
        "async save by a process: training waits",
        Rust("process-stall"),
        Some(("memcpy, 2 threads", Rust("copy"))),
    ),
    fresh("load .pt, verified", Rust("load-pt"), Some(("torch.load", Torch("load-pt")))),
    fresh(
        "load .safetensors",
        Rust("load-safetensors"),
        Some(("safetensors load_file, cloned", Torch("load-safetensors"))),
    ),
    fresh("map .pt", Rust("map-pt"), Some(("torch.load(mmap=True)", Torch("map-pt")))),
    fresh(
        "map .safetensors",
        Rust("map-safetensors"),
        Some(("safetensors load_file", Torch("map-safetensors"))),
    ),
    time(
        "verify .pt, against plain reads",
        Rust("verify-pt"),
        Some(("pread and CRC, 2 threads", Rust("verify-plain"))),
    ),
    time("save 20,000 tensors .pt", Rust("save-tiny-pt"), Some(("torch.save", Torch("save-tiny-pt")))),
    time(
        "save 20,000 tensors .safetensors",
        Rust("save-tiny-safetensors"),
        Some(("safetensors save_file", Torch("save-tiny-safetensors"))),
    ),
    fresh(
        "load 20,000 tensors .pt, verified",
        Rust("load-tiny-pt"),
        Some(("torch.load", Torch("load-tiny-pt"))),
    ),
    fresh(
        "load 20,000 tensors .safetensors",
        Rust("load-tiny-safetensors"),
        Some(("safetensors load_file, cloned", Torch("load-tiny-safetensors"))),
    ),
    time("command: inspect 20,000 tensors .pt", Command(&["inspect", "--json", "tiny.pt"]), None),
    time("command: inspect 64 tensors .pt", Command(&["inspect", "--json", "large.pt"]), None),
    time(
        "command: validate 20 KB .pt",
        Command(&["validate", "small.pt"]),
        Some(("picklescan", Scanner(&["picklescan", "small.pt"]))),
    ),
    time(
        "command: validate 20 KB .pt",
        Command(&["validate", "small.pt"]),
        Some(("modelscan", Scanner(&["modelscan", "small.pt"]))),
    ),
    time(
        "command: validate 20 KB .pt",
        Command(&["validate", "small.pt"]),
        Some(("fickling", Scanner(&["fickling", "small.pt"]))),
    ),
    time(
        "command: validate 10 GiB .pt",
        Command(&["validate", "sparse.pt"]),
        Some(("picklescan", Scanner(&["picklescan", "sparse.pt"]))),
    ),
    time(
        "command: validate 10 GiB .pt",
        Command(&["validate", "sparse.pt"]),
        Some(("modelscan", Scanner(&["modelscan", "sparse.pt"]))),
    ),
    time(
        "command: validate 10 GiB .pt",
        Command(&["validate", "sparse.pt"]),
        Some(("fickling", Scanner(&["fickling", "sparse.pt"]))),
    ),
    time(
        "command: validate 20,000 tensors .pt",
        Command(&["validate", "tiny.pt"]),
        Some(("picklescan", Scanner(&["picklescan", "tiny.pt"]))),
    ),
    time(
        "validate --deep .pt, against plain reads",
        Rust("validate-deep"),
        Some(("pread and CRC, 2 threads", Rust("verify-plain"))),
    ),
    time("list a checkpoint of 10,000 ranks of 10,000 tensors", Rust("list-many"), None),
    time("latest of a checkpoint of 10,000 ranks of 10,000 tensors", Rust("latest-many"), None),
    memory("memory to validate 10 GiB .pt", Rust("validate-sparse"), None),
    memory("memory to save .pt", Rust("save-pt"), Some(("torch.save", Torch("save-pt")))),
    memory("memory to save a checkpoint of 256 MiB", Rust("checkpoint-durable@256"), None),
    memory("memory to save a checkpoint of 4 GiB", Rust("checkpoint-durable@4096"), None),
    memory("memory to save behind training, copy included", Rust("async-total"), None),
    memory("memory to verify .pt", Rust("verify-pt"), None),
    memory("memory to verify .pt of 256 MiB", Rust("verify-pt@256"), None),
    memory("memory to verify .pt of 4 GiB", Rust("verify-pt@4096"), None),
    memory("memory to convert .pt of 256 MiB", Rust("convert@256"), None),
    memory("memory to convert .pt of 4 GiB", Rust("convert@4096"), None),
    memory("memory to load .pt, with its 1 GiB", Rust("load-pt"), Some(("torch.load", Torch("load-pt")))),
];
