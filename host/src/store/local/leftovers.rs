//! What dead processes have left.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::fs::{FlockOperation, OFlags, flock, fstatfs};
use rustix::io::Errno;

use super::hidden::Kind;
use super::lock::is_at;
use super::sync::sync_directory;
use crate::{Error, Result};

/// How long nothing has changed in what may be removed where locks prove nothing.
const OLD: Duration = Duration::from_secs(24 * 60 * 60);

/// Removes what dead processes have left directly under `root` and `wanted` says yes to.
pub(super) fn remove(root: &Path, wanted: impl Fn(Kind, &str) -> bool) -> Result<()> {
    let failed = |source| Error::io(root, "list", source);
    let mut synced = false;
    for entry in fs::read_dir(root).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let Some(kind) = name.to_str().and_then(|name| Kind::of(name).filter(|&kind| wanted(kind, name)))
        else {
            continue;
        };
        let path = root.join(&name);
        // Held until it is gone: nobody can begin to use it.
        let Some(_dead) = dead(&path) else { continue };
        if !synced {
            // Whoever died may have moved a checkpoint here, and on disk it may
            // still have its old name.
            sync_directory(root)?;
            synced = true;
        }
        let removed = match kind {
            Kind::Partial => fs::remove_file(&path),
            Kind::Stage | Kind::Removed => fs::remove_dir_all(&path),
        };
        match removed {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(Error::io(&path, "remove", source));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The file or directory, open, if no process uses it any more.
fn dead(path: &Path) -> Option<File> {
    let flags = (OFlags::NONBLOCK | OFlags::NOFOLLOW).bits().cast_signed();
    let file = File::options().read(true).custom_flags(flags).open(path).ok()?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => return None,
        // Other machines may not see the locks of this one, nor it theirs.
        locked => {
            if (locked.is_err() || !is_local(&file)) && !is_old(path)? {
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
