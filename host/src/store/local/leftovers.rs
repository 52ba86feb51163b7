//! What dead processes have left.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{FlockOperation, OFlags, fstatfs};

use super::hidden::Kind;
use super::lock::{Lock, Names, is_at, take};
use super::sync::parent;
use crate::{Error, Result};

/// How long nothing has changed in what may be removed where locks prove nothing.
const OLD: Duration = Duration::from_secs(24 * 60 * 60);

/// Removes what dead processes have left of the file at `path`. What cannot be removed is
/// only a leftover.
pub(super) fn remove_of_file(path: &Path, name: &OsStr) {
    let Some(mine) = name.to_str().map(|name| format!(".{name}.")) else { return };
    let root = parent(path);
    let of_it = |kind, name: &str| kind == Kind::Partial && name.starts_with(&mine);
    for path in hidden(root, of_it).unwrap_or_default() {
        // Held until it is gone: nobody can begin to use it.
        if let Some(_dead) = dead(&path) {
            let _ = fs::remove_file(&path);
        }
    }
}

/// Removes the directories that dead processes have left directly under `root`. Goes on
/// after one that cannot be removed, and answers the first error.
pub(super) fn remove_directories(root: &Path) -> Result<()> {
    let found = hidden(root, |kind, _| kind != Kind::Partial)?;
    if found.is_empty() {
        return Ok(());
    }
    // While a commit is not on disk yet, what it replaced is hidden, nobody's, and may be
    // taken back.
    let names = Names::of(root)?;
    let dead: Vec<_> = found.into_iter().filter_map(|path| Some((dead(&path)?, path))).collect();
    if dead.is_empty() {
        return Ok(());
    }
    // Whoever died may have moved a checkpoint here, which on disk may still have
    // its old name.
    names.sync()?;
    drop(names);
    let mut failure = Ok(());
    for (_held, path) in dead {
        match remove(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                failure = failure.and(Err(Error::io(&path, "remove", source)));
            }
            _ => {}
        }
    }
    failure
}

/// What has a hidden name directly under `root` that `wanted` says yes to.
fn hidden(root: &Path, wanted: impl Fn(Kind, &str) -> bool) -> Result<Vec<PathBuf>> {
    let failed = |source| Error::io(root, "list", source);
    let mut found = Vec::new();
    for entry in fs::read_dir(root).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let name = name.to_str().filter(|name| Kind::of(name).is_some_and(|kind| wanted(kind, name)));
        found.extend(name.map(|name| root.join(name)));
    }
    Ok(found)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path)?.is_dir() {
        true => fs::remove_dir_all(path),
        false => fs::remove_file(path),
    }
}

/// The file or directory, open, if no process uses it any more.
fn dead(path: &Path) -> Option<File> {
    let flags = (OFlags::NONBLOCK | OFlags::NOFOLLOW).bits().cast_signed();
    let file = File::options().read(true).custom_flags(flags).open(path).ok()?;
    match take(&file, FlockOperation::NonBlockingLockExclusive).ok()? {
        Lock::Others => return None,
        Lock::Taken if is_local(&file) => {}
        // Other machines may not see the locks of this one, nor it theirs.
        Lock::Taken | Lock::None => {
            if !is_old(path)? {
                return None;
            }
        }
    }
    is_at(&file, path).ok()?.then_some(file)
}

/// Whether only processes of this machine can use the file.
fn is_local(file: &File) -> bool {
    // From linux/magic.h, where the file systems' own sources do not say it: ext2 to
    // ext4, XFS, Btrfs, F2FS, bcachefs, ZFS, tmpfs, ramfs, overlayfs.
    const LOCAL: [u64; 9] = [
        0xEF53,
        0x5846_5342,
        0x9123_683E,
        0xF2F5_2010,
        0xCA45_1A4E,
        0x2FC1_2FC1,
        0x0102_1994,
        0x8584_58F6,
        0x794C_7630,
    ];
    // The field is as wide as a register, and signed on most machines.
    #[allow(clippy::cast_sign_loss)]
    fstatfs(file).is_ok_and(|status| LOCAL.contains(&(status.f_type as u64 & 0xFFFF_FFFF)))
}

/// Whether nothing has changed in it for long.
fn is_old(path: &Path) -> Option<bool> {
    let changed = |path: &Path| fs::symlink_metadata(path).and_then(|metadata| metadata.modified()).ok();
    let mut newest = changed(path)?;
    for entry in fs::read_dir(path).into_iter().flatten() {
        newest = newest.max(changed(&entry.ok()?.path())?);
    }
    Some(SystemTime::now().duration_since(newest).is_ok_and(|age| age > OLD))
}
