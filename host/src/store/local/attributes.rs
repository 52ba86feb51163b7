//! Extended attributes: the lists of who may do what, and what users have noted.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use rustix::fs::{XattrFlags, fremovexattr, fsetxattr, getxattr, listxattr};
use rustix::io::Errno;

/// Those of a file or directory that its successor gets.
#[derive(Clone, Debug, Default)]
pub(super) struct Attributes {
    /// Who may do what, beside the owner, the group and all others. The bits of the group are
    /// then the most that anybody of the list may, and not what the group may.
    list: Option<Vec<u8>>,
    /// The list that new files in a directory get.
    of_new: Option<Vec<u8>>,
    /// What users have noted.
    notes: Vec<(OsString, Vec<u8>)>,
}

impl Attributes {
    /// Of what is at `path`.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let mut attributes = Self::default();
        for name in names(path)? {
            let is_note = name.as_bytes().starts_with(NOTE);
            if !is_note && name != LIST && name != OF_NEW {
                continue;
            }
            let mut value = vec![0; LONGEST];
            let length = match getxattr(path, &name, &mut value[..]) {
                // It went meanwhile, or the file did.
                Err(Errno::NODATA | Errno::NOENT | Errno::NOTDIR) => continue,
                // Who may replace a file need not be one who may read it.
                Err(Errno::ACCESS | Errno::PERM) if is_note => continue,
                length => length?,
            };
            value.truncate(length);
            if is_note {
                attributes.notes.push((name, value));
            } else if name == LIST {
                attributes.list = Some(value);
            } else {
                attributes.of_new = Some(value);
            }
        }
        Ok(attributes)
    }

    /// Whether there is a list of who may do what.
    pub(super) fn has_list(&self) -> bool {
        self.list.is_some()
    }

    /// Gives the list to another, or takes away the one that it has from the directory it was
    /// made in. Whether it is as it was.
    pub(super) fn give_list(&self, file: &File) -> bool {
        give(file, LIST, self.list.as_deref())
    }

    /// Gives it the rest, as far as its file system can keep that.
    pub(super) fn give_rest(&self, file: &File) {
        give(file, OF_NEW, self.of_new.as_deref());
        for (name, value) in &self.notes {
            let _ = fsetxattr(file, name, value, XattrFlags::empty());
        }
    }
}

fn give(file: &File, name: &str, value: Option<&[u8]>) -> bool {
    match value {
        Some(value) => fsetxattr(file, name, value, XattrFlags::empty()).is_ok(),
        // Most often it has none, or its file system knows no such lists.
        None => !matches!(fremovexattr(file, name), Err(Errno::PERM | Errno::ACCESS)),
    }
}

fn names(path: &Path) -> io::Result<Vec<OsString>> {
    let mut names = vec![0; LONGEST];
    let length = match listxattr(path, &mut names[..]) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::NOENT | Errno::NOTDIR) => 0,
        length => length?,
    };
    names.truncate(length);
    let names = names.split(|&byte| byte == 0).filter(|name| !name.is_empty());
    Ok(names.map(|name| OsString::from_vec(name.to_vec())).collect())
}

const LIST: &str = "system.posix_acl_access";
const OF_NEW: &str = "system.posix_acl_default";
const NOTE: &[u8] = b"user.";

/// What the kernel allows for all names, and for one value.
const LONGEST: usize = 64 << 10;
