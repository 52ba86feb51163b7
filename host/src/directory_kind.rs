//! What a directory is, as far as the names in it say.

use std::fmt;

/// What a directory is, as far as the names in it say. Nothing in it is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DirectoryKind {
    /// A checkpoint: it has a commit record.
    Committed,
    /// What a save works on, or has left: its hidden name says so.
    Unfinished,
    /// Files of so many ranks, as PyTorch's own writer leaves them.
    RankFiles(usize),
    /// Files of so many ranks that this program wrote, without the commit record that it
    /// writes last: what a copy that was interrupted has.
    LostRecord(usize),
    /// A checkpoint of torch.distributed.checkpoint, with its `.metadata` or without.
    Distributed {
        /// Whether `.metadata` is there, which is written last.
        metadata: bool,
    },
    /// A torch zip that was unpacked.
    Unpacked,
    /// The same of an archive that is a program.
    UnpackedProgram {
        /// What it is: `a TorchScript archive`.
        program: &'static str,
    },
    /// A checkpoint in several files, which this index names.
    Sharded {
        /// The name of the index.
        index: String,
    },
    /// The cache of a model hub: the files are under `snapshots`.
    HubCache,
    /// A repository of a model hub, with files of checkpoints.
    Repository {
        /// The name of the first one.
        first: String,
    },
    /// Files of checkpoints, and no more that is known.
    Files {
        /// The name of the first one.
        first: String,
        /// How many.
        count: usize,
    },
    /// A directory of so many committed checkpoints.
    Checkpoints(usize),
    /// A directory of others, one of which is known.
    Above {
        /// The name of the first that is.
        directory: String,
        /// What it is.
        kind: Box<Self>,
    },
    /// There is nothing in it.
    Empty,
    /// Nothing that is known.
    Other,
}

impl fmt::Display for DirectoryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        match self {
            Self::Committed => f.write_str("a committed checkpoint"),
            Self::Unfinished => f.write_str("what a save left that was not finished, or works on now"),
            Self::RankFiles(ranks) => write!(
                f,
                "files of {ranks} rank{}, as PyTorch's own writer leaves them, and nothing says that all are \
                 there and whole",
                plural(*ranks)
            ),
            Self::LostRecord(ranks) => write!(
                f,
                "a checkpoint that has lost its record, as one that was not copied to its end, with files of \
                 {ranks} rank{}",
                plural(*ranks)
            ),
            Self::Distributed { metadata: true } => {
                f.write_str("a checkpoint of torch.distributed.checkpoint, which only torch reads")
            }
            Self::Distributed { metadata: false } => f.write_str(
                "a checkpoint of torch.distributed.checkpoint without its `.metadata`, which is written last",
            ),
            Self::Unpacked => f.write_str(
                "an unpacked PyTorch file: its parts (`data.pkl` and others) are no checkpoint by themselves",
            ),
            Self::UnpackedProgram { program } => write!(f, "{program} that was unpacked, which is a program"),
            Self::Sharded { index } => {
                write!(f, "a checkpoint in several files, which `{index}` names: each is opened by itself")
            }
            Self::HubCache => f.write_str("the cache of a model hub, whose files are under `snapshots`"),
            Self::Repository { first } => {
                write!(f, "a repository of a model hub: its files are opened by themselves, as `{first}`")
            }
            Self::Files { first, count } => {
                write!(f, "{count} checkpoint file{} among others, as `{first}`", plural(*count))
            }
            Self::Checkpoints(count) => write!(f, "a directory of {count} checkpoint{}", plural(*count)),
            Self::Above { directory, kind } => {
                write!(f, "a directory of others, among them `{directory}`: {kind}")
            }
            Self::Empty => f.write_str("an empty directory"),
            Self::Other => f.write_str("a directory without a checkpoint, as far as names say"),
        }
    }
}
