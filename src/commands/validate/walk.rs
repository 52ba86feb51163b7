//! Which files there are to judge.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::io::Errno;
use strongroom::store::Local;
use strongroom::validate::{Distributed, validated_with_set};

use super::filter::{Filter, LeftOut, Place, Seen};
use super::names::{Names, is_blob};
use crate::output::note;

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
    /// Other paths that lead to it, and that say no more of what it should be.
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
    /// Directories that were given, with no file in them.
    pub empty: Vec<PathBuf>,
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
        directories: HashSet::new(),
        again: Some(MOST_AGAIN),
        places: HashSet::new(),
        met: 0,
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

/// A device and an inode of it.
pub type Identity = (u64, u64);

fn identity(metadata: &Metadata) -> Identity {
    (metadata.dev(), metadata.ino())
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

struct Walk<'w> {
    filter: &'w Filter,
    argument: usize,
    found: Found,
    /// Directories, and what the patterns had seen: links between them may lead in circles, or to one
    /// directory in more ways than can be gone. What is not wanted by one path may be by another.
    entered: HashSet<(Identity, Seen)>,
    /// The same, whatever the patterns had seen.
    directories: HashSet<Identity>,
    /// Names that may still be looked at in directories that were gone through before, until there
    /// were too many.
    again: Option<usize>,
    /// Names in directories that are subjects already, or links of one.
    places: HashSet<(Identity, OsString)>,
    /// How often anything but a directory to go through was met.
    met: usize,
    /// What was found of each file.
    files: HashMap<Identity, Names>,
    /// The checkpoints of files that were given by name, by their directories.
    checkpoints: HashMap<PathBuf, Option<Arc<Distributed>>>,
}

impl Walk<'_> {
    /// Looks at a path that was given.
    fn given(&mut self, path: &Path) {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                let before = self.met;
                self.directory(&Place::of_directory(path), &metadata);
                if self.met == before {
                    self.found.empty.push(path.into());
                }
            }
            // Whoever names what is not there expects it to be judged.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                self.found.missing += 1;
                self.push(path, 0, false, None);
            }
            metadata => {
                let directory = fs::metadata(parent(path)).ok().as_ref().map(identity);
                let checkpoint = self.checkpoint(path);
                let before = self.found.left_out.len();
                match metadata {
                    Err(_) => self.unknown(&Place::of_file(path), directory),
                    Ok(metadata) => {
                        self.file(&Place::of_file(path), directory, Some(&metadata), checkpoint.as_ref());
                    }
                }
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
        let (path, identity) = (&place.path, identity(metadata));
        if !self.entered.insert((identity, self.filter.seen(place))) {
            self.met += 1;
            return;
        }
        let Ok(mut names) = names(path) else { return self.unlisted(place, identity) };
        if !self.directories.insert(identity) && !self.may_go_again(path, names.len()) {
            return;
        }
        let record = OsStr::new(RECORD);
        let has_record = names.contains_key(record);
        self.met += usize::from(has_record);
        if has_record && self.filter.leaves_out(&place.join(record)).is_none() {
            let compared = validated_with_set(&Local, path);
            names.retain(|name, _| !name.to_str().is_some_and(|name| compared.contains(name)));
            if self.places.insert((identity, OsString::new())) {
                self.push(path, 0, true, None);
            }
        }
        // What cannot be listed was not listed above either.
        let checkpoint = Distributed::find(&Local, path).ok().flatten().map(Arc::new);
        for (name, is_file) in names {
            let place = place.join(&name);
            if name == GIT && is_repository(&place.path) {
                continue;
            }
            match fs::metadata(&place.path) {
                Ok(metadata) if metadata.is_dir() => self.directory(&place, &metadata),
                Ok(metadata) => self.file(&place, Some(identity), Some(&metadata), checkpoint.as_ref()),
                Err(error) if is_file || leads_nowhere(&place.path, &error) => {
                    self.file(&place, Some(identity), None, checkpoint.as_ref());
                }
                Err(_) => self.unknown(&place, Some(identity)),
            }
        }
    }

    /// Whether a directory may be gone through by another path. However many there are, this ends.
    fn may_go_again(&mut self, path: &Path, names: usize) -> bool {
        let Some(left) = self.again else { return false };
        self.again = left.checked_sub(names + 1);
        if self.again.is_none() {
            note(&format!(
                "links lead to {} and others in more ways than are gone: whether --include, --exclude or \
                 strongroom.toml leave out what is there is not known",
                path.display()
            ));
            self.push(path, 0, false, None);
        }
        self.again.is_some()
    }

    /// What nobody can list may hold all that is not excluded there.
    fn unlisted(&mut self, place: &Place, directory: Identity) {
        self.met += 1;
        if self.filter.excludes_all_in(place) {
            self.found.left_out.push(LeftOut::ByExclude);
        } else if self.places.insert((directory, OsString::new())) {
            self.push(&place.path, 0, false, None);
        }
    }

    /// What nobody can look at may be a file, or a directory of files.
    fn unknown(&mut self, place: &Place, directory: Option<Identity>) {
        self.met += 1;
        let left_out = self.filter.leaves_out(place);
        if left_out == Some(LeftOut::ByExclude) && self.filter.excludes_all_in(place) {
            self.found.left_out.push(LeftOut::ByExclude);
        } else if self.is_new(&place.path, directory) {
            self.push(&place.path, 0, false, None);
        }
    }

    /// Whether this name in this directory was not met yet, by whatever path.
    fn is_new(&mut self, path: &Path, directory: Option<Identity>) -> bool {
        let place = directory.zip(path.file_name());
        place.is_none_or(|(directory, name)| self.places.insert((directory, name.into())))
    }

    fn file(
        &mut self,
        place: &Place,
        directory: Option<Identity>,
        metadata: Option<&Metadata>,
        checkpoint: Option<&Arc<Distributed>>,
    ) {
        self.met += 1;
        if let Some(left_out) = self.filter.leaves_out(place) {
            return self.found.left_out.push(left_out);
        }
        let path = &place.path;
        if !self.is_new(path, directory) {
            return;
        }
        let Some(metadata) = metadata.filter(|metadata| metadata.is_file()) else {
            return self.push(path, 0, false, checkpoint);
        };
        // What it should be is for the metadata beside it to say, wherever else it lies.
        if checkpoint.is_none() {
            let (names, next) =
                (self.files.entry(identity(metadata)).or_default(), self.found.subjects.len());
            if let Some(subject) = names.join(path, next).and_then(|index| self.found.subjects.get_mut(index))
            {
                return subject.join(path);
            }
        }
        self.push(path, metadata.len(), false, checkpoint);
    }

    fn push(&mut self, path: &Path, length: u64, is_set: bool, checkpoint: Option<&Arc<Distributed>>) {
        let (argument, checkpoint) = (self.argument, checkpoint.cloned());
        let (path, links) = (path.into(), Vec::new());
        self.found.subjects.push(Subject { path, length, is_set, checkpoint, links, argument });
    }
}

impl Subject {
    /// Takes another path of the same file, and is shown by the better one.
    fn join(&mut self, path: &Path) {
        let other = match is_blob(&self.path) && !is_blob(path) {
            true => std::mem::replace(&mut self.path, path.into()),
            false => path.into(),
        };
        self.links.push(other);
    }
}

/// The names in a directory, in order, and whether each is known to be a file.
fn names(path: &Path) -> io::Result<BTreeMap<OsString, bool>> {
    let name = |entry: io::Result<fs::DirEntry>| {
        let entry = entry?;
        Ok((entry.file_name(), entry.file_type().is_ok_and(|kind| kind.is_file())))
    };
    fs::read_dir(path)?.map(name).collect()
}

/// Whether nobody can come to anything by a path: a link to what is not there, or to itself.
fn leads_nowhere(path: &Path, error: &io::Error) -> bool {
    let is_loop = |error: &io::Error| error.raw_os_error() == Some(Errno::LOOP.raw_os_error());
    // It may only be one link too many, behind those of the path by which it is looked at.
    let is_by_itself = || {
        let directory = fs::canonicalize(parent(path)).ok();
        let real = directory.zip(path.file_name()).map(|(directory, name)| directory.join(name));
        real.is_some_and(|real| fs::metadata(real).is_err_and(|error| is_loop(&error)))
    };
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) || is_loop(error) && is_by_itself()
}

/// Whether a directory is what git takes for its own: a name alone says nothing.
fn is_repository(path: &Path) -> bool {
    let is_directory = |path: &Path| fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
    is_directory(path)
        && fs::symlink_metadata(path.join("HEAD")).is_ok_and(|metadata| !metadata.is_dir())
        && ["objects", "refs"].iter().all(|name| is_directory(&path.join(name)))
}

/// What git keeps: copies of files, and its own.
const GIT: &str = ".git";

/// What makes a directory a checkpoint.
const RECORD: &str = "strongroom.json";

/// Names in directories that are gone through by several paths, for patterns that are of paths.
const MOST_AGAIN: usize = 1 << 18;
