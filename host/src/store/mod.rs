//! Where files are: a small trait that knows no format, and its backends.

mod local;
mod memory;
mod metered;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use local::Local;
pub(crate) use local::is_unfinished;
pub use memory::Memory;
pub use metered::{Meter, Metered};

use crate::{Error, Result};

/// A place that holds files and checkpoint directories.
///
/// Nothing that is being written is ever visible under its final name, so an
/// object store can stand behind it: a [`Sink`] is then a multipart upload, a
/// [`Stage`] a prefix, and its commit one conditional PUT.
pub trait Store: fmt::Debug + Send + Sync {
    /// Opens a file for reading at any place.
    fn open(&self, path: &Path) -> Result<Arc<dyn Source>>;

    /// Whether there is a file or a directory at `path`.
    fn exists(&self, path: &Path) -> Result<bool>;

    /// What is at `path`, or at the end of the links that it is. None if nothing is.
    fn look(&self, path: &Path) -> Result<Option<Found>>;

    /// `path` without links: where a file or directory of this name is, or would be.
    fn real(&self, path: &Path) -> Result<PathBuf>;

    /// Whether a file of this name would be written into what is there, be it a pipe or a
    /// file that somebody has open, rather than replace it.
    fn is_stream(&self, _path: &Path) -> Result<bool> {
        Ok(false)
    }

    /// Starts a file of `length` bytes, which replaces `path` when finished. Directories
    /// that are missing above it are made, and removed again if it is not finished.
    fn create(&self, path: &Path, length: u64) -> Result<Box<dyn Sink>>;

    /// What is directly under the directory `path`, in no order.
    fn list(&self, path: &Path) -> Result<Vec<Entry>>;

    /// Tells of each link under the directory `root`, however deep, that leads somewhere. Answers
    /// why there may be others that it cannot tell of, if there may: who asks may not see all of
    /// what is there, or there is too much.
    fn links(&self, root: &Path, found: &mut dyn FnMut(Link)) -> Result<Option<Error>>;

    /// Bytes that can still be written under `path`, if that is known.
    fn available(&self, path: &Path) -> Result<Option<u64>>;

    /// Removes directories directly under the directory `root`: those of the names that `which`
    /// answers at a moment when nobody can commit there. Each goes in one step: nobody sees a part
    /// of it. Then `contents` is asked, with its name and where it is now, which files are in it:
    /// those are deleted, and nothing else. After an error it has its name again.
    ///
    /// What came of each of them, those aside that somebody else has removed. After an error none was
    /// removed.
    fn remove(&self, root: &Path, which: &Which<'_>, contents: &Files<'_>) -> Result<Vec<Removal>>;

    /// Why all of the directory `path` cannot be removed by who asks, as far as that is known
    /// without trying.
    fn undeletable(&self, _path: &Path) -> Result<Option<String>> {
        Ok(None)
    }

    /// Starts, or joins, the checkpoint directory that will appear at `path`, and makes
    /// what is missing above it.
    /// All ranks of a save pass the same `token` and meet in one stage.
    fn stage(&self, path: &Path, token: &str) -> Result<Box<dyn Stage>>;

    /// What writes and removals that died have left directly under the directory `root`.
    fn leftovers(&self, root: &Path) -> Result<Vec<PathBuf>>;

    /// Removes that, and nothing that one alive works on. Goes on after what cannot be
    /// removed.
    fn tidy(&self, root: &Path) -> Result<Tidied>;
}

/// Answers which directories are to be removed.
pub type Which<'w> = dyn Fn() -> Result<Vec<OsString>> + 'w;

/// Answers which files are in a directory of that name, which is at that path.
pub type Files<'f> = dyn Fn(&OsStr, &Path) -> Result<Vec<OsString>> + 'f;

/// The name of a directory that was to be removed, and what came of it.
pub type Removal = (OsString, Result<()>);

/// What came of removing what the dead have left.
#[derive(Debug, Default)]
pub struct Tidied {
    /// What was removed.
    pub removed: Vec<PathBuf>,
    /// What could not be, and why.
    pub failed: Vec<Error>,
}

/// A file that can be read at any place, by many threads at once.
pub trait Source: fmt::Debug + Send + Sync {
    /// Its path, for errors.
    fn path(&self) -> &Path;

    /// Bytes.
    fn length(&self) -> u64;

    /// Fills `buffer` from `offset` on; an error if the file ends before.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()>;

    /// All its bytes without copying them, where the backend can; `None` where not.
    fn bytes(&self) -> Result<Option<Shared<'static>>>;

    /// [`Error::Changed`] if it was changed since it was opened:
    /// what was read of it may then be of two files. Asked when all is read, and before
    /// anything is made of it. That another file has its name by now is no change.
    ///
    /// As it stands here it is for what cannot change, and for memory that its owner
    /// does not change meanwhile.
    fn unchanged(&self) -> Result<()> {
        Ok(())
    }
}

/// A file being written at any place, by many threads at once. Dropped
/// unfinished, it is gone.
pub trait Sink: fmt::Debug + Send + Sync {
    /// Its final path, for errors.
    fn path(&self) -> &Path;

    /// The same without links: they are followed once, when it is started.
    fn place(&self) -> &Path {
        self.path()
    }

    /// Puts `bytes` at `offset`.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<()>;

    /// Makes the file complete; with `durable`, proof against a power cut first.
    fn finish(self: Box<Self>, durable: bool) -> Result<()>;
}

/// A checkpoint directory before it is committed.
pub trait Stage: fmt::Debug + Send + Sync {
    /// Where the directory will appear, for errors.
    fn path(&self) -> &Path;

    /// The same without links: they are followed once, when the stage is made.
    fn place(&self) -> &Path {
        self.path()
    }

    /// Starts the file `name` of `length` bytes in it.
    fn create(&self, name: &str, length: u64) -> Result<Box<dyn Sink>>;

    /// Opens a file in it that was finished.
    fn open(&self, name: &str) -> Result<Arc<dyn Source>>;

    /// Where its files are on this machine until it is committed, if they are.
    fn directory(&self) -> Option<&Path>;

    /// Makes the directory appear, in one step and durably. If something is at its path,
    /// `may_replace` is asked when nobody else can replace it: its error is that of the
    /// commit, and otherwise what was there is gone in the same step. After an error,
    /// what was at its path still is.
    fn commit(&self, may_replace: &dyn Fn() -> Result<()>) -> Result<()>;

    /// Removes everything staged.
    fn discard(&self) -> Result<()>;
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The name, without the directory.
    pub name: OsString,
    /// Whether it is a directory itself, and not a link to one.
    pub directory: bool,
    /// Bytes of a file, or of the file that a link leads to. 0 for a directory.
    pub length: u64,
    /// What it names, if it is a link.
    pub link: Option<PathBuf>,
}

/// A link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Where it is.
    pub path: PathBuf,
    /// What it leads through, links and directories among them, each without links above it, and
    /// last what it leads to.
    pub passed: Vec<PathBuf>,
}

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Whether it is a directory.
    pub directory: bool,
    /// Bytes, if it is a file.
    pub length: u64,
    /// What two paths share if and only if they lead to the same, where the store has
    /// such: on a file system device and inode.
    pub identity: Option<(u64, u64)>,
}

/// Bytes that several owners look at.
pub type Shared<'a> = Arc<dyn AsRef<[u8]> + Send + Sync + 'a>;
