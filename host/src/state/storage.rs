use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::payload::Stored;
use crate::store::{Shared, Source};
use crate::{Error, Result};

/// The bytes that tensors look into. A clone is the same storage, not a copy:
/// tensors over clones of one storage are tied, as in torch.
#[derive(Clone)]
pub struct Storage<'a> {
    inner: Arc<Inner<'a>>,
}

struct Inner<'a> {
    content: Content<'a>,
    length: u64,
    location: String,
    verified: bool,
}

/// Where a storage's bytes are.
pub(crate) enum Content<'a> {
    /// In memory, or mapped.
    Bytes(Shared<'a>, Range<usize>),
    /// In their file, not looked at.
    Stored(Stored),
}

impl<'a> Storage<'a> {
    /// A storage over bytes that are borrowed, owned, or shared with others.
    pub fn new(bytes: impl AsRef<[u8]> + Send + Sync + 'a) -> Self {
        let length = bytes.as_ref().len();
        Self::with(Content::Bytes(Arc::new(bytes), 0..length), length as u64, "cpu", true)
    }

    /// A storage whose bytes are fetched when they are needed, over and over: here
    /// memory of a device comes in. A [`Source`] that copies from the device, by
    /// pinned memory or whatever serves it best, is asked for a few megabytes at a
    /// time, by several threads at once, when the storage is staged or written.
    ///
    /// Its length is that of the source, of which it is all bytes. `location` is the
    /// device: `cuda:0`.
    ///
    /// ```
    /// use std::path::Path;
    /// use std::sync::Arc;
    /// use strongroom::store::{Shared, Source};
    /// use strongroom::{DType, Result, StateDict, Storage, Tensor};
    ///
    /// #[derive(Debug)]
    /// struct Device;
    ///
    /// impl Source for Device {
    ///     fn path(&self) -> &Path {
    ///         Path::new("device memory")
    ///     }
    ///
    ///     fn length(&self) -> u64 {
    ///         1024
    ///     }
    ///
    ///     fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
    ///         buffer.fill(7); // Copy from the device.
    ///         Ok(())
    ///     }
    ///
    ///     fn bytes(&self) -> Result<Option<Shared<'static>>> {
    ///         Ok(None)
    ///     }
    /// }
    ///
    /// # fn main() -> Result<()> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let path = directory.path().join("model.pt");
    /// let storage = Storage::from_source(Arc::new(Device), "cuda:0");
    /// let mut state = StateDict::new();
    /// state.insert("weight", Tensor::new(storage, DType::Uint8, &[32, 32])?);
    /// strongroom::save(&path, &state)?;
    /// # assert_eq!(*strongroom::load(&path)?.tensor("weight").unwrap().bytes()?, [7; 1024]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_source(source: Arc<dyn Source>, location: &str) -> Self {
        let length = source.length();
        let name = "the storage".into();
        let stored = Stored { source, offset: 0, length, checksum: None, swap: 1, name, witness: None };
        Self::with(Content::Stored(stored), length, location, true)
    }

    /// A part of bytes that others share. `verified` is false if they are of a file and
    /// were not held against a checksum.
    pub(crate) fn part(
        bytes: Shared<'a>,
        range: Range<usize>,
        location: &str,
        verified: bool,
    ) -> Option<Self> {
        let length = (*bytes).as_ref().get(range.clone())?.len() as u64;
        Some(Self::with(Content::Bytes(bytes, range), length, location, verified))
    }

    /// A storage that is still in its file.
    pub(crate) fn stored(stored: Stored, location: &str) -> Self {
        let length = stored.length;
        Self::with(Content::Stored(stored), length, location, false)
    }

    /// Bytes.
    pub fn length(&self) -> u64 {
        self.inner.length
    }

    /// The device it was saved from, and is to be restored to: `cpu`, `cuda:0`.
    pub fn location(&self) -> &str {
        &self.inner.location
    }

    /// The bytes. An error if they are not in memory: still in their file, or
    /// wherever a [`from_source`](Self::from_source) storage has them.
    pub fn bytes(&self) -> Result<&[u8]> {
        match &self.inner.content {
            Content::Bytes(bytes, range) => (**bytes).as_ref().get(range.clone()).ok_or_else(|| {
                Error::Value("the storage's bytes became shorter while they were shared".into())
            }),
            Content::Stored(stored) => Err(Error::Value(format!(
                "{}: {} is not in memory: call `load` or `map` first, or stage it",
                stored.source.path().display(),
                stored.name
            ))),
        }
    }

    /// Whether its bytes are the ones that were written, as far as is known: false if
    /// they are of a file and were not held against a checksum, as those that
    /// [`map`](crate::map) gives.
    pub fn is_verified(&self) -> bool {
        self.inner.verified
    }

    /// Whether its bytes are verified once they are read with `verify`.
    pub(crate) fn becomes_verified(&self, verify: bool) -> bool {
        match self.content() {
            Content::Bytes(..) => self.is_verified(),
            Content::Stored(part) => verify && part.checksum.is_some(),
        }
    }

    /// A number that two storages share, while both live, if and only if they
    /// are the same storage.
    pub fn id(&self) -> usize {
        Arc::as_ptr(&self.inner).addr()
    }

    /// Whether two are the same storage.
    pub fn is(&self, other: &Storage<'_>) -> bool {
        self.address() == other.address()
    }

    /// What two storages share if and only if they are the same.
    pub(super) fn address(&self) -> usize {
        Arc::as_ptr(&self.inner).addr()
    }

    pub(crate) fn content(&self) -> &Content<'a> {
        &self.inner.content
    }

    fn with(content: Content<'a>, length: u64, location: &str, verified: bool) -> Self {
        Self { inner: Arc::new(Inner { content, length, location: location.into(), verified }) }
    }
}

impl fmt::Debug for Storage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match &self.inner.content {
            Content::Bytes(..) => "memory",
            Content::Stored(stored) => stored.name.as_str(),
        };
        f.debug_struct("Storage")
            .field("length", &self.inner.length)
            .field("location", &self.inner.location)
            .field("in", &place)
            .finish()
    }
}
