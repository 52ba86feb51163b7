//! The links under a directory.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::place::Place;
use crate::store::Link;
use crate::{Error, Result};

/// Tells of each link under `root`, and answers why there may be others, if there may.
///
/// Names that are hidden count, and what others have mounted there: whoever follows such a link
/// finds what it leads to.
pub(super) fn under(root: &Path, found: &mut dyn FnMut(Link)) -> Result<Option<Error>> {
    up_to(MOST, root, found)
}

fn up_to(most: usize, root: &Path, found: &mut dyn FnMut(Link)) -> Result<Option<Error>> {
    let mut walk = Walk { found, left: most, directories: vec![root.into()], unseen: None };
    while let Some(directory) = walk.directories.pop() {
        let listed = walk.list(&directory);
        walk.seen(listed)?;
        if walk.left == 0 {
            let reason = format!("there are at least {most} names in it, and no more are looked at");
            return Ok(Some(Error::checkpoint(root, reason)));
        }
    }
    Ok(walk.unseen)
}

struct Walk<'w> {
    found: &'w mut dyn FnMut(Link),
    /// So many more names are looked at.
    left: usize,
    /// What is yet to be listed: no recursion, as anybody can make a directory in a directory.
    directories: Vec<PathBuf>,
    /// The first that who asks may not see.
    unseen: Option<Error>,
}

impl Walk<'_> {
    /// Goes through one directory, and tells of the links in it.
    fn list(&mut self, directory: &Path) -> Result<()> {
        let failed = |source| Error::io(directory, "list", source);
        let entries = match fs::read_dir(directory) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied && is_of_fsck(directory) => {
                return Ok(());
            }
            entries => entries.map_err(failed)?,
        };
        for entry in entries {
            let entry = entry.map_err(failed)?;
            self.left = self.left.saturating_sub(1);
            if self.left == 0 {
                break;
            }
            let kind = match entry.file_type() {
                // It went while it was looked at.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                kind => kind.map_err(failed)?,
            };
            if kind.is_dir() {
                self.directories.push(entry.path());
            } else if kind.is_symlink() {
                self.follow(entry.path())?;
            }
        }
        Ok(())
    }

    fn follow(&mut self, path: PathBuf) -> Result<()> {
        let passed = Place::of(&path).and_then(|place| place.passed());
        // Where a mount does not answer that a link leads to, nobody knows what it leads to.
        let (passed, unanswered) = match passed {
            Err(error @ Error::Io { .. }) if !leads_nowhere(&error) => (None, Some(error)),
            passed => (self.seen(passed)?, None),
        };
        self.unseen = self.unseen.take().or(unanswered);
        if let Some(passed) = passed {
            (self.found)(Link { path, passed });
        }
        Ok(())
    }

    /// What was seen. What is not there leads nowhere, and no link does that leads to itself. What
    /// who asks may not see may lead anywhere. That a disk does not give it is an error.
    fn seen<T>(&mut self, looked: Result<T>) -> Result<Option<T>> {
        let error = match looked {
            Ok(seen) => return Ok(Some(seen)),
            Err(error) => error,
        };
        let Error::Io { source, .. } = &error else { return Err(error) };
        let may_lead_anywhere = matches!(
            source.kind(),
            ErrorKind::PermissionDenied | ErrorKind::Unsupported | ErrorKind::InvalidFilename
        );
        match (leads_nowhere(&error), may_lead_anywhere) {
            (true, _) => {}
            (false, true) => self.unseen = self.unseen.take().or(Some(error)),
            (false, false) => return Err(error),
        }
        Ok(None)
    }
}

/// Whether an error says that nothing is there.
fn leads_nowhere(error: &Error) -> bool {
    let Error::Io { source, .. } = error else { return false };
    matches!(source.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
        || source.raw_os_error() == Some(Errno::LOOP.raw_os_error())
}

/// Whether it is where a file system puts what had lost its name, which only root may list: it is at
/// the top of a disk, and nobody links from there.
fn is_of_fsck(directory: &Path) -> bool {
    directory.ends_with("lost+found") && fs::metadata(directory).is_ok_and(|there| there.uid() == 0)
}

/// Names that are looked at: those of some hundred thousand checkpoints, in about a second.
const MOST: usize = 1_000_000;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_is_too_much_is_said_to_be() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("a")).unwrap();
        for name in ["a/1", "a/2", "a/3"] {
            symlink("nowhere", directory.path().join(name)).unwrap();
        }
        let mut found = 0;
        let mut look = |most| up_to(most, directory.path(), &mut |_| found += 1).unwrap();
        assert!(look(5).is_none());
        assert!(look(4).unwrap().to_string().contains("at least 4 names"));
        assert!(found >= 3);
    }
}
