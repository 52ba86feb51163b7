//! Payloads: mapped, read in parallel, or verified where they lie.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use crate::file::check;
use crate::file::drive;
use crate::file::reserved::OUTLINE;
use crate::payload::Stored;
use crate::payload::buffer::{Buffer, Pages};
use crate::payload::checksum::{self, Hasher};
use crate::payload::digest;
use crate::payload::witness::{Watched, Witness, written_to};
use crate::state::{Content, Item, Leaf, Node, StateDict, Storage};
use crate::store::{Local, Shared, Source, Store};
use crate::{Engine, Error, Finding, Result, Unfit};

use crate::sandbox::bindings::types::Global;

pub use crate::sandbox::bindings::reader::Format;

/// A checkpoint file whose state dict is known, and whose payloads are still in it.
#[derive(Clone, Debug)]
pub struct File {
    source: Arc<dyn Source>,
    format: Format,
    archive: String,
    alignment: Option<u32>,
    checksums: bool,
    extras: Vec<Unfit>,
    undecoded: u64,
    state: StateDict<'static>,
    parts: Vec<Stored>,
}

/// What [`File::verify`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Payloads whose checksum was computed and is right.
    pub storages: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Payloads for which the format has no checksum.
    pub unchecked: usize,
    /// Storages that are files of their own inside values, as [`File::embedded`] counts them:
    /// nothing looked into these.
    pub embedded: usize,
}

impl File {
    /// Opens a checkpoint of any format and reads what it holds, payloads aside.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_in(Engine::shared()?, &Local, path.as_ref())
    }

    /// The same, with an engine and a store of one's own.
    pub fn open_in(engine: &Engine, store: &dyn Store, path: &Path) -> Result<Self> {
        Self::from_source(engine, store.open(path)?)
    }

    pub(crate) fn from_source(engine: &Engine, source: Arc<dyn Source>) -> Result<Self> {
        let path = source.path();
        // Of a file that somebody writes to, no reader says what is wrong with it.
        let witness = Arc::new(Witness::of(source.clone()));
        let reading = drive::read(engine, &Watched(&witness));
        let reading = reading.map_err(|error| witness.confirm().err().unwrap_or(error))?;
        let drive::Reading { summary, nodes, storages } = reading;
        let elsewhere = summary.format == Format::Pickle;
        // What has checksums is held against them.
        let has_all = summary.checksums && storages.iter().all(|stored| stored.checksum.is_some());
        let witness = Some(witness).filter(|_| !has_all);
        // A pickle's payloads are in other files, wherever those are.
        let payloads: Arc<dyn Source> = match elsewhere {
            true => Arc::new(Elsewhere(path.into())),
            false => {
                check::storages(path, &storages, source.length())?;
                source.clone()
            }
        };
        let (mut parts, storages): (Vec<_>, Vec<_>) = storages
            .into_iter()
            .map(|stored| {
                let part = Stored {
                    source: payloads.clone(),
                    offset: stored.range.offset,
                    length: stored.range.length,
                    checksum: stored.checksum,
                    swap: stored.swap,
                    name: stored.name,
                    witness: witness.clone(),
                };
                (part.clone(), Storage::stored(part, &stored.location))
            })
            .unzip();
        if elsewhere {
            parts.clear();
        }
        check::nodes(path, &nodes, summary.root, &storages)?;
        let mut state = StateDict::from_parts(nodes, storages, summary.root, summary.metadata);
        if let Some(fault) = summary.irreproducible {
            state.set_irreproducible(path, fault.into());
        }
        check::tree(path, &state, &engine.limits().format)?;
        source.unchanged()?;
        Ok(Self {
            format: summary.format,
            archive: summary.archive,
            alignment: summary.alignment,
            checksums: summary.checksums,
            extras: summary.extras.into_iter().map(Unfit::from).collect(),
            undecoded: summary.undecoded,
            state,
            parts,
            source,
        })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        self.source.path()
    }

    /// Its format, told by its bytes.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Bytes of the whole file.
    pub fn length(&self) -> u64 {
        self.source.length()
    }

    /// The name all records of a torch zip start with; empty for other formats.
    pub fn archive(&self) -> &str {
        &self.archive
    }

    /// The alignment a torch zip says its payloads have, in bytes.
    pub fn alignment(&self) -> Option<u32> {
        self.alignment
    }

    /// Whether the file has checksums of its payloads.
    pub fn has_checksums(&self) -> bool {
        self.checksums
    }

    /// Whether one of its payloads has a checksum, if there are any: whoever fills payloads
    /// in after the file was written leaves them without.
    pub fn has_payload_checksums(&self) -> bool {
        let mut full = self.parts.iter().filter(|part| part.length > 0).peekable();
        self.checksums && (full.peek().is_none() || full.any(|part| part.checksum.is_some()))
    }

    /// What the file holds beside the state dict, and writing the state dict again
    /// leaves out: the part, and what it is.
    pub fn extras(&self) -> &[Unfit] {
        &self.extras
    }

    /// How many storages are files of their own, which values have as bytes: a plain pickle has
    /// those of all its tensors so. No tensor of them is in the state dict.
    pub fn embedded(&self) -> usize {
        let is_loader = |id| match self.state.node(id) {
            Node::Global(Global { module, name }) => (&**module, &**name) == LOADER,
            _ => false,
        };
        let nodes = self.state.nodes().iter();
        nodes.filter(|node| matches!(node, Node::Object(object) if is_loader(object.callable))).count()
    }

    /// How many strings of Python 2 are no UTF-8. They are `bytes` in the state dict: the
    /// How many strings of Python 2 are not ASCII: texts in the state dict where they are UTF-8,
    /// else `bytes`. The file does not say their encoding, and one that is written of it does
    /// not say that it is open.
    pub fn undecoded(&self) -> u64 {
        self.undecoded
    }

    /// Why the state dict cannot be written again as what it is, in any format that keeps
    /// more than tensors: its pickle calls something in an order, or sees what it calls
    /// with half made, in a way that no writer has.
    pub fn irreproducible(&self) -> Option<&Finding> {
        self.state.irreproducible()
    }

    /// The state dict, payloads still in the file. It can be inspected and
    /// written elsewhere; the values of tensors need [`map`](Self::map) or
    /// [`load`](Self::load).
    pub fn state(&self) -> &StateDict<'static> {
        &self.state
    }

    /// The state dict over the mapped file: no payload is read before it is
    /// looked at, none is copied, and **none is verified**:
    /// [`StateDict::unverified`] says which those are.
    ///
    /// While it lives the file must not be changed in place or shortened, as
    /// with any mapped file; replacing it by rename is fine.
    pub fn map(&self) -> Result<StateDict<'static>> {
        let Some(bytes) = self.source.bytes()? else { return self.load() };
        let map = |(part, storage): (&Stored, &Storage<'static>)| map(part, storage.location(), &bytes);
        let storages = self.parts.iter().zip(self.state.storages()).map(map);
        let storages = storages.collect::<Result<_>>()?;
        self.source.unchanged()?;
        Ok(self.state.with_storages(storages))
    }

    /// The state dict in memory: every payload read, in parallel, into an
    /// allocation of its own, and verified against its checksum.
    pub fn load(&self) -> Result<StateDict<'static>> {
        self.load_with(true)
    }

    /// The same without looking at checksums.
    pub fn load_unverified(&self) -> Result<StateDict<'static>> {
        self.load_with(false)
    }

    /// Verifies every payload against its checksum, in constant memory.
    pub fn verify(&self) -> Result<Verified> {
        if self.format == Format::Pickle && self.state.storages().iter().any(|storage| storage.length() > 0) {
            return Elsewhere(self.path().into()).error();
        }
        self.verified(self.parts.par_iter().try_for_each(Stored::verify))
    }

    /// The same, and against these digests, one for each payload.
    pub(crate) fn verify_with(&self, digests: &[String]) -> Result<Verified> {
        let parts = self.parts.par_iter().zip(digests);
        self.verified(parts.try_for_each(|(part, digest)| part.verify_with(digest)))
    }

    fn verified(&self, verified: Result<()>) -> Result<Verified> {
        self.source.unchanged()?;
        verified.map_err(|error| self.state.naming_tensors(error))?;
        let checked = self.parts.iter().filter(|part| part.checksum.is_some());
        Ok(Verified {
            storages: checked.clone().count(),
            bytes: checked.map(|part| part.length).sum(),
            unchecked: self.parts.iter().filter(|part| part.checksum.is_none()).count(),
            embedded: self.embedded(),
        })
    }

    /// The checksum of all that is no payload: the bytes that say what the payloads are.
    pub(crate) fn structure_crc32(&self) -> Result<u32> {
        let mut hasher = Hasher::new();
        self.structure(|bytes| hasher.update(bytes))?;
        Ok(hasher.finalize())
    }

    /// The digest of the same bytes.
    pub(crate) fn structure_digest(&self) -> Result<String> {
        let mut hasher = blake3::Hasher::new();
        self.structure(|bytes| {
            hasher.update(bytes);
        })?;
        Ok(digest::tagged(hasher.finalize()))
    }

    fn structure(&self, each: impl FnMut(&[u8])) -> Result<()> {
        let payloads = self.parts.iter().map(|part| (part.offset, part.length));
        checksum::outside(&*self.source, payloads, each)?;
        self.source.unchanged()
    }

    /// Sets the texts beside the state dict that the format has no place for.
    pub(crate) fn set_metadata(&mut self, metadata: Vec<(String, String)>) {
        self.state.set_metadata(metadata);
    }

    pub(crate) fn source(&self) -> &dyn Source {
        &*self.source
    }

    pub(crate) fn parts(&self) -> &[Stored] {
        &self.parts
    }

    fn load_with(&self, verify: bool) -> Result<StateDict<'static>> {
        let loaded = self.state.loaded(verify);
        self.source.unchanged()?;
        loaded
    }
}

/// What makes a storage of the bytes of a file.
const LOADER: (&str, &str) = ("torch.storage", "_load_from_bytes");

/// Where the payloads of a pickle are that is a file by itself: not in it.
#[derive(Debug)]
struct Elsewhere(PathBuf);

impl Elsewhere {
    fn error<T>(&self) -> Result<T> {
        let is_outline = self.0.file_name().is_some_and(|name| name == OUTLINE);
        Err(Error::checkpoint(&self.0, if is_outline { OF_A_CHECKPOINT } else { UNPACKED }))
    }
}

/// What a pickle is whose payloads are elsewhere.
const OF_A_CHECKPOINT: &str = "the outline of a checkpoint directory, whose tensors are in the files of its ranks: \
                               `strongroom load DIR OUT` brings them together in one file";
const UNPACKED: &str = "the pickle of an unpacked PyTorch file (data.pkl), whose tensors are in other files: open the file itself, \
                        or pack its folder again with `zip -0 -r`, and `strongroom convert` that";

impl Source for Elsewhere {
    fn path(&self) -> &Path {
        &self.0
    }

    fn length(&self) -> u64 {
        0
    }

    fn read_at(&self, _offset: u64, _buffer: &mut [u8]) -> Result<()> {
        self.error()
    }

    fn bytes(&self) -> Result<Option<Shared<'static>>> {
        self.error()
    }
}

/// A payload over the bytes of its whole file: loaded only if its numbers are of
/// the other byte order.
fn map(part: &Stored, location: &str, bytes: &Shared<'static>) -> Result<Storage<'static>> {
    if part.swap > 1 {
        return load(&Pages::default(), part, location, false);
    }
    let start = usize::try_from(part.offset).ok();
    let end = part.offset.checked_add(part.length).and_then(|end| usize::try_from(end).ok());
    let range = start.zip(end).map(|(start, end)| start..end);
    range
        .and_then(|range| Storage::part(bytes.clone(), range, location, false))
        .ok_or_else(|| Error::Changed { path: part.source.path().into(), how: "became shorter".into() })
}

/// Reads a payload into memory, all cores on one payload if it is large.
fn load(pages: &Pages, part: &Stored, location: &str, verify: bool) -> Result<Storage<'static>> {
    let mut buffer = Buffer::new(pages, part.source.path(), part.length)?;
    part.load_into(buffer.as_mut(), verify)?;
    let length = buffer.as_ref().len();
    let verified = verify && part.checksum.is_some();
    Storage::part(Arc::new(buffer), 0..length, location, verified)
        .ok_or_else(|| Error::Value("a buffer is shorter than itself".into()))
}

/// Reverses the bytes of each number of `width` bytes.
pub(crate) fn reverse(bytes: &mut [u8], width: u8) {
    if width > 1 {
        bytes.chunks_exact_mut(width.into()).for_each(<[u8]>::reverse);
    }
}

impl Stored {
    /// Reads the whole payload into `out`, which has its length.
    pub(crate) fn load_into(&self, out: &mut [u8], verify: bool) -> Result<()> {
        let verify = verify && self.checksum.is_some();
        let hashers = self.bring(0, out, verify, Self::fetch)?;
        if verify { self.matches(checksum::combine(hashers)) } else { Ok(()) }
    }

    /// The same on the way into something that lasts: verified, and witnessed.
    fn carry_into(&self, out: &mut [u8]) -> Result<()> {
        let verify = self.checksum.is_some();
        let hashers = self.bring(0, out, verify, Self::read_at)?;
        if verify { self.matches(checksum::combine(hashers)) } else { Ok(()) }
    }

    /// Fills `buffer` from byte `at` of the payload on. What has no checksum is remembered,
    /// and [`StateDict::confirmed`] reads it once more.
    pub(crate) fn read_at(&self, at: u64, buffer: &mut [u8]) -> Result<()> {
        self.fetch(at, buffer)?;
        self.witness.as_ref().map_or(Ok(()), |witness| witness.saw(self.offset + at, buffer))
    }

    fn fetch(&self, at: u64, buffer: &mut [u8]) -> Result<()> {
        self.source.read_at(self.offset + at, buffer)
    }

    /// Reads the part of the payload from byte `start` on into `out`. Both its ends
    /// must be ends of numbers.
    pub(crate) fn part_into(&self, start: u64, out: &mut [u8]) -> Result<()> {
        self.bring(start, out, false, Self::fetch).map(drop)
    }

    /// Reads with all cores, and hashes each block while it is in cache.
    fn bring(
        &self,
        start: u64,
        out: &mut [u8],
        hash: bool,
        read: impl Fn(&Self, u64, &mut [u8]) -> Result<()> + Sync,
    ) -> Result<Vec<Hasher>> {
        let blocks = out.par_chunks_mut(checksum::BLOCK).enumerate();
        let hashers = blocks.map(|(index, block)| {
            let mut hasher = Hasher::new();
            let mut at = start + (index * checksum::BLOCK) as u64;
            for chunk in block.chunks_mut(checksum::CHUNK) {
                read(self, at, chunk)?;
                at += chunk.len() as u64;
                if hash {
                    hasher.update(chunk);
                }
                reverse(chunk, self.swap);
            }
            Ok(hasher)
        });
        hashers.collect()
    }

    /// Verifies the payload where it lies, if it has a checksum.
    pub(crate) fn verify(&self) -> Result<()> {
        if self.checksum.is_some() { self.matches(checksum::stored(self)?) } else { Ok(()) }
    }

    /// The same, and against its digest.
    fn verify_with(&self, digest: &str) -> Result<()> {
        let (checksum, found) = checksum::stored_and_digest(self)?;
        self.matches(checksum)?;
        if found == digest {
            return Ok(());
        }
        let reason = format!("{}: expected {digest}, found {found}, whose checksum is the same", self.name);
        Err(Error::checkpoint(self.source.path(), reason))
    }

    /// Holds a computed checksum against the one in the file, if there is one.
    pub(crate) fn matches(&self, found: u32) -> Result<()> {
        match self.checksum {
            // Of a file that somebody writes to no checksum says what is wrong with it.
            Some(expected) if expected != found && checksum::stored(self)? != found => {
                Err(written_to(&*self.source))
            }
            Some(expected) if expected != found => Err(Error::Checksum {
                path: PathBuf::from(self.source.path()),
                part: self.name.clone(),
                tensors: Vec::new(),
                offset: self.offset,
                length: self.length,
                expected,
                found,
            }),
            _ => Ok(()),
        }
    }
}

impl<'a> StateDict<'a> {
    /// The same in memory: what is still in files is read, in parallel.
    pub(crate) fn loaded(&self, verify: bool) -> Result<Self> {
        let pages = Pages::default();
        let storages = self.storages().par_iter().map(|storage| storage.load(&pages, verify));
        let storages: Result<_> = storages.collect();
        self.unchanged()?;
        Ok(self.with_storages(storages.map_err(|error| self.naming_tensors(error))?))
    }

    /// An error if a file that payloads are read from is not what it was when it was opened.
    pub(crate) fn unchanged(&self) -> Result<()> {
        let mut asked = HashSet::new();
        let sources = self.storages().iter().filter_map(|storage| match storage.content() {
            Content::Stored(part) => Some(&part.source),
            Content::Bytes(..) => None,
        });
        let mut sources = sources.filter(|source| asked.insert(Arc::as_ptr(source).cast::<()>()));
        sources.try_for_each(|source| source.unchanged())
    }

    /// The same before anything lasting is made of what was read: what has no checksum is
    /// read once more, and has to be what it was.
    pub(crate) fn confirmed(&self) -> Result<()> {
        self.unchanged()?;
        let mut asked = HashSet::new();
        let witnesses = self.storages().iter().filter_map(|storage| match storage.content() {
            Content::Stored(part) => part.witness.as_ref(),
            Content::Bytes(..) => None,
        });
        let mut witnesses = witnesses.filter(|witness| asked.insert(Arc::as_ptr(witness)));
        witnesses.try_for_each(|witness| witness.confirm())
    }

    /// The error about a payload of this state dict, with the tensors whose elements it has.
    pub(crate) fn naming_tensors(&self, mut error: Error) -> Error {
        if let Error::Checksum { path, part, tensors, .. } = &mut error {
            let damaged = |leaf: &Leaf<'_, '_>| match storage_of(&leaf.item).as_ref().map(Storage::content) {
                Some(Content::Stored(stored)) => stored.source.path() == path && stored.name == *part,
                _ => false,
            };
            // A file that is one tensor has no name for it.
            let named = self.leaves().filter(damaged).map(|leaf| leaf.path).filter(|path| !path.is_empty());
            *tensors = named.take(MOST_NAMED).collect();
        }
        error
    }
}

/// The storage a value looks into.
fn storage_of<'a>(item: &Item<'_, 'a>) -> Option<Storage<'a>> {
    let tensor = item.as_tensor().or_else(|| item.as_quantized());
    tensor.and_then(|tensor| tensor.storage().cloned()).or_else(|| item.as_storage().cloned())
}

/// Tensors that an error names.
const MOST_NAMED: usize = 4;

impl<'a> Storage<'a> {
    /// Copies all bytes to `buffer`, which is as long, with all cores. Those from a
    /// file are verified if it has their checksum.
    pub(crate) fn copy_to(&self, buffer: &mut [u8]) -> Result<()> {
        match self.content() {
            Content::Stored(part) => part.carry_into(buffer),
            Content::Bytes(..) => {
                let bytes = self.bytes()?;
                if bytes.len() != buffer.len() {
                    return Err(Error::Value("a storage has another length than it had".into()));
                }
                let blocks = buffer.par_chunks_mut(checksum::BLOCK).zip(bytes.par_chunks(checksum::BLOCK));
                blocks.for_each(|(to, from)| to.copy_from_slice(from));
                Ok(())
            }
        }
    }

    /// The same bytes in memory, verified if asked to and if there is a checksum.
    pub(crate) fn load(&self, pages: &Pages, verify: bool) -> Result<Self> {
        match self.content() {
            Content::Bytes(..) => Ok(self.clone()),
            Content::Stored(part) => load(pages, part, self.location(), verify),
        }
    }
}
