//! Which files there are to judge.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use globset::{Glob, GlobSet, GlobSetBuilder};
use strongroom::is_rank_record;
use strongroom::store::Local;
use strongroom::validate::Distributed;

/// Something to judge.
pub struct Subject {
    /// Where it is.
    pub path: PathBuf,
    /// Bytes of it.
    pub length: u64,
    /// Whether it is a directory to hold against its commit record.
    pub is_set: bool,
    /// The distributed checkpoint that it is a file of.
    pub checkpoint: Option<Arc<Distributed>>,
    /// Other paths that lead to it.
    pub links: Vec<PathBuf>,
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
    let (entered, files) = (HashSet::new(), HashMap::new());
    let mut walk = Walk { filter, found: Vec::new(), entered, files };
    for path in paths {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => walk.directory(path, Path::new(""), &metadata),
            metadata => walk.file(path, path, metadata.ok(), None),
        }
    }
    walk.found
}

impl Subject {
    /// Takes another path of the same file, if it promises nothing else by its ending. One
    /// without an ending, as caches name what they keep, promises nothing at all.
    fn joins(&mut self, path: &Path) -> bool {
        match (self.path.extension(), path.extension()) {
            (one, other) if one == other || other.is_none() => self.links.push(path.into()),
            (None, _) => self.links.push(std::mem::replace(&mut self.path, path.into())),
            _ => return false,
        }
        true
    }
}

struct Walk<'w> {
    filter: &'w Filter,
    found: Vec<Subject>,
    /// Directories by device and inode: links between them may lead in circles, or
    /// to one directory in more ways than can be gone.
    entered: HashSet<(u64, u64)>,
    /// Where files of this device and inode were found.
    files: HashMap<(u64, u64), Vec<usize>>,
}

impl Walk<'_> {
    /// Goes through a directory, which is at `inside` of the one that was given.
    fn directory(&mut self, path: &Path, inside: &Path, metadata: &Metadata) {
        if !self.entered.insert((metadata.dev(), metadata.ino())) {
            return;
        }
        let Ok(mut names) = names(path) else { return self.file(path, inside, None, None) };
        names.sort_unstable();
        let record = names.iter().position(|name| name == RECORD);
        if let Some(record) = record.filter(|_| self.filter.wants(&inside.join(RECORD))) {
            names.remove(record);
            names.retain(|name| !name.to_str().is_some_and(is_rank_record));
            self.found.push(Subject {
                path: path.into(),
                length: 0,
                is_set: true,
                checkpoint: None,
                links: Vec::new(),
            });
        }
        // What cannot be listed was not listed above either.
        let checkpoint = Distributed::find(&Local, path).ok().flatten().map(Arc::new);
        for name in names.into_iter().filter(|name| name != GIT) {
            let (path, inside) = (path.join(&name), inside.join(&name));
            match fs::metadata(&path) {
                Ok(metadata) if metadata.is_dir() => self.directory(&path, &inside, &metadata),
                metadata => self.file(&path, &inside, metadata.ok(), checkpoint.as_ref()),
            }
        }
    }

    fn file(
        &mut self,
        path: &Path,
        inside: &Path,
        metadata: Option<Metadata>,
        checkpoint: Option<&Arc<Distributed>>,
    ) {
        if !self.filter.wants(inside) {
            return;
        }
        let length = metadata.as_ref().map_or(0, Metadata::len);
        let (path_buf, checkpoint) = (path.into(), checkpoint.cloned());
        let subject = Subject { path: path_buf, length, is_set: false, checkpoint, links: Vec::new() };
        let Some(metadata) = metadata.filter(Metadata::is_file) else { return self.found.push(subject) };
        // What it should be is for the metadata beside it to say, wherever else it lies.
        if subject.checkpoint.is_some() {
            return self.found.push(subject);
        }
        let seen = self.files.entry((metadata.dev(), metadata.ino())).or_default();
        if !seen.iter().any(|&index| self.found.get_mut(index).is_some_and(|found| found.joins(path))) {
            seen.push(self.found.len());
            self.found.push(subject);
        }
    }
}

fn names(path: &Path) -> std::io::Result<Vec<OsString>> {
    fs::read_dir(path)?.map(|entry| Ok(entry?.file_name())).collect()
}

/// What git keeps: copies of files, and its own.
const GIT: &str = ".git";

/// What makes a directory a checkpoint.
const RECORD: &str = "strongroom.json";
