//! Files that nobody can change, as `chattr +i` makes them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Until it is dropped.
pub struct Immutable(PathBuf);

impl Immutable {
    /// None where that is not permitted, or the file system has no such thing.
    pub fn make(path: &Path) -> Option<Self> {
        chattr("+i", path).then(|| Self(path.into()))
    }
}

impl Drop for Immutable {
    fn drop(&mut self) {
        chattr("-i", &self.0);
    }
}

fn chattr(change: &str, path: &Path) -> bool {
    Command::new("chattr").arg(change).arg(path).output().is_ok_and(|output| output.status.success())
}
