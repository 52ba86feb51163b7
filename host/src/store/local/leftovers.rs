//! What dead processes have left.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{FlockOperation, OFlags};

use super::file_system::is_local;
use super::held::is_held;
use super::hidden::Kind;
use super::lock::{Lock, Names, is_at, take};
use super::stage::remove_all;
use crate::store::Tidied;
use crate::{Error, Result};

/// How long nothing has changed in what may be removed where locks prove nothing.
const OLD: Duration = Duration::from_secs(24 * 60 * 60);

/// Removes what dead processes have left directly under `root`. Goes on after what cannot be
/// removed.
pub(super) fn remove(root: &Path) -> Result<Tidied> {
    remove_holding(root, || Names::of(root))
}

/// The same for a process that is to end, which others should not keep from it for long.
pub(super) fn remove_soon(root: &Path) -> Result<Tidied> {
    remove_holding(root, || Names::within(Duration::from_secs(2), root))
}

fn remove_holding(root: &Path, names: impl Fn() -> Result<Names>) -> Result<Tidied> {
    let (files, directories) = hidden(root)?;
    let mut tidied = Tidied::default();
    let mut done = |path: PathBuf, done: io::Result<()>| match done {
        Ok(()) => tidied.removed.push(path),
        Err(source) if source.kind() == io::ErrorKind::NotFound => {}
        Err(source) => tidied.failed.push(Error::io(&path, "remove", source)),
    };
    for path in files {
        // Held until it is gone: nobody can begin to use it.
        if let Some(_dead) = dead(&path) {
            let removed = fs::remove_file(&path);
            done(path, removed);
        }
    }
    if !directories.is_empty() {
        // While a commit is not on disk yet, what it replaced is hidden, nobody's, and may
        // be taken back.
        let names = names()?;
        let dead: Vec<_> = directories.into_iter().filter_map(|path| Some((dead(&path)?, path))).collect();
        if !dead.is_empty() {
            // Whoever died may have moved a checkpoint here, which on disk may still have
            // its old name.
            names.sync()?;
            drop(names);
            for (_held, path) in dead {
                let removed = remove_one(&path);
                done(path, removed);
            }
        }
    }
    Ok(tidied)
}

/// What dead processes have left directly under `root`.
pub(super) fn find(root: &Path) -> Result<Vec<PathBuf>> {
    let (files, directories) = hidden(root)?;
    Ok(files.into_iter().chain(directories).filter(|path| dead(path).is_some()).collect())
}

/// What has a hidden name directly under `root`: files, and what should be directories.
fn hidden(root: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let failed = |source| Error::io(root, "list", source);
    let (mut files, mut directories) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(root).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        match Kind::of(&name) {
            Some(Kind::Partial) => files.push(root.join(name)),
            Some(Kind::Stage | Kind::Removed) => directories.push(root.join(name)),
            None => {}
        }
    }
    Ok((files, directories))
}

fn remove_one(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path)?.is_dir() {
        true => remove_all(path),
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
    (!is_held(&file) && is_at(&file, path).ok()?).then_some(file)
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
