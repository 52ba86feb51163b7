//! Which files there are to judge.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use strongroom::is_rank_record;
use strongroom::store::Local;
use strongroom::validate::Distributed;

use super::filter::{Filter, LeftOut, Place};

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
    /// Which of the paths given it was found by.
    argument: usize,
}

/// What there is at the paths that were given.
#[derive(Default)]
pub struct Found {
    /// What is to be judged, in the order of the paths given, and by name in each directory.
    pub subjects: Vec<Subject>,
    /// Paths where nothing is. They are subjects too: to judge them says so.
    pub missing: usize,
    /// Files that are left out.
    pub left_out: Vec<LeftOut>,
    /// Those of them that were given by their own names.
    pub named: Vec<LeftOut>,
}

/// Finds all that is to be judged. What cannot be looked at is to be judged as well: that says so.
pub fn find(paths: &[PathBuf], filter: &Filter) -> Found {
    let mut walk = Walk {
        filter,
        argument: 0,
        found: Found::default(),
        entered: HashSet::new(),
        files: HashMap::new(),
        checkpoints: HashMap::new(),
    };
    for (argument, path) in paths.iter().enumerate() {
        walk.argument = argument;
        walk.given(path);
    }
    // A file may be shown by another of its names than it was found by.
    let key = |subject: &Subject| (subject.argument, subject.path.clone());
    walk.found.subjects.sort_by_cached_key(key);
    walk.found
}

impl Subject {
    /// Takes another path of the same file, if it promises nothing else by its ending. One
    /// without an ending, as caches name what they keep, promises nothing at all.
    fn joins(&mut self, path: &Path) -> bool {
        match (self.path.extension(), path.extension()) {
            (one, other) if one == other && is_blob(&self.path) && !is_blob(path) => self.rename(path),
            (one, other) if one == other || other.is_none() => self.links.push(path.into()),
            (None, _) => self.rename(path),
            _ => return false,
        }
        true
    }

    /// Shows it by another path.
    fn rename(&mut self, path: &Path) {
        self.links.push(std::mem::replace(&mut self.path, path.into()));
    }

    /// Whether it was found by this path, however that is written.
    fn is_at(&self, path: &Path) -> bool {
        [&self.path].into_iter().chain(&self.links).any(|there| is_same(there, path))
    }
}

/// Whether a path is where the cache of a hub keeps the bytes, by their hash: it has better names.
fn is_blob(path: &Path) -> bool {
    path.parent().and_then(Path::file_name).is_some_and(|parent| parent == "blobs")
}

/// Whether two paths are one name in one directory.
fn is_same(one: &Path, other: &Path) -> bool {
    let directory = |path: &Path| fs::metadata(parent(path)).ok().as_ref().map(identity);
    let is_one_directory = || directory(one).is_some_and(|there| directory(other) == Some(there));
    one == other || one.file_name() == other.file_name() && is_one_directory()
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

struct Walk<'w> {
    filter: &'w Filter,
    argument: usize,
    found: Found,
    /// Directories by device and inode: links between them may lead in circles, or
    /// to one directory in more ways than can be gone.
    entered: HashSet<(u64, u64)>,
    /// Where files of this device and inode were found.
    files: HashMap<(u64, u64), Vec<usize>>,
    /// The checkpoints of files that were given by name, by their directories.
    checkpoints: HashMap<PathBuf, Option<Arc<Distributed>>>,
}

impl Walk<'_> {
    /// Looks at a path that was given.
    fn given(&mut self, path: &Path) {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => self.directory(&Place::of_directory(path), &metadata),
            // Whoever names what is not there expects it to be judged.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                self.found.missing += 1;
                self.push(path, 0, false, None);
            }
            metadata => {
                let checkpoint = self.checkpoint(path);
                let before = self.found.left_out.len();
                self.file(&Place::of_file(path), metadata.ok(), checkpoint.as_ref());
                self.found.named.extend_from_slice(self.found.left_out.get(before..).unwrap_or_default());
            }
        }
    }

    /// The distributed checkpoint that a file is in: what it should be is said there, whether the
    /// file or the directory was given.
    fn checkpoint(&mut self, path: &Path) -> Option<Arc<Distributed>> {
        let directory = path.parent()?;
        let find = || Distributed::find(&Local, directory).ok().flatten().map(Arc::new);
        self.checkpoints.entry(directory.into()).or_insert_with(find).clone()
    }

    fn directory(&mut self, place: &Place, metadata: &Metadata) {
        if !self.entered.insert(identity(metadata)) {
            return;
        }
        let path = &place.path;
        let Ok(mut names) = names(path) else {
            match self.filter.excludes_all_in(place) {
                true => self.found.left_out.push(LeftOut::ByExclude),
                false => self.push(path, 0, false, None),
            }
            return;
        };
        names.sort_unstable();
        let record = names.iter().position(|name| name == RECORD);
        let is_wanted = |_: &usize| self.filter.leaves_out(&place.join(OsStr::new(RECORD))).is_none();
        if let Some(record) = record.filter(is_wanted) {
            names.remove(record);
            names.retain(|name| !name.to_str().is_some_and(is_rank_record));
            self.push(path, 0, true, None);
        }
        // What cannot be listed was not listed above either.
        let checkpoint = Distributed::find(&Local, path).ok().flatten().map(Arc::new);
        for name in names.into_iter().filter(|name| name != GIT) {
            let place = place.join(&name);
            match fs::metadata(&place.path) {
                Ok(metadata) if metadata.is_dir() => self.directory(&place, &metadata),
                metadata => self.file(&place, metadata.ok(), checkpoint.as_ref()),
            }
        }
    }

    fn file(&mut self, place: &Place, metadata: Option<Metadata>, checkpoint: Option<&Arc<Distributed>>) {
        if let Some(left_out) = self.filter.leaves_out(place) {
            return self.found.left_out.push(left_out);
        }
        let path = &place.path;
        let Some(metadata) = metadata.filter(Metadata::is_file) else {
            return self.push(path, 0, false, checkpoint);
        };
        let seen = self.files.entry(identity(&metadata)).or_default();
        let mut there = seen.iter().filter_map(|&index| self.found.subjects.get(index));
        if there.any(|subject| subject.is_at(path)) {
            return;
        }
        // What it should be is for the metadata beside it to say, wherever else it lies.
        let joins = |&index: &usize| {
            let subject = self.found.subjects.get_mut(index);
            subject.is_some_and(|subject| subject.checkpoint.is_none() && subject.joins(path))
        };
        if checkpoint.is_none() && seen.iter().any(joins) {
            return;
        }
        seen.push(self.found.subjects.len());
        self.push(path, metadata.len(), false, checkpoint);
    }

    fn push(&mut self, path: &Path, length: u64, is_set: bool, checkpoint: Option<&Arc<Distributed>>) {
        let (argument, checkpoint) = (self.argument, checkpoint.cloned());
        let (path, links) = (path.into(), Vec::new());
        self.found.subjects.push(Subject { path, length, is_set, checkpoint, links, argument });
    }
}

fn names(path: &Path) -> io::Result<Vec<OsString>> {
    fs::read_dir(path)?.map(|entry| Ok(entry?.file_name())).collect()
}

/// What git keeps: copies of files, and its own.
const GIT: &str = ".git";

/// What makes a directory a checkpoint.
const RECORD: &str = "strongroom.json";
