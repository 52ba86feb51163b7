//! Who may do what with a file or directory.

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::Path;

/// The mode and the owner of what is replaced, which its successor gets: a file that only
/// its owner may read stays one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Access {
    mode: u32,
    owner: u32,
    group: u32,
}

impl Access {
    /// Of what is at `path`; none if nothing is.
    pub(super) fn of(path: &Path) -> io::Result<Option<Self>> {
        match path.symlink_metadata() {
            Ok(there) => {
                Ok(Some(Self { mode: there.mode() & 0o7777, owner: there.uid(), group: there.gid() }))
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The same, and its owner may do all with it: for a directory that is yet to be filled.
    pub(super) fn while_written(self) -> Self {
        Self { mode: self.mode | 0o700, ..self }
    }

    /// Gives them to another. Who may not give a file to its owner or group keeps it, and
    /// opens it to nobody else for that.
    pub(super) fn give(self, file: &File) -> io::Result<()> {
        let now = file.metadata()?;
        let owner = now.uid() == self.owner || fchown(file, Some(self.owner), None).is_ok();
        let group = now.gid() == self.group || fchown(file, None, Some(self.group)).is_ok();
        let mut mode = self.mode;
        if !owner {
            mode &= !SET_UID;
        }
        if !group {
            let others = mode & 0o007;
            mode &= !SET_GID & !(0o070 & !(others << 3));
        }
        // A new owner costs a file these bits.
        if file.metadata()?.mode() & 0o7777 == mode {
            return Ok(());
        }
        file.set_permissions(Permissions::from_mode(mode))
    }
}

const SET_UID: u32 = 0o4000;
const SET_GID: u32 = 0o2000;
