//! Which files are wanted, by their paths.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use globset::{Glob, GlobSet, GlobSetBuilder};

/// What is included, or all if nothing is, and not excluded.
pub struct Filter {
    pub include: Patterns,
    pub exclude: Patterns,
}

/// Patterns of paths.
pub struct Patterns {
    /// The option that says them.
    option: &'static str,
    set: GlobSet,
    /// The file that says them instead.
    file: Option<File>,
}

struct File {
    path: PathBuf,
    /// Where they count from: the same patterns are the same files, whatever the command is given.
    directory: PathBuf,
}

/// A list of a file, and the directory that it counts from.
pub struct Listed<'c> {
    pub globs: &'c [Glob],
    pub file: &'c Path,
    pub directory: &'c Path,
}

/// Where something is, in all ways that patterns count from.
pub struct Place {
    /// As it was given or found.
    pub path: PathBuf,
    /// In the directory that was given; of a file that was given, as it was.
    inside: PathBuf,
    /// From the root of the file system.
    whole: PathBuf,
}

/// What leaves a file out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum LeftOut {
    ByInclude,
    ByExclude,
}

impl Filter {
    /// What leaves a file out, if anything does.
    pub fn leaves_out(&self, place: &Place) -> Option<LeftOut> {
        if self.exclude.are_of(place) {
            return Some(LeftOut::ByExclude);
        }
        let is_wanted = self.include.set.is_empty() || self.include.are_of(place);
        (!is_wanted).then_some(LeftOut::ByInclude)
    }

    /// Whether all that may lie in a directory is excluded. What would be included there, only those
    /// know who can list it.
    pub fn excludes_all_in(&self, directory: &Place) -> bool {
        self.exclude.are_of(directory) || self.exclude.are_of(&directory.join(OsStr::new("")))
    }

    /// The patterns that leave files out so.
    pub fn patterns(&self, left_out: LeftOut) -> &Patterns {
        match left_out {
            LeftOut::ByInclude => &self.include,
            LeftOut::ByExclude => &self.exclude,
        }
    }
}

impl Patterns {
    /// Those of the command line, or else of a file.
    pub fn new(option: &'static str, said: &[Glob], listed: Option<Listed<'_>>) -> Result<Self> {
        match listed {
            Some(Listed { globs, file, directory }) if said.is_empty() => {
                let file = File { path: file.into(), directory: fs::canonicalize(directory)? };
                Ok(Self { option, set: set(globs)?, file: Some(file) })
            }
            _ => Ok(Self { option, set: set(said)?, file: None }),
        }
    }

    fn are_of(&self, place: &Place) -> bool {
        match &self.file {
            None => self.set.is_match(&place.inside),
            // What is elsewhere has its whole path: `*.pt` is like it as well.
            Some(file) => {
                self.set.is_match(place.whole.strip_prefix(&file.directory).unwrap_or(&place.whole))
            }
        }
    }
}

impl fmt::Display for Patterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            None => write!(f, "--{}", self.option),
            Some(file) => write!(f, "`{}` in {}", self.option, file.path.display()),
        }
    }
}

impl Place {
    /// That of a directory that was given.
    pub fn of_directory(path: &Path) -> Self {
        Self { path: path.into(), inside: PathBuf::new(), whole: whole(path) }
    }

    /// That of a file that was given.
    pub fn of_file(path: &Path) -> Self {
        Self { path: path.into(), inside: path.into(), whole: whole(path) }
    }

    /// That of something in this one.
    pub fn join(&self, name: &OsStr) -> Self {
        let Self { path, inside, whole } = self;
        Self { path: path.join(name), inside: inside.join(name), whole: whole.join(name) }
    }
}

/// A path from the root. What a link of this name leads to may lie elsewhere, and is not what is meant.
fn whole(path: &Path) -> PathBuf {
    let whole = match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => {
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            fs::canonicalize(parent).map(|parent| parent.join(name))
        }
        _ => fs::canonicalize(path),
    };
    whole.unwrap_or_else(|_| path.into())
}

fn set(globs: &[Glob]) -> Result<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        set.add(glob.clone());
    }
    Ok(set.build()?)
}
