//! Where a path leads: resolved once, step by step, so that what is asked about and what
//! is changed are the same.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::fd::RawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::{env, process};

use super::file_system::is_in_proc;
use super::sync::parent;
use crate::{Error, Result};

/// Where a path leads.
#[derive(Debug)]
pub(super) struct Place {
    /// The absolute path of what it leads to, without links, be anything there or not.
    pub(super) path: PathBuf,
    /// The places on the way, links among them, the last one aside.
    pub(super) passed: Vec<PathBuf>,
    /// Whether `path` is the kernel's own link to an open file, as `/dev/stdout` leads to
    /// one: others write to that, too, and want their bytes to stay.
    pub(super) is_open_file: bool,
}

impl Place {
    pub(super) fn of(path: &Path) -> Result<Self> {
        walk(path).map_err(|error| Error::io(path, "look at", error))
    }

    /// The file that an open file has as its name, if it is that still. The place itself of
    /// anything else.
    pub(super) fn named(self) -> PathBuf {
        let identity = |path: &Path| fs::metadata(path).map(|there| (there.dev(), there.ino())).ok();
        let name = if self.is_open_file { fs::read_link(&self.path).ok() } else { None };
        let is_it = |name: &PathBuf| identity(name).is_some_and(|found| Some(found) == identity(&self.path));
        match name.filter(is_it).map(|name| walk(&name)) {
            Some(Ok(named)) => named.path,
            _ => self.path,
        }
    }

    /// The number of the open file of this process that it is.
    pub(super) fn descriptor(&self) -> Option<RawFd> {
        let directory = self.path.parent().filter(|_| self.is_open_file)?;
        // `/proc/self/fd` and `/proc/thread-self/fd` are one for these.
        let own = Path::new("/proc").join(process::id().to_string());
        let is_own = directory.starts_with(own) && directory.ends_with("fd");
        self.path.file_name().filter(|_| is_own)?.to_str()?.parse().ok()
    }
}

fn walk(path: &Path) -> io::Result<Place> {
    if path.as_os_str().is_empty() {
        return Err(ErrorKind::NotFound.into());
    }
    let mut steps: VecDeque<Step> = steps(path).collect();
    let mut place = Place { path: PathBuf::new(), passed: Vec::new(), is_open_file: false };
    if path.is_relative() {
        place.path = env::current_dir()?;
    }
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
                place.path.pop();
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
            return Err(io::Error::other("its links lead to links again and again"));
        }
        if !is_in_proc(parent(&place.path)) {
            place.passed.push(place.path.clone());
            place.path.pop();
            self::steps(&target).rev().for_each(|step| steps.push_front(step));
        } else if steps.is_empty() && !fs::metadata(&place.path).is_ok_and(|there| there.is_dir()) {
            place.is_open_file = true;
        } else {
            // What such a link says need not be a path.
            place.path = place.path.canonicalize()?;
        }
    }
    Ok(place)
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
