//! A directory that no other user has a hand in.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, fstat, mkdirat, openat, renameat, unlinkat,
};
use rustix::process::geteuid;

use crate::random::random;

/// Every directory on its path belongs to this user or to root, can be written by nobody else,
/// and is no link. All that happens in it goes by what is open.
pub(super) struct Directory(OwnedFd);

/// A file that is open.
pub(super) struct Private(OwnedFd);

impl Directory {
    /// Opens a directory by its absolute path, making what is missing. None where anything on the
    /// way could be another user's.
    pub(super) fn open(path: PathBuf) -> Option<Self> {
        let mut here = openat(CWD, "/", DIRECTORY, Mode::empty()).ok()?;
        for step in path.components() {
            let name = match step {
                Component::RootDir => continue,
                Component::Normal(name) => name,
                Component::CurDir | Component::ParentDir | Component::Prefix(_) => return None,
            };
            let open = || openat(&here, name, DIRECTORY, Mode::empty());
            let next = open().or_else(|_| {
                // Only below what is this user's own; what fails here fails to open.
                let _ = is_own(&fstat(&here)?).then(|| mkdirat(&here, name, Mode::RWXU));
                open()
            });
            here = next.ok()?;
            if !is_guarded(&fstat(&here).ok()?) {
                return None;
            }
        }
        is_own(&fstat(&here).ok()?).then_some(Self(here))
    }

    /// A file of this user's that nobody else can write.
    pub(super) fn private_file(&self, name: &str) -> Option<Private> {
        let file = openat(&self.0, name, FILE | OFlags::RDONLY, Mode::empty()).ok()?;
        let stat = fstat(&file).ok()?;
        let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        (is_file && is_own(&stat) && stat.st_mode & OTHERS_WRITE == 0).then_some(Private(file))
    }

    /// Writes a file beside its place and moves it there: a reader sees all or nothing.
    pub(super) fn keep(&self, name: &str, bytes: &[u8]) -> Option<()> {
        self.remove_leftovers();
        let new = format!("{name}.{}{NEW}", random());
        let flags = FILE | OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let mut file = File::from(openat(&self.0, new.as_str(), flags, Mode::RUSR | Mode::WUSR).ok()?);
        // On disk before it has its name: after a crash it must not be half there.
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        let moved = written.and_then(|()| Ok(renameat(&self.0, new.as_str(), &self.0, name)?));
        if moved.is_err() {
            let _ = unlinkat(&self.0, new.as_str(), AtFlags::empty());
        }
        moved.ok()
    }

    /// Removes what processes that died while they kept something have left.
    fn remove_leftovers(&self) {
        for entry in Dir::read_from(&self.0).into_iter().flatten().flatten() {
            let is_old = || {
                let stat = rustix::fs::statat(&self.0, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW).ok()?;
                let modified = Duration::from_secs(u64::try_from(stat.st_mtime).ok()?);
                let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
                Some(now.saturating_sub(modified) > LONGEST_WRITE)
            };
            if entry.file_name().to_bytes().ends_with(NEW.as_bytes()) && is_old() == Some(true) {
                // What stays is tried again when something is next kept.
                let _ = unlinkat(&self.0, entry.file_name(), AtFlags::empty());
            }
        }
    }
}

impl Private {
    /// A path to this very file, as long as it is open.
    pub(super) fn path(&self) -> impl AsRef<Path> {
        format!("/proc/self/fd/{}", self.0.as_fd().as_raw_fd())
    }
}

fn is_own(stat: &Stat) -> bool {
    stat.st_uid == geteuid().as_raw()
}

/// Whether nobody but this user and root can put something into a directory or take it out. In
/// `/tmp` everybody can put something, but not over what is there.
fn is_guarded(stat: &Stat) -> bool {
    let owner = is_own(stat) || stat.st_uid == 0;
    owner && (stat.st_mode & OTHERS_WRITE == 0 || stat.st_mode & STICKY != 0)
}

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// A FIFO is not waited on.
const FILE: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);
const OTHERS_WRITE: u32 = 0o022;
const STICKY: u32 = 0o1000;

/// How the name of a file ends until it is whole.
const NEW: &str = ".new";

/// How long a process may take to write two megabytes.
const LONGEST_WRITE: Duration = Duration::from_secs(60 * 60);
