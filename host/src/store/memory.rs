use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Entry, Files, Found, Link, Removal, Shared, Sink, Source, Stage, Store, Tidied, Which};
use crate::{Error, Result};

/// Files in memory, for tests and for embedding. Clones share them.
#[derive(Clone, Default)]
pub struct Memory {
    files: Arc<Mutex<BTreeMap<PathBuf, Arc<Vec<u8>>>>>,
    /// Held by who moves or removes a directory.
    names: Arc<Mutex<()>>,
}

impl Memory {
    /// Puts a file there.
    pub fn insert(&self, path: impl Into<PathBuf>, bytes: impl Into<Vec<u8>>) {
        self.files().insert(path.into(), Arc::new(bytes.into()));
    }

    /// A file's bytes.
    pub fn get(&self, path: impl AsRef<Path>) -> Option<Arc<Vec<u8>>> {
        self.files().get(path.as_ref()).cloned()
    }

    fn names(&self) -> MutexGuard<'_, ()> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn files(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Arc<Vec<u8>>>> {
        // Each change is one map operation: a panic leaves nothing half done.
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.files().keys()).finish()
    }
}

impl Store for Memory {
    fn open(&self, path: &Path) -> Result<Arc<dyn Source>> {
        let missing = || Error::io(path, "open", io::ErrorKind::NotFound.into());
        let bytes = self.get(path).ok_or_else(missing)?;
        Ok(Arc::new(MemorySource { path: path.into(), bytes }))
    }

    fn exists(&self, path: &Path) -> Result<bool> {
        Ok(self.files().keys().any(|file| file.starts_with(path)))
    }

    fn look(&self, path: &Path) -> Result<Option<Found>> {
        let files = self.files();
        let found = |length, directory| Found { directory, length, identity: None };
        if let Some(file) = files.get(path) {
            return Ok(Some(found(file.len() as u64, false)));
        }
        Ok(files.keys().any(|file| file.starts_with(path)).then(|| found(0, true)))
    }

    fn real(&self, path: &Path) -> Result<PathBuf> {
        Ok(path.into())
    }

    fn create(&self, path: &Path, length: u64) -> Result<Box<dyn Sink>> {
        let too_long = || Error::io(path, "create", io::ErrorKind::OutOfMemory.into());
        let length = usize::try_from(length).map_err(|_| too_long())?;
        // A length that nobody has the memory for is an error, not the end.
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length).map_err(|_| too_long())?;
        bytes.resize(length, 0);
        let bytes = Mutex::new(bytes);
        Ok(Box::new(MemorySink { path: path.into(), store: self.clone(), bytes }))
    }

    fn list(&self, path: &Path) -> Result<Vec<Entry>> {
        let mut entries: Vec<Entry> = self
            .files()
            .iter()
            .filter_map(|(file, bytes)| {
                let mut rest = file.strip_prefix(path).ok()?.components();
                let name = rest.next()?.as_os_str().to_owned();
                let directory = rest.next().is_some();
                let length = if directory { 0 } else { bytes.len() as u64 };
                Some(Entry { name, directory, length, link: None })
            })
            .collect();
        entries.sort();
        entries.dedup();
        Ok(entries)
    }

    fn links(&self, _: &Path, _: &mut dyn FnMut(Link)) -> Result<Option<Error>> {
        Ok(None)
    }

    fn available(&self, _path: &Path) -> Result<Option<u64>> {
        Ok(None)
    }

    fn remove(&self, root: &Path, which: &Which<'_>, contents: &Files<'_>) -> Result<Vec<Removal>> {
        let _names = self.names();
        let remove = |name: OsString| {
            let path = root.join(&name);
            let removed =
                contents(&name, &path).map(|_| self.files().retain(|file, _| !file.starts_with(&path)));
            (name, removed)
        };
        Ok(which()?.into_iter().map(remove).collect())
    }

    fn stage(&self, path: &Path, token: &str) -> Result<Box<dyn Stage>> {
        let directory = PathBuf::from(format!(".{}.{token}", path.display()));
        Ok(Box::new(MemoryStage { path: path.into(), directory, store: self.clone() }))
    }

    fn leftovers(&self, _: &Path) -> Result<Vec<PathBuf>> {
        // What died here took it along.
        Ok(Vec::new())
    }

    fn tidy(&self, _: &Path) -> Result<Tidied> {
        Ok(Tidied::default())
    }
}

#[derive(Debug)]
struct MemorySource {
    path: PathBuf,
    bytes: Arc<Vec<u8>>,
}

impl Source for MemorySource {
    fn path(&self) -> &Path {
        &self.path
    }

    fn length(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let range = usize::try_from(offset).ok().and_then(|start| {
            let end = start.checked_add(buffer.len())?;
            self.bytes.get(start..end)
        });
        let range = range.ok_or_else(|| {
            let action = format!("read {} bytes at {offset}", buffer.len());
            Error::io(&self.path, action, io::ErrorKind::UnexpectedEof.into())
        })?;
        buffer.copy_from_slice(range);
        Ok(())
    }

    fn bytes(&self) -> Result<Option<Shared<'static>>> {
        Ok(Some(Arc::new(Whole(self.bytes.clone()))))
    }
}

struct Whole(Arc<Vec<u8>>);

impl AsRef<[u8]> for Whole {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[derive(Debug)]
struct MemorySink {
    path: PathBuf,
    store: Memory,
    bytes: Mutex<Vec<u8>>,
}

impl Sink for MemorySink {
    fn path(&self) -> &Path {
        &self.path
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        let mut file = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let place = usize::try_from(offset).ok().and_then(|start| {
            let end = start.checked_add(bytes.len())?;
            file.get_mut(start..end)
        });
        let place = place.ok_or_else(|| {
            let action = format!("write {} bytes at {offset}", bytes.len());
            Error::io(&self.path, action, io::ErrorKind::InvalidInput.into())
        })?;
        place.copy_from_slice(bytes);
        Ok(())
    }

    fn finish(self: Box<Self>, _durable: bool) -> Result<()> {
        let bytes = self.bytes.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.store.insert(self.path, bytes);
        Ok(())
    }
}

#[derive(Debug)]
struct MemoryStage {
    path: PathBuf,
    directory: PathBuf,
    store: Memory,
}

impl Stage for MemoryStage {
    fn path(&self) -> &Path {
        &self.path
    }

    fn create(&self, name: &str, length: u64) -> Result<Box<dyn Sink>> {
        self.store.create(&self.directory.join(name), length)
    }

    fn open(&self, name: &str) -> Result<Arc<dyn Source>> {
        self.store.open(&self.directory.join(name))
    }

    fn directory(&self) -> Option<&Path> {
        None
    }

    fn commit(&self, may_replace: &dyn Fn() -> Result<()>) -> Result<()> {
        let _names = self.store.names();
        if self.store.exists(&self.path)? {
            may_replace()?;
        }
        let mut files = self.store.files();
        files.retain(|file, _| !file.starts_with(&self.path));
        let staged: Vec<PathBuf> =
            files.keys().filter(|file| file.starts_with(&self.directory)).cloned().collect();
        for file in staged {
            if let (Ok(name), Some(bytes)) = (file.strip_prefix(&self.directory), files.get(&file).cloned()) {
                files.insert(self.path.join(name), bytes);
            }
            files.remove(&file);
        }
        Ok(())
    }

    fn discard(&self) -> Result<()> {
        self.store.files().retain(|file, _| !file.starts_with(&self.directory));
        Ok(())
    }
}
