//! Where a path leads: followed once, step by step, so that what is asked about and what is
//! changed are the same.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::fd::RawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::process;

use rustix::io::Errno;

use super::file_system::is_in_proc;
use super::hidden::Kind;
use super::sync::parent;
use crate::{Error, Result};

/// Where a path leads.
#[derive(Debug)]
pub(super) struct Place {
    /// The path without links, be anything there or not. Those stay that the kernel has to
    /// roots and directories of processes, and a relative one is one still: as text both may
    /// lead elsewhere.
    pub(super) path: PathBuf,
    /// The places on the way, links among them, the last one aside.
    passed: Vec<PathBuf>,
    /// Whether `path` is the kernel's own link to an open file, as `/dev/stdout` leads to
    /// one: others write to that, too, and want their bytes to stay.
    pub(super) is_open_file: bool,
}

impl Place {
    pub(super) fn of(path: &Path) -> Result<Self> {
        walk(path).map_err(|error| Error::io(path, "look at", error))
    }

    /// The path of it for who replaces it. The directory that is worked in has a name only in its
    /// absolute path, and once it is replaced no path leads up from it.
    pub(super) fn named(self) -> Result<PathBuf> {
        match self.path.components().next() {
            Some(Component::Normal(_) | Component::RootDir) => Ok(self.path),
            _ => self.absolute(),
        }
    }

    /// The absolute path of it, or of the file that an open file has as its name, if it is
    /// that still.
    pub(super) fn absolute(&self) -> Result<PathBuf> {
        let absolute = |path: &Path| absolute(path).map_err(|error| failed(path, error));
        if !self.is_open_file {
            return absolute(&self.path);
        }
        let own = identity(&self.path).ok();
        let is_it = |name: &PathBuf| own.is_some() && identity(name).ok() == own;
        match fs::read_link(&self.path).ok().filter(is_it) {
            Some(name) => absolute(&name),
            None => Ok(self.path.clone()),
        }
    }

    /// The absolute paths of all on the way, and last of the place itself.
    pub(super) fn passed(&self) -> Result<Vec<PathBuf>> {
        let passed = self.passed.iter().map(|path| absolute(path).map_err(|error| failed(path, error)));
        let mut passed = passed.collect::<Result<Vec<PathBuf>>>()?;
        passed.push(self.absolute()?);
        Ok(passed)
    }

    /// Refuses one in what a save that died has left, or that has the name of such a thing: the
    /// next command there removes it.
    pub(super) fn stays(&self, path: &Path) -> Result<()> {
        let place = self.absolute()?;
        let doomed =
            place.ancestors().find(|above| above.file_name().is_some_and(|name| Kind::of(name).is_some()));
        let Some(doomed) = doomed else { return Ok(()) };
        let reason = format!(
            "{} has the name of what a save that ended early leaves, which the next one removes",
            doomed.display()
        );
        Err(Error::io(path, "create", io::Error::new(ErrorKind::InvalidInput, reason)))
    }

    /// The number of the open file of this process that it is.
    pub(super) fn descriptor(&self) -> Option<RawFd> {
        // `/proc/self/fd` and `/proc/thread-self/fd` are one for these.
        let directory = self.path.parent().filter(|_| self.is_open_file)?.canonicalize().ok()?;
        let own = Path::new("/proc").join(process::id().to_string());
        let is_own = directory.starts_with(own) && directory.ends_with("fd");
        self.path.file_name().filter(|_| is_own)?.to_str()?.parse().ok()
    }
}

/// The error of a place, which a message calls `.` where it is the directory that is worked in.
fn failed(place: &Path, error: io::Error) -> Error {
    let shown = if place.as_os_str().is_empty() { Path::new(".") } else { place };
    Error::io(shown, "look at", error)
}

fn walk(path: &Path) -> io::Result<Place> {
    if path.as_os_str().is_empty() {
        return Err(ErrorKind::NotFound.into());
    }
    let mut steps: VecDeque<Step> = steps(path).collect();
    let mut place = Place { path: PathBuf::new(), passed: Vec::new(), is_open_file: false };
    let (mut links, mut missing) = (0, false);
    while let Some(step) = steps.pop_front() {
        let name = match step {
            Step::Root => {
                place.path = "/".into();
                continue;
            }
            // Where directories are made that are missing, another one would be above.
            Step::Up if missing => {
                let reason = format!("`{}` is not there, and `..` follows", place.path.display());
                return Err(io::Error::new(ErrorKind::NotFound, reason));
            }
            Step::Up => {
                place.passed.push(place.path.clone());
                up(&mut place.path)?;
                continue;
            }
            Step::Down(name) => name,
        };
        let above = place.path.clone();
        place.path.push(name);
        place.passed.push(above);
        if missing {
            continue;
        }
        let target = match fs::read_link(&place.path) {
            Ok(target) => target,
            // Not a link.
            Err(error) if error.kind() == ErrorKind::InvalidInput => continue,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                missing = true;
                continue;
            }
            Err(error) => return Err(error),
        };
        links += 1;
        if links > MOST_LINKS {
            return Err(Errno::LOOP.into());
        }
        if !is_in_proc(parent(&place.path)) {
            place.passed.push(place.path.clone());
            place.path.pop();
            self::steps(&target).rev().for_each(|step| steps.push_front(step));
        } else if steps.is_empty() {
            place.is_open_file = !fs::metadata(&place.path).is_ok_and(|there| there.is_dir());
        }
    }
    Ok(place)
}

/// The directory above one, which is no link unless it is the kernel's.
fn up(path: &mut PathBuf) -> io::Result<()> {
    let here = if path.as_os_str().is_empty() { Path::new(".") } else { &**path };
    let there = fs::metadata(here)?;
    if !there.is_dir() {
        return Err(ErrorKind::NotADirectory.into());
    }
    if fs::read_link(here).is_ok() {
        let named = here.canonicalize()?;
        if identity(&named)? != (there.dev(), there.ino()) {
            return Err(io::Error::new(ErrorKind::Unsupported, "`..` follows the root of another process"));
        }
        *path = named;
    }
    let is_above = path.as_os_str().is_empty() || path.ends_with("..");
    if is_above {
        path.push("..");
    } else {
        path.pop();
    }
    Ok(())
}

/// The absolute path of what has no links, as far as it is there.
fn absolute(path: &Path) -> io::Result<PathBuf> {
    let mut missing = Vec::new();
    let mut above = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let identity = loop {
        match identity(above) {
            Ok(identity) => break identity,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                let Some(name) = above.file_name() else { return Err(error) };
                missing.push(name);
                above = parent(above);
            }
            Err(error) => return Err(error),
        }
    };
    // Its name is read as text, and leads elsewhere from the root of another process.
    let is_it = |name: &PathBuf| self::identity(name).is_ok_and(|found| found == identity);
    let above = match above.canonicalize() {
        Ok(name) if is_it(&name) => name,
        _ if above.is_absolute() => above.to_owned(),
        Ok(_) => return Err(io::Error::new(ErrorKind::Unsupported, "it is not where its name leads")),
        Err(error) => return Err(error),
    };
    Ok(missing.into_iter().rev().fold(above, |path, name| path.join(name)))
}

/// What tells files and directories apart, whatever their names.
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::metadata(path).map(|there| (there.dev(), there.ino()))
}

#[derive(Debug)]
enum Step {
    Root,
    Up,
    Down(OsString),
}

/// A slash at the end says nothing, nor does a dot.
fn steps(path: &Path) -> impl DoubleEndedIterator<Item = Step> {
    let step = |component| match component {
        Component::Normal(name) => Some(Step::Down(name.into())),
        Component::ParentDir => Some(Step::Up),
        Component::RootDir => Some(Step::Root),
        Component::CurDir | Component::Prefix(_) => None,
    };
    path.components().filter_map(step)
}

/// As many as the kernel follows.
const MOST_LINKS: usize = 40;
