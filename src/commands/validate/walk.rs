//! Which files there are to judge.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use globset::{Glob, GlobSet, GlobSetBuilder};
use strongroom::is_rank_record;

/// Something to judge.
pub struct Subject {
    /// Where it is.
    pub path: PathBuf,
    /// Bytes of it.
    pub length: u64,
    /// Whether it is a directory to hold against its commit record.
    pub is_set: bool,
}

/// Which files are wanted, by their paths.
pub struct Filter {
    include: GlobSet,
    exclude: GlobSet,
}

impl Filter {
    /// Wants all files that are included, or all if none are, and not excluded.
    pub fn new(include: &[Glob], exclude: &[Glob]) -> Result<Self> {
        Ok(Self { include: set(include)?, exclude: set(exclude)? })
    }

    fn wants(&self, path: &Path) -> bool {
        (self.include.is_empty() || self.include.is_match(path)) && !self.exclude.is_match(path)
    }
}

fn set(globs: &[Glob]) -> Result<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        set.add(glob.clone());
    }
    Ok(set.build()?)
}

/// Finds all that is to be judged, in the order of the paths given, and by name in
/// each directory. What cannot be looked at is to be judged as well: that says so.
pub fn find(paths: &[PathBuf], filter: &Filter) -> Vec<Subject> {
    let mut walk = Walk { filter, found: Vec::new(), entered: HashSet::new() };
    for path in paths {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => walk.directory(path, Path::new(""), &metadata),
            metadata => walk.file(path, path, metadata.ok()),
        }
    }
    walk.found
}

struct Walk<'w> {
    filter: &'w Filter,
    found: Vec<Subject>,
    /// Directories by device and inode: links between them may lead in circles, or
    /// to one directory in more ways than can be gone.
    entered: HashSet<(u64, u64)>,
}

impl Walk<'_> {
    /// Goes through a directory, which is at `inside` of the one that was given.
    fn directory(&mut self, path: &Path, inside: &Path, metadata: &Metadata) {
        if !self.entered.insert((metadata.dev(), metadata.ino())) {
            return;
        }
        let Ok(mut names) = names(path) else { return self.file(path, inside, None) };
        names.sort_unstable();
        let record = names.iter().position(|name| name == RECORD);
        if let Some(record) = record.filter(|_| self.filter.wants(&inside.join(RECORD))) {
            names.remove(record);
            names.retain(|name| !name.to_str().is_some_and(is_rank_record));
            self.found.push(Subject { path: path.into(), length: 0, is_set: true });
        }
        for name in names {
            let (path, inside) = (path.join(&name), inside.join(&name));
            match fs::metadata(&path) {
                Ok(metadata) if metadata.is_dir() => self.directory(&path, &inside, &metadata),
                metadata => self.file(&path, &inside, metadata.ok()),
            }
        }
    }

    fn file(&mut self, path: &Path, inside: &Path, metadata: Option<Metadata>) {
        if self.filter.wants(inside) {
            let length = metadata.map_or(0, |metadata| metadata.len());
            self.found.push(Subject { path: path.into(), length, is_set: false });
        }
    }
}

fn names(path: &Path) -> std::io::Result<Vec<OsString>> {
    fs::read_dir(path)?.map(|entry| Ok(entry?.file_name())).collect()
}

/// What makes a directory a checkpoint.
const RECORD: &str = "strongroom.json";
