use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::ValidateOptions;
use super::file::{self, failed};
use super::kind::Kind;
use super::report::Report;
use super::rule::{CHANGED, EXTRA, MISSING, NEWER, RECORD, Rules, UNREADABLE};
use crate::checkpoint::{self, FileRecord, OUTLINE, Record, Sealed, crc32_of, rank_file, rank_record};
use crate::store::{Source, Store};
use crate::{Engine, Error, File};

/// Holds a directory against its commit record, if it has one.
pub(super) fn validate(
    engine: &Engine,
    rules: &Rules,
    store: &dyn Store,
    path: &Path,
    options: &ValidateOptions,
) -> Option<Report> {
    let mut report = Report::new(path, Kind::CHECKPOINT_DIRECTORY);
    match Record::read_sealed(store, path) {
        Ok(None) => return None,
        Ok(Some((record, sealed))) => {
            let set = Set { engine, rules, store, path, record: &record, sealed: &sealed };
            set.list(&mut report);
            for rank in 0..record.world_size {
                set.compare_rank(rank, options.deep, &mut report);
            }
            set.compare_outline(&mut report);
        }
        Err(Error::Checkpoint { reason, .. }) => {
            report.find(rules, &RECORD, 0, checkpoint::RECORD, reason);
            // Nobody else looks at it, and whatever it is, a reader may be told to.
            let record = file::validate(engine, rules, store, &path.join(checkpoint::RECORD), options);
            report.absorb(record, checkpoint::RECORD);
        }
        Err(Error::Newer { version, supported, .. }) => {
            let message = format!("it is of version {version}, and this program reads version {supported}");
            report.find(rules, &NEWER, 0, checkpoint::RECORD, message);
        }
        Err(error) => failed(&mut report, rules, &error),
    }
    Some(report)
}

/// The files of a directory that [`validate`] alone judges: regular ones, which were read as what they should be.
/// The commit record is whoever's the directory is, and may not hide what else has such a name.
pub(super) fn records(store: &dyn Store, path: &Path) -> BTreeSet<String> {
    let entries = store.list(path).unwrap_or_default().into_iter();
    let regular = entries.filter(|entry| !entry.directory && entry.link.is_none());
    let regular: BTreeSet<String> = regular.filter_map(|entry| entry.name.into_string().ok()).collect();
    let sealed = match Record::read_sealed(store, path) {
        Ok(Some((_, sealed))) => sealed,
        // What is no record is judged as a file by the same.
        Err(Error::Checkpoint { .. }) => Sealed::default(),
        _ => return BTreeSet::new(),
    };
    let ranks = sealed.ranks.record_length.iter().zip(&sealed.ranks.record_crc32).enumerate();
    let is_sealed = |name: &str, length: u64, crc32: u32| {
        let path = path.join(name);
        regular.contains(name)
            && store.open(&path).is_ok_and(|source| source.length() == length)
            && FileRecord::read(store, &path).is_ok_and(|(_, found, _)| found == crc32)
    };
    let records = ranks
        .map(|(rank, (&length, &crc32))| (rank_record(rank), length, crc32))
        .filter(|(name, length, crc32)| is_sealed(name, *length, *crc32))
        .map(|(name, ..)| name);
    let record = regular.get(checkpoint::RECORD).cloned();
    records.chain(record).collect()
}

/// A directory and its record.
struct Set<'s> {
    engine: &'s Engine,
    rules: &'s Rules,
    store: &'s dyn Store,
    path: &'s Path,
    record: &'s Record,
    sealed: &'s Sealed,
}

impl Set<'_> {
    /// Says what is in the directory beside the set.
    fn list(&self, report: &mut Report) {
        let entries = match self.store.list(self.path) {
            Ok(entries) => entries,
            Err(error) => return failed(report, self.rules, &error),
        };
        let known: BTreeSet<String> = self.record.names().chain([checkpoint::RECORD.into()]).collect();
        let names: BTreeSet<String> =
            entries.into_iter().map(|entry| entry.name.to_string_lossy().into_owned()).collect();
        for name in names.difference(&known) {
            report.find(self.rules, &EXTRA, 0, name, format!("{} does not list it", checkpoint::RECORD));
        }
    }

    /// Holds a rank's file and its record against what the commit record says of them.
    fn compare_rank(&self, rank: usize, deep: bool, report: &mut Report) {
        let ranks = &self.sealed.ranks;
        let sealed =
            ranks.length.get(rank).zip(ranks.record_length.get(rank)).zip(ranks.record_crc32.get(rank));
        let Some(((&length, &record_length), &crc32)) = sealed else { return };
        let (name, record_name) = (rank_file(rank), rank_record(rank));
        let file = self.open(&name, length, report);
        if self.open(&record_name, record_length, report).is_none() {
            return;
        }
        let mut find = |name: &str, rule, message| report.find(self.rules, rule, 0, name, message);
        let record = match FileRecord::read(self.store, &self.path.join(&record_name)) {
            Ok((record, found, _)) if found == crc32 => record,
            Ok((_, found, _)) => {
                return find(
                    &record_name,
                    &CHANGED,
                    format!("expected checksum {crc32:08x}, found {found:08x}"),
                );
            }
            Err(error) => return find(&record_name, &CHANGED, error.to_string()),
        };
        let Some(source) = file.filter(|_| deep) else { return };
        // A file that cannot be read as a checkpoint has findings of its own.
        if let Ok(file) = File::from_source(self.engine, source) {
            match record.differs(&file) {
                Ok(None) => {}
                Ok(Some(differs)) => find(&name, &CHANGED, differs),
                Err(error) => find(&name, &UNREADABLE, error.to_string()),
            }
        }
    }

    fn compare_outline(&self, report: &mut Report) {
        let Some(sealed) = &self.sealed.outline else { return };
        let Some(source) = self.open(OUTLINE, sealed.length, report) else { return };
        match crc32_of(&*source) {
            Ok(found) if found == sealed.crc32 => {}
            Ok(found) => {
                let message = format!("expected checksum {:08x}, found {found:08x}", sealed.crc32);
                report.find(self.rules, &CHANGED, 0, OUTLINE, message);
            }
            Err(error) => report.find(self.rules, &UNREADABLE, 0, OUTLINE, error.to_string()),
        }
    }

    /// A file of the set, if it is there and has its length.
    fn open(&self, name: &str, length: u64, report: &mut Report) -> Option<Arc<dyn Source>> {
        let path = self.path.join(name);
        let mut find = |rule, message| report.find(self.rules, rule, 0, name, message);
        match self.store.exists(&path) {
            Ok(true) => {}
            Ok(false) => {
                find(&MISSING, format!("expected {length} bytes, found no file"));
                return None;
            }
            Err(error) => {
                find(&UNREADABLE, error.to_string());
                return None;
            }
        }
        match self.store.open(&path) {
            Ok(source) if source.length() == length => Some(source),
            Ok(source) => {
                find(&CHANGED, format!("expected {length} bytes, found {}", source.length()));
                None
            }
            Err(error) => {
                find(&UNREADABLE, error.to_string());
                None
            }
        }
    }
}
