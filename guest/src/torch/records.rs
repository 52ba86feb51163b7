use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Bound::{Excluded, Unbounded};

use crate::error::Unfit;
use crate::extras::Extras;
use crate::model::{Checkpoint, Format};
use crate::model::{Global, Stored};
use crate::torch::interpret::{Interpreted, NamedStorage};
use crate::torch::notes::{Fact, LONGEST_NOTE, Note};
use crate::zip::{Directory, Entry};
use crate::{Error, foreign, show};

/// The records of a `torch.save` archive, and what the small ones say.
#[derive(Debug)]
pub(super) struct Records {
    /// What all names start with, without the slash.
    archive: String,
    /// By name, without archive and slash.
    entries: BTreeMap<String, Entry>,
    /// False if the archive was written without them: all are zero.
    checksums: bool,
    alignment: Option<u32>,
    big_endian: bool,
    /// Bytes of the archive's comment.
    comment: u64,
    /// Bytes of the file that belong to no record.
    between: u64,
    /// Records that nobody reads, and that say something else than torch.save does.
    odd: BTreeSet<String>,
}

impl Records {
    /// Takes the records of a zip that looks like `torch.save` made it.
    pub(super) fn new(directory: Directory) -> Result<Self, Error> {
        if let Some(what) =
            foreign::describe_archive(directory.entries.iter().map(|entry| entry.name.as_str()))
        {
            return Err(foreign::unsupported(what));
        }
        let checksums = directory.entries.iter().any(|entry| entry.size > 0 && entry.crc32 != 0);
        let first = directory.entries.first().and_then(|entry| entry.name.split_once('/'));
        let Some(archive) = first.map(|(archive, _)| String::from(archive)) else {
            let found = directory.entries.first().map_or("nothing".into(), |entry| show::name(&entry.name));
            return Err(Error::malformed(0, PART, "records named `<archive>/…`", found));
        };
        let Directory { comment, between, .. } = directory;
        let mut entries = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for entry in directory.entries {
            let Some(name) = entry.name.strip_prefix(&*archive).and_then(|rest| rest.strip_prefix('/'))
            else {
                let expected = format!("a name that starts with {}", show::name(&format!("{archive}/")));
                return Err(Error::malformed(entry.header, PART, expected, show::name(&entry.name)));
            };
            if entry.method != 0 {
                let found = "deflate (method 8): unzip the file, zip it again without compression (`zip -0 -r`), and `strongroom convert` that";
                return Err(Error::unsupported(entry.header, &*entry.name, "a stored record", found));
            }
            // torch.load finds `BYTEORDER` where it looks for `byteorder`, and one of two: which
            // one hangs on where they stand.
            let folded = name.to_ascii_lowercase();
            let known = folded == PICKLE || NOTES.contains(&folded.as_str());
            if known && folded != name || seen.contains(&folded) {
                let expected = "names that differ in more than their case, which torch.load does not look at";
                return Err(Error::malformed(entry.header, PART, expected, show::name(&entry.name)));
            }
            seen.insert(folded);
            entries.insert(name.into(), entry);
        }
        let odd = BTreeSet::new();
        Ok(Self { archive, entries, checksums, alignment: None, big_endian: false, comment, between, odd })
    }

    /// The pickle.
    pub(super) fn pickle(&self) -> Result<&Entry, Error> {
        self.entries.get(PICKLE).ok_or_else(|| self.missing(PICKLE))
    }

    /// The small records that are there, always in the same order.
    pub(super) fn notes(&self) -> Result<Vec<(Note, &Entry)>, Error> {
        let get = |name: &str| self.entries.get(name);
        // torch looks for the version in both places, in this order.
        let mut versions = get(".data/version").into_iter().chain(get("version"));
        let version = versions.next().ok_or_else(|| self.missing("version"))?;
        let mut notes = Vec::from([(Note::Version, version)]);
        notes.extend(get("byteorder").map(|entry| (Note::ByteOrder, entry)));
        notes.extend(get(".storage_alignment").map(|entry| (Note::Alignment, entry)));
        for (_, entry) in &notes {
            let length = entry.payload.length;
            if length > LONGEST_NOTE {
                let expected = format!("at most {LONGEST_NOTE} bytes");
                return Err(Error::malformed(
                    entry.payload.offset,
                    &*entry.name,
                    expected,
                    format!("{length}"),
                ));
            }
        }
        let idle = versions.map(|entry| (Note::OtherVersion, entry));
        let idle = idle.chain(get(".format_version").map(|entry| (Note::FormatVersion, entry)));
        let idle = idle.chain(get(".data/serialization_id").map(|entry| (Note::SerializationId, entry)));
        notes.extend(idle.filter(|(_, entry)| entry.payload.length <= LONGEST_NOTE));
        Ok(notes)
    }

    /// Reads the small records, given the bytes of each of [`notes`](Self::notes).
    pub(super) fn learn(&mut self, parts: &[Vec<u8>]) -> Result<(), Error> {
        let mut facts = Vec::new();
        for ((note, entry), bytes) in self.notes()?.into_iter().zip(parts) {
            match (self.check(entry, crc32fast::hash(bytes)), note.is_idle()) {
                (Ok(()), _) => facts.push((note.read(entry, bytes)?, entry.name.clone())),
                (Err(_), true) => facts.push((Fact::Odd, entry.name.clone())),
                (Err(error), false) => return Err(error),
            }
        }
        for (fact, name) in facts {
            match fact {
                Fact::Version | Fact::Idle => {}
                Fact::Odd => {
                    self.odd.insert(name);
                }
                Fact::BigEndian(big_endian) => self.big_endian = big_endian,
                Fact::Alignment(alignment) => self.alignment = Some(alignment),
            }
        }
        Ok(())
    }

    /// Whether a record's bytes are those it was written with.
    pub(super) fn check(&self, entry: &Entry, crc32: u32) -> Result<(), Error> {
        if !self.checksums || crc32 == entry.crc32 {
            return Ok(());
        }
        let expected = format!("bytes with the CRC-32 {:08x}", entry.crc32);
        Err(Error::malformed(entry.payload.offset, &*entry.name, expected, format!("{crc32:08x}")))
    }

    /// What the archive holds, once its pickle is read.
    pub(super) fn checkpoint(self, interpreted: Interpreted) -> Result<Checkpoint, Error> {
        let Interpreted { nodes, storages, sources, irreproducible, undecoded, .. } = interpreted;
        let stored =
            |named: NamedStorage| self.stored(&named.key, named.length, named.swap_width, named.location);
        let storages = storages.into_iter().map(stored).collect::<Result<Vec<_>, _>>()?;
        let extras = self.extras(&storages, &sources);
        let Self { archive, alignment, checksums, .. } = self;
        let (format, metadata) = (Format::TorchZip, Vec::new());
        Ok(Checkpoint {
            format,
            archive,
            alignment,
            checksums,
            metadata,
            extras,
            irreproducible,
            undecoded,
            root: 0,
            nodes,
            storages,
        })
    }

    /// What the archive holds that is no part of the state dict.
    fn extras(&self, storages: &[Stored], sources: &[Global]) -> Vec<Unfit> {
        let used: BTreeSet<&str> = storages.iter().map(|storage| storage.name.as_str()).collect();
        let records = self.entries.iter().filter(|(name, entry)| {
            // That of the archive itself is called nothing in it. Another one of nothing is
            // somebody's word.
            let inside = || self.entries.range::<str, _>((Excluded(name.as_str()), Unbounded)).next();
            let is_used = || inside().is_some_and(|(next, _)| next.starts_with(name.as_str()));
            let folder =
                entry.size == 0 && (FOLDERS.contains(&name.as_str()) || name.ends_with('/') && is_used());
            let usual = entry.size <= LONGEST_NOTE && !self.odd.contains(&entry.name);
            let own = *name == PICKLE || NOTES.contains(&name.as_str()) && usual;
            !folder && !own && !used.contains(entry.name.as_str())
        });
        let mut extras = Extras::default();
        extras.sources(sources);
        for (name, entry) in records {
            let what = if name.starts_with("data/") { "a payload" } else { "a record" };
            extras.add(&entry.name, || format!("{what} of {} bytes that belongs to no value", entry.size));
        }
        for entry in self.entries.values().filter(|entry| entry.beside > 0) {
            let bytes = show::count(entry.beside, "");
            extras.add(&entry.name, || format!("a comment or extra fields of {bytes} beside the record"));
        }
        if self.between > 0 {
            extras.add("zip archive", || format!("{} between its records", show::count(self.between, "")));
        }
        if self.comment > 0 {
            extras.add("zip comment", || show::count(self.comment, ""));
        }
        extras.into_vec()
    }

    /// Where a storage that the pickle names lies.
    pub(super) fn stored(&self, key: &str, length: u64, swap: u8, location: String) -> Result<Stored, Error> {
        let pickle = self.pickle()?;
        let name = format!("data/{key}");
        let Some(entry) = self.entries.get(&name) else {
            let expected = format!("a record {} for a storage it names", show::name(&self.full(&name)));
            return Err(Error::malformed(pickle.payload.offset, &*pickle.name, expected, "none"));
        };
        if entry.payload.length != length {
            let expected = format!("{length} bytes, as {} says", show::name(&pickle.name));
            let found = format!("{} bytes", entry.payload.length);
            return Err(Error::malformed(entry.payload.offset, &*entry.name, expected, found));
        }
        if self.big_endian && swap == 0 {
            let expected = "tensors of one number width on a storage of the other byte order";
            return Err(Error::unsupported(entry.payload.offset, &*entry.name, expected, "several"));
        }
        Ok(Stored {
            range: entry.payload,
            // `skip_data` leaves room for payloads that are filled in later, and zeros.
            checksum: Some(entry.crc32).filter(|&crc32| self.checksums && (crc32 != 0 || length == 0)),
            swap: if self.big_endian { swap } else { 1 },
            location,
            name: entry.name.clone(),
        })
    }

    fn missing(&self, name: &str) -> Error {
        Error::malformed(0, PART, format!("a record {}", show::name(&self.full(name))), "none")
    }

    fn full(&self, name: &str) -> String {
        format!("{}/{name}", self.archive)
    }
}

/// The small records that `torch.save` writes, or once did.
const NOTES: [&str; 6] = [
    "version",
    "byteorder",
    ".format_version",
    ".storage_alignment",
    ".data/version",
    ".data/serialization_id",
];

/// The folders that archives of them have.
const FOLDERS: [&str; 3] = ["", "data/", ".data/"];

const PICKLE: &str = "data.pkl";

const PART: &str = "zip directory";
