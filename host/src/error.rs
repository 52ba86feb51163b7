use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::DirectoryKind;

/// What can go wrong, and where.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file is not what its format asks for, or the format cannot hold the
    /// state dict.
    #[error("{}: {fault}", At(path))]
    Format {
        /// The file.
        path: PathBuf,
        /// What the format's reader or writer said.
        fault: Fault,
    },
    /// The operating system refused.
    #[error("{}: cannot {action}: {source}", At(path))]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was tried: `open`, `write 4096 bytes at 8192`.
        action: String,
        /// Why it failed.
        source: io::Error,
    },
    /// The component ran into one of the caps on it.
    #[error("{}: the sandbox was stopped: {reason}", At(path))]
    Stopped {
        /// The file it worked on.
        path: PathBuf,
        /// Which cap, and its value.
        reason: String,
        /// The field of [`Limits`](crate::Limits) that is the cap, if it is one of them.
        limit: Option<&'static str>,
    },
    /// The component answered what cannot be true. Nothing it said was used.
    #[error("{}: the component gave an answer that cannot be true: {what}", At(path))]
    Untrue {
        /// The file it worked on.
        path: PathBuf,
        /// The claim.
        what: String,
    },
    /// A payload is not what it was when it was written.
    #[error(
        "{}: {part}{}: {length} bytes at offset {offset} have checksum {found:08x}, expected {expected:08x}: \
         the file was damaged after it was written",
        At(path),
        Holding(tensors)
    )]
    Checksum {
        /// The file.
        path: PathBuf,
        /// The part of it: `model/data/0`.
        part: String,
        /// The paths of tensors whose elements are there: the first few.
        tensors: Vec<String>,
        /// Bytes from the start of the file.
        offset: u64,
        /// Bytes.
        length: u64,
        /// CRC-32 as recorded.
        expected: u32,
        /// CRC-32 as computed.
        found: u32,
    },
    /// A file changed while it was read: what was read may be of two files, and nothing
    /// was made of it.
    #[error("{}: the file {how}, while it was read", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// What happened to it.
        how: String,
    },
    /// What was to be written would not have been read as what it is. Nothing was written.
    #[error("{}: nothing was written, as it could not be read again as it is: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the reader said, or the first place where it read something else.
        reason: String,
    },
    /// Writing a state dict would do something else than the file does that it is of:
    /// nodes say what calls make, not when they are made. Nothing was written.
    #[error("{}: it cannot be written again as what it is: {finding}", At(path))]
    Irreproducible {
        /// The file that the state dict is of.
        path: PathBuf,
        /// Where its pickle is carried out in a way in which none is written.
        finding: Box<Finding>,
        /// Whether it has tensors, which can be written without the rest.
        tensors: bool,
    },
    /// A directory is not a whole checkpoint.
    #[error("{}: {reason}", At(path))]
    Checkpoint {
        /// The directory, or the file in it.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// A directory that was to be a checkpoint has no commit record.
    #[error("{}: it has no commit record (`strongroom.json`): it is {kind}", path.display())]
    NotCommitted {
        /// The directory.
        path: PathBuf,
        /// What it is, as far as the names in it say.
        kind: DirectoryKind,
    },
    /// A commit record is of a later version than this program knows.
    #[error(
        "{}: the record's version {version} is newer than this program's {supported}: upgrade it",
        At(path)
    )]
    Newer {
        /// The record.
        path: PathBuf,
        /// Its version.
        version: u32,
        /// The newest that can be read.
        supported: u32,
    },
    /// Somebody replaced or removed a checkpoint between the opening of two of its
    /// files.
    #[error("{}: it was replaced or removed while it was read: open it again", At(path))]
    Replaced {
        /// The directory.
        path: PathBuf,
    },
    /// There is a checkpoint at the path of a new one, and replacing it was not asked for.
    #[error("{}: something is here already", At(path))]
    Exists {
        /// The path.
        path: PathBuf,
    },
    /// A rank failed, and so did the save.
    #[error("rank {rank}: {source}")]
    Rank {
        /// Which.
        rank: usize,
        /// Why.
        source: Box<Error>,
    },
    /// What another rank said of its failure.
    #[error("{0}")]
    Remote(String),
    /// Another rank took no part in a save, because one before had failed there.
    #[error("took no part: {0}")]
    GaveUp(String),
    /// The ranks of a save do not save the same, or not in the same way. Nothing was
    /// committed.
    #[error("the ranks disagree on {what}: {}", Sides(sides))]
    Disagree {
        /// On what: `world size`, `the contents of tensors`.
        what: String,
        /// What some have, and which.
        sides: Vec<(String, Vec<usize>)>,
        /// Whether it is on what they have of a state dict that all of them share; else it
        /// is on how they save.
        shared: bool,
    },
    /// Ranks that others wait for did not come.
    #[error("barrier {barrier}: missing ranks: {}: {absence}", Listed(ranks))]
    Missing {
        /// The barrier: its kind, and where it is.
        barrier: String,
        /// Which.
        ranks: Vec<usize>,
        /// What is known of them.
        absence: Absence,
    },
    /// The place where ranks meet cannot be reached, or not any more.
    #[error("barrier {barrier}: {reason}")]
    Unreachable {
        /// The barrier: its kind, and where it is.
        barrier: String,
        /// What happened.
        reason: String,
    },
    /// What ranks claim to be cannot be together: their worlds differ in size, or two
    /// are the same rank.
    #[error("barrier {barrier}: {reason}")]
    Conflict {
        /// The barrier: its kind, and where it is.
        barrier: String,
        /// Who claims what.
        reason: String,
    },
    /// A hook failed.
    #[error(
        "{}: the hook `{hook}` failed {}: {source}",
        At(path),
        if *committed { "after the commit, and the checkpoint is there" } else { "before the commit" }
    )]
    Hook {
        /// The checkpoint's directory.
        path: PathBuf,
        /// The hook's name.
        hook: String,
        /// Whether the checkpoint was committed before it failed.
        committed: bool,
        /// Why.
        source: HookError,
    },
    /// A step after the commit failed: the checkpoint is there.
    #[error("{source} (the checkpoint is there)")]
    Committed {
        /// The checkpoint's directory.
        path: PathBuf,
        /// Why.
        source: Box<Error>,
    },
    /// This rank did not hear whether rank 0 has committed.
    #[error("{source} (the checkpoint may be there)")]
    Unheard {
        /// The checkpoint's directory.
        path: PathBuf,
        /// Why.
        source: Box<Error>,
    },
    /// A file is no component that can be a hook.
    #[error("{}: expected a component that exports {expected}: {}", At(path), Plain(reason))]
    NotAHook {
        /// The file.
        path: PathBuf,
        /// What a hook exports: an interface of `wit/hook/hook.wit`.
        expected: &'static str,
        /// What is missing, or too much.
        reason: String,
    },
    /// A component is to run that is not shipped, and nothing here can compile it.
    #[error(
        "{}: this build of strongroom runs no components but its own: one that does is built with \
         the feature `compiler`",
        At(path)
    )]
    NoCompiler {
        /// The component.
        path: PathBuf,
    },
    /// There is not enough space for what is to be written.
    #[error("{}: {needed} bytes are needed, and {available} are available", At(path))]
    Space {
        /// The file.
        path: PathBuf,
        /// Bytes.
        needed: u64,
        /// Bytes.
        available: u64,
    },
    /// A checkpoint lacks keys that were asked for.
    #[error("{}: {} missing: {}", At(path), if keys.len() == 1 { "a key is" } else { "keys are" }, keys.join(", "))]
    MissingKeys {
        /// The file.
        path: PathBuf,
        /// The keys, as `a.b[0]`.
        keys: Vec<String>,
    },
    /// A value in a checkpoint is not of the kind asked for.
    #[error("{}: {key}: expected {expected}, found {found}", At(path))]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// The key, as `a.b[0]`.
        key: String,
        /// What was asked for.
        expected: String,
        /// What is there.
        found: String,
    },
    /// The checkpoint process did not do its work.
    #[error("the checkpoint process {reason}{}", LastWords(last_words))]
    Process {
        /// What happened.
        reason: String,
        /// The end of what it wrote to stderr.
        last_words: String,
    },
    /// A save in the background failed.
    #[error("the save of {}: {source}", At(path))]
    Save {
        /// The checkpoint's directory.
        path: PathBuf,
        /// Why.
        source: Arc<Error>,
    },
    /// The component or the machine it runs on could not be set up.
    #[error("cannot set up the sandbox: {0}")]
    Setup(String),
    /// A value that a state dict or a tensor cannot have.
    #[error("{0}")]
    Value(String),
}

/// A result whose error is [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// What is known of ranks that did not come.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Absence {
    /// They were waited for so long.
    Late(Duration),
    /// They came before, and gave no sign of life for so long.
    Silent(Duration),
    /// They have taken leave, or were seen to end.
    Ended,
}

/// What a format's reader or writer found wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The bytes contradict their format.
    Malformed(Finding),
    /// The bytes are legal, but of a kind this version does not handle.
    Unsupported(Finding),
    /// The file ends before what it promises.
    Truncated(Finding),
    /// A cap was reached; nothing is known about the rest of the file.
    Limit {
        /// Bytes from the start of the file.
        offset: u64,
        /// The field of [`FormatLimits`](crate::FormatLimits) that caps it.
        limit: String,
        /// Its value.
        allowed: u64,
    },
    /// The values the format cannot hold: their paths, and why.
    Unrepresentable(Vec<Unfit>),
    /// The component says it was driven wrongly.
    Misuse(String),
}

/// Where a file differs from its format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Bytes from the start of the file.
    pub offset: u64,
    /// The part of the file: a record's name, or `zip directory`, `header`.
    pub part: String,
    /// What the format asks for there.
    pub expected: String,
    /// What is there.
    pub found: String,
}

/// A value a format cannot hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// Where in the state dict.
    pub path: String,
    /// Why not.
    pub reason: String,
}

/// Why a hook failed.
pub type HookError = Box<dyn std::error::Error + Send + Sync>;

impl Error {
    /// Whether a save that failed so was committed all the same: only what came
    /// after the commit failed.
    pub fn is_committed(&self) -> bool {
        match self {
            Self::Hook { committed, .. } => *committed,
            Self::Committed { .. } => true,
            Self::Save { source, .. } => source.is_committed(),
            Self::Rank { source, .. } => source.is_committed(),
            _ => false,
        }
    }

    /// Whether it is but the echo of an earlier failure, of which another rank told.
    pub(crate) fn is_echo(&self) -> bool {
        match self {
            Self::GaveUp(_) => true,
            Self::Save { source, .. } => source.is_echo(),
            Self::Rank { source, .. } => source.is_echo(),
            _ => false,
        }
    }

    /// Whether ranks have parted: they do not meet any more unless all join anew.
    pub(crate) fn parts_ranks(&self) -> bool {
        match self {
            Self::Missing { absence, .. } => !matches!(absence, Absence::Late(_)),
            Self::Unreachable { .. } | Self::Conflict { .. } => true,
            Self::Rank { source, .. } | Self::Committed { source, .. } | Self::Unheard { source, .. } => {
                source.parts_ranks()
            }
            Self::Save { source, .. } => source.parts_ranks(),
            _ => false,
        }
    }

    /// What the operating system refused: `path: cannot {action}: {source}`.
    pub fn io(path: &Path, action: impl Into<String>, source: io::Error) -> Self {
        Self::Io { path: path.into(), action: action.into(), source }
    }

    pub(crate) fn untrue(path: &Path, what: impl Into<String>) -> Self {
        Self::Untrue { path: path.into(), what: what.into() }
    }

    pub(crate) fn format(path: &Path, fault: impl Into<Fault>) -> Self {
        Self::Format { path: path.into(), fault: fault.into() }
    }

    #[cfg(feature = "compiler")]
    pub(crate) fn not_a_hook(path: &Path, reason: String) -> Self {
        let expected = "strongroom:hook/writer-hook@0.1.0";
        Self::NotAHook { path: path.into(), expected, reason }
    }

    /// The same of what is at a path, by another name of it.
    pub(crate) fn renamed(mut self, name: impl FnOnce(&Path) -> PathBuf) -> Self {
        if let Self::Io { path, .. }
        | Self::Checkpoint { path, .. }
        | Self::Newer { path, .. }
        | Self::Replaced { path } = &mut self
        {
            *path = name(path);
        }
        self
    }

    pub(crate) fn checkpoint(path: &Path, reason: impl Into<String>) -> Self {
        Self::Checkpoint { path: path.into(), reason: reason.into() }
    }
}

impl fmt::Display for Absence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late(waited) => write!(f, "did not come within {} s", waited.as_secs_f64()),
            Self::Silent(silence) => write!(f, "no sign of life for {:.1} s", silence.as_secs_f64()),
            Self::Ended => f.write_str("ended"),
        }
    }
}

/// Ranks, for a sentence: of very many the first, and how many more.
pub(crate) struct Listed<'l>(pub(crate) &'l [usize]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 64;
        let ranks: Vec<String> = self.0.iter().take(MOST).map(ToString::to_string).collect();
        f.write_str(&ranks.join(", "))?;
        match self.0.len().saturating_sub(MOST) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// What some ranks have, and others, for an error.
struct Sides<'s>(&'s [(String, Vec<usize>)]);

impl fmt::Display for Sides<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (value, ranks)) in self.0.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            match ranks.as_slice() {
                [rank] => write!(f, "{comma}rank {rank} has {value}")?,
                [first, second] => write!(f, "{comma}ranks {first} and {second} have {value}")?,
                ranks => write!(f, "{comma}ranks {} have {value}", Listed(ranks))?,
            }
        }
        Ok(())
    }
}

/// Tensors, for an error about what holds them.
struct Holding<'t>(&'t [String]);

impl fmt::Display for Holding<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tensors: Vec<String> = self.0.iter().map(|path| Plain(path).to_string()).collect();
        match tensors.as_slice() {
            [] => Ok(()),
            [tensor] => write!(f, ", tensor {tensor}"),
            tensors => write!(f, ", tensors {}", tensors.join(", ")),
        }
    }
}

/// What a process said before it ended, on lines of their own.
struct LastWords<'l>(&'l str);

impl fmt::Display for LastWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.trim() {
            "" => Ok(()),
            words => write!(f, "; its last words:\n{words}"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(finding) => write!(f, "malformed {finding}"),
            Self::Unsupported(finding) => write!(f, "unsupported {finding}"),
            Self::Truncated(finding) => write!(f, "truncated {finding}"),
            Self::Limit { offset, limit, allowed } => {
                write!(f, "offset {offset}: the limit `{limit}` of {allowed} was reached")
            }
            Self::Unrepresentable(unfit) => {
                let plural = if unfit.len() == 1 { "value does" } else { "values do" };
                write!(f, "{} {plural} not fit the format:", unfit.len())?;
                unfit.iter().try_for_each(|Unfit { path, reason }| {
                    let path = if path.is_empty() { "(the root)" } else { path };
                    write!(f, "\n  {}: {}", Plain(path), Plain(reason))
                })
            }
            Self::Misuse(what) => write!(f, "the component was driven wrongly: {}", Plain(what)),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offset, part, expected, found } = self;
        let [part, expected, found] = [part, expected, found].map(|text| Plain(text));
        write!(f, "{part}, offset {offset}: expected {expected}, found {found}")
    }
}

/// A path in an error, which is never nothing.
struct At<'p>(&'p Path);

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.as_os_str().is_empty() { f.write_str("\"\"") } else { self.0.display().fmt(f) }
    }
}

/// Text of a component that may have been taken over, without what would
/// control a terminal.
pub(crate) struct Plain<'t>(pub(crate) &'t str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| {
            if c.is_control() { write!(f, "{}", c.escape_default()) } else { write!(f, "{c}") }
        })
    }
}
