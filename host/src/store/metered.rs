use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Entry, Files, Found, Link, Removal, Shared, Sink, Source, Stage, Store, Tidied, Which};
use crate::{Error, Result};

/// A store that counts the bytes that go through it, for a progress bar or a test.
///
/// Clones share their counts. Bytes looked at through [`Source::bytes`] are not
/// counted: nobody can tell which of them are.
#[derive(Clone, Debug, Default)]
pub struct Metered<S> {
    store: S,
    meter: Meter,
}

/// What went through a [`Metered`] store so far.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    read: AtomicU64,
    written: AtomicU64,
}

impl<S: Store> Metered<S> {
    /// Counts what goes through `store` from now on.
    pub fn new(store: S) -> Self {
        Self { store, meter: Meter::default() }
    }

    /// The counts, which go on while others use the store.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }
}

impl Meter {
    /// Bytes read.
    pub fn read(&self) -> u64 {
        self.counts.read.load(Ordering::Relaxed)
    }

    /// Bytes written.
    pub fn written(&self) -> u64 {
        self.counts.written.load(Ordering::Relaxed)
    }

    fn source(&self, source: Arc<dyn Source>) -> Arc<dyn Source> {
        Arc::new(MeteredSource { source, meter: self.clone() })
    }

    fn sink(&self, sink: Box<dyn Sink>) -> Box<dyn Sink> {
        Box::new(MeteredSink { sink, meter: self.clone() })
    }
}

// A method that a trait gains with a default body must not slip past the wrapped store.
#[deny(clippy::missing_trait_methods)]
impl<S: Store> Store for Metered<S> {
    fn open(&self, path: &Path) -> Result<Arc<dyn Source>> {
        Ok(self.meter.source(self.store.open(path)?))
    }

    fn exists(&self, path: &Path) -> Result<bool> {
        self.store.exists(path)
    }

    fn look(&self, path: &Path) -> Result<Option<Found>> {
        self.store.look(path)
    }

    fn real(&self, path: &Path) -> Result<PathBuf> {
        self.store.real(path)
    }

    fn is_stream(&self, path: &Path) -> Result<bool> {
        self.store.is_stream(path)
    }

    fn create(&self, path: &Path, length: u64) -> Result<Box<dyn Sink>> {
        Ok(self.meter.sink(self.store.create(path, length)?))
    }

    fn list(&self, path: &Path) -> Result<Vec<Entry>> {
        self.store.list(path)
    }

    fn links(&self, root: &Path, found: &mut dyn FnMut(Link)) -> Result<Option<Error>> {
        self.store.links(root, found)
    }

    fn available(&self, path: &Path) -> Result<Option<u64>> {
        self.store.available(path)
    }

    fn remove(&self, root: &Path, which: &Which<'_>, contents: &Files<'_>) -> Result<Vec<Removal>> {
        self.store.remove(root, which, contents)
    }

    fn undeletable(&self, path: &Path) -> Result<Option<String>> {
        self.store.undeletable(path)
    }

    fn stage(&self, path: &Path, token: &str) -> Result<Box<dyn Stage>> {
        let stage = self.store.stage(path, token)?;
        Ok(Box::new(MeteredStage { stage, meter: self.meter.clone() }))
    }

    fn leftovers(&self, root: &Path) -> Result<Vec<PathBuf>> {
        self.store.leftovers(root)
    }

    fn tidy(&self, root: &Path) -> Result<Tidied> {
        self.store.tidy(root)
    }
}

#[derive(Debug)]
struct MeteredSource {
    source: Arc<dyn Source>,
    meter: Meter,
}

#[deny(clippy::missing_trait_methods)]
impl Source for MeteredSource {
    fn path(&self) -> &Path {
        self.source.path()
    }

    fn length(&self) -> u64 {
        self.source.length()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        self.source.read_at(offset, buffer)?;
        self.meter.counts.read.fetch_add(buffer.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn bytes(&self) -> Result<Option<Shared<'static>>> {
        self.source.bytes()
    }

    fn unchanged(&self) -> Result<()> {
        self.source.unchanged()
    }
}

#[derive(Debug)]
struct MeteredSink {
    sink: Box<dyn Sink>,
    meter: Meter,
}

#[deny(clippy::missing_trait_methods)]
impl Sink for MeteredSink {
    fn path(&self) -> &Path {
        self.sink.path()
    }

    fn place(&self) -> &Path {
        self.sink.place()
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        self.sink.write_at(offset, bytes)?;
        self.meter.counts.written.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn finish(self: Box<Self>, durable: bool) -> Result<()> {
        self.sink.finish(durable)
    }
}

#[derive(Debug)]
struct MeteredStage {
    stage: Box<dyn Stage>,
    meter: Meter,
}

#[deny(clippy::missing_trait_methods)]
impl Stage for MeteredStage {
    fn path(&self) -> &Path {
        self.stage.path()
    }

    fn place(&self) -> &Path {
        self.stage.place()
    }

    fn create(&self, name: &str, length: u64) -> Result<Box<dyn Sink>> {
        Ok(self.meter.sink(self.stage.create(name, length)?))
    }

    fn open(&self, name: &str) -> Result<Arc<dyn Source>> {
        Ok(self.meter.source(self.stage.open(name)?))
    }

    fn directory(&self) -> Option<&Path> {
        self.stage.directory()
    }

    fn commit(&self, may_replace: &dyn Fn() -> Result<()>) -> Result<()> {
        self.stage.commit(may_replace)
    }

    fn discard(&self) -> Result<()> {
        self.stage.discard()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Memory;
    use super::*;

    #[test]
    fn what_goes_through_files_and_stages_is_counted_once() -> Result<()> {
        let store = Metered::new(Memory::default());
        let sink = store.create(Path::new("file"), 6)?;
        sink.write_at(0, b"abc")?;
        sink.write_at(3, b"def")?;
        sink.finish(false)?;
        assert_eq!((store.meter().read(), store.meter().written()), (0, 6));

        let mut buffer = [0; 4];
        let source = store.open(Path::new("file"))?;
        source.read_at(1, &mut buffer)?;
        assert_eq!(&buffer, b"bcde");
        assert_eq!((store.meter().read(), store.meter().written()), (4, 6));

        let stage = store.stage(Path::new("directory"), "token")?;
        let sink = stage.create("part", 2)?;
        sink.write_at(0, b"xy")?;
        sink.finish(false)?;
        stage.open("part")?.read_at(0, &mut buffer[..2])?;
        assert_eq!((store.meter().read(), store.meter().written()), (6, 8));
        Ok(())
    }

    #[test]
    fn what_fails_is_not_counted() -> Result<()> {
        let memory = Memory::default();
        memory.insert("file", *b"abc");
        let store = Metered::new(memory);
        assert!(store.open(Path::new("file"))?.read_at(2, &mut [0; 2]).is_err());
        assert!(store.create(Path::new("new"), 1)?.write_at(1, b"x").is_err());
        assert_eq!((store.meter().read(), store.meter().written()), (0, 0));
        Ok(())
    }
}
