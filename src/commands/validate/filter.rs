//! Which files are wanted, by their paths.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use globset::{Glob, GlobSet, GlobSetBuilder};

use super::automaton::Automaton;

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
    /// Of each, unless it is too large for one.
    automata: Vec<Option<Automaton>>,
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

/// What all patterns have seen of a place.
#[derive(PartialEq, Eq, Hash)]
pub enum Seen {
    /// The state of each: in two places that have the same they are like the same files.
    States(Vec<usize>),
    /// No less than its paths.
    Paths(PathBuf, PathBuf),
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

    /// Whether all that may lie in a directory is excluded, whatever its name. What would be included
    /// there, only those know who can list it.
    pub fn excludes_all_in(&self, directory: &Place) -> bool {
        ANY_NAMES.iter().all(|name| self.exclude.are_of(&directory.join(OsStr::new(name))))
    }

    /// What the patterns have seen of a directory.
    pub fn seen(&self, directory: &Place) -> Seen {
        let states = [&self.include, &self.exclude].map(|patterns| patterns.behind(directory));
        match states {
            [Some(include), Some(exclude)] => Seen::States([include, exclude].concat()),
            _ => Seen::Paths(directory.inside.clone(), directory.whole.clone()),
        }
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
                Self::of(option, globs, Some(file))
            }
            _ => Self::of(option, said, None),
        }
    }

    fn of(option: &'static str, globs: &[Glob], file: Option<File>) -> Result<Self> {
        let mut set = GlobSetBuilder::new();
        for glob in globs {
            set.add(glob.clone());
        }
        let automata = globs.iter().map(Automaton::new).collect();
        Ok(Self { option, set: set.build()?, automata, file })
    }

    fn are_of(&self, place: &Place) -> bool {
        self.set.is_match(self.counted(place))
    }

    /// The path that they are held against.
    fn counted<'p>(&self, place: &'p Place) -> &'p Path {
        match &self.file {
            None => &place.inside,
            // What is elsewhere has its whole path: `*.pt` is like it as well.
            Some(file) => place.whole.strip_prefix(&file.directory).unwrap_or(&place.whole),
        }
    }

    /// The state of each behind a directory. None where that does not say all.
    fn behind(&self, directory: &Place) -> Option<Vec<usize>> {
        // Above where they count from, that is a part of what is below.
        let is_above =
            |file: &File| file.directory != directory.whole && file.directory.starts_with(&directory.whole);
        if self.file.as_ref().is_some_and(is_above) {
            return self.automata.is_empty().then(Vec::new);
        }
        let path = self.counted(directory).join("");
        let behind = |automaton: &Option<Automaton>| automaton.as_ref()?.behind(path.as_os_str().as_bytes());
        self.automata.iter().map(|automaton| behind(automaton).map(|state| state.as_usize())).collect()
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

/// Names that no pattern is like which is not like all.
const ANY_NAMES: [&str; 3] = ["\u{1}", "a.b/\u{2}.c", ".0~"];
