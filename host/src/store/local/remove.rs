//! Directories that are removed.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::hidden::Kind;
use super::lock::{Names, claim};
use super::place::Place;
use super::under_way::hold;
use crate::store::{Files, Removal, Which};
use crate::{Error, Result};

/// Removes the directories that `which` names, and in them what `contents` names.
pub(super) fn remove(root: &Path, which: &Which<'_>, contents: &Files<'_>) -> Result<Vec<Removal>> {
    let root = Place::of(root)?.path;
    let _working = hold().working(&root, None);
    let names = Names::of(&root)?;
    let going = which()?;
    // Whoever ends this process waits until all of them have gone, and knows then which did.
    let under_way = hold();
    let (mut moved, mut removals) = (Vec::new(), Vec::new());
    for name in going {
        match Moved::away(&root, &name, contents) {
            // Somebody else removes, too.
            Ok(None) => {}
            Ok(Some(directory)) => moved.push(directory),
            Err(error) => removals.push((name, Err(error))),
        }
    }
    if let Err(error) = names.sync() {
        // What an error is said of is still there.
        moved.iter().for_each(|directory| drop(directory.put_back()));
        return Err(error);
    }
    drop(under_way);
    drop(names);
    for directory in moved {
        let deleted = directory.delete();
        removals.push((directory.name.clone(), Ok(())));
        removals.extend(deleted.err().map(|error| (directory.name, Err(error))));
    }
    Ok(removals)
}

/// A directory that is nobody's any more.
struct Moved {
    name: OsString,
    /// Where it was.
    place: PathBuf,
    hidden: PathBuf,
    /// What is deleted with it.
    files: Vec<OsString>,
}

impl Moved {
    /// Takes its name away, and looks what is in it then. None if it is not there any more.
    fn away(root: &Path, name: &OsStr, contents: &Files<'_>) -> Result<Option<Self>> {
        let place = root.join(name);
        let hidden = Kind::Removed.unique(&place, name);
        match fs::rename(&place, &hidden) {
            Err(source) if source.kind() == ErrorKind::NotFound => return Ok(None),
            renamed => renamed.map_err(|source| Error::io(&place, "remove", source))?,
        }
        let mut moved = Self { name: name.into(), place, hidden, files: Vec::new() };
        // A link that has come in its place leads to what somebody has elsewhere.
        let is_directory = fs::symlink_metadata(&moved.hidden).is_ok_and(|there| there.is_dir());
        let files = match is_directory {
            true => contents(name, &moved.hidden),
            false => Err(Error::Replaced { path: moved.place.clone() }),
        };
        match files {
            Ok(files) => moved.files = files,
            Err(error) => {
                moved.put_back()?;
                return Err(error);
            }
        }
        Ok(Some(moved))
    }

    /// Gives it its name again, which takes nobody else's place.
    fn put_back(&self) -> Result<()> {
        let back = match renameat_with(CWD, &self.hidden, CWD, &self.place, RenameFlags::NOREPLACE) {
            // Without flags no directory is replaced that has something in it.
            Err(Errno::INVAL | Errno::NOSYS) => fs::rename(&self.hidden, &self.place),
            renamed => renamed.map_err(io::Error::from),
        };
        back.map_err(|source| Error::io(&self.hidden, "give its name back to", source))
    }

    /// Deletes its files, and it. It is no checkpoint any more: what cannot be deleted is a
    /// leftover. But what has come into it since it was looked at stays, under its name.
    fn delete(&self) -> Result<()> {
        // For others it is no leftover as long as it is not known what is in it.
        let Ok(claimed) = File::open(&self.hidden).map(Arc::new) else { return Ok(()) };
        let mut under_way = hold();
        if !claim(&claimed, &self.hidden).unwrap_or(false) {
            return Ok(());
        }
        let root = self.place.parent().unwrap_or(Path::new("."));
        let _working = under_way.working(root, Some(claimed));
        drop(under_way);
        for name in &self.files {
            let _ = self.delete_file(name);
        }
        match fs::remove_dir(&self.hidden) {
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => {}
            _ => return Ok(()),
        }
        let Some(other) = self.others().next() else { return Ok(()) };
        self.put_back()?;
        let reason = format!("what came into it while it was deleted is still there: `{}`", other.display());
        Err(Error::checkpoint(&self.place, reason))
    }

    fn delete_file(&self, name: &OsStr) -> io::Result<()> {
        let path = self.hidden.join(name);
        match fs::remove_file(&path) {
            // Its owner has said that nothing in it changes.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                fs::set_permissions(&self.hidden, fs::Permissions::from_mode(0o700))?;
                fs::remove_file(&path)
            }
            removed => removed,
        }
    }

    /// The names in it that were not there when it was looked at. A file server keeps what
    /// somebody still reads under a name of its own.
    fn others(&self) -> impl Iterator<Item = OsString> {
        let is_kept = |name: &OsString| KEPT.iter().any(|kept| name.as_encoded_bytes().starts_with(kept));
        let is_other = move |name: &OsString| !self.files.contains(name) && !is_kept(name);
        let entries = fs::read_dir(&self.hidden).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name()).filter(is_other)
    }
}

/// How the names begin that file systems give to what is deleted and still open: NFS and FUSE.
const KEPT: [&[u8]; 2] = [b".nfs", b".fuse_hidden"];
