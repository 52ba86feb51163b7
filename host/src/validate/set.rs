use std::collections::BTreeSet;
use std::path::Path;

use super::ValidateOptions;
use super::file::{self, failed};
use super::report::{Kind, Report};
use super::rule::{CHANGED, EXTRA, MISSING, RECORD, Rules, UNREADABLE};
use crate::checkpoint::{self, FileRecord, Record};
use crate::store::Store;
use crate::{Engine, Error, File};

/// Holds a directory against its commit record, if it has one.
pub(super) fn validate(
    engine: &Engine,
    rules: &Rules,
    store: &dyn Store,
    path: &Path,
    options: &ValidateOptions,
) -> Option<Report> {
    let mut report = Report::new(path, Kind::CheckpointDirectory);
    match Record::read(store, path) {
        Ok(None) => return None,
        Ok(Some(record)) => {
            let set = Set { engine, rules, store, path, record: &record };
            set.list(&mut report);
            let files: Vec<&FileRecord> = record.ranks.iter().chain(&record.outline).collect();
            for file in files {
                set.compare(file, options.deep, &mut report);
            }
        }
        Err(Error::Checkpoint { reason, .. }) => {
            report.find(rules, &RECORD, 0, checkpoint::RECORD, reason);
            // Nobody else looks at it, and whatever it is, a reader may be told to.
            let record = file::validate(engine, rules, store, &path.join(checkpoint::RECORD), options);
            report.absorb(record, checkpoint::RECORD);
        }
        Err(error) => failed(&mut report, rules, &error),
    }
    Some(report)
}

/// A directory and its record.
struct Set<'s> {
    engine: &'s Engine,
    rules: &'s Rules,
    store: &'s dyn Store,
    path: &'s Path,
    record: &'s Record,
}

impl Set<'_> {
    /// Says what is in the directory beside the set.
    fn list(&self, report: &mut Report) {
        let entries = match self.store.list(self.path) {
            Ok(entries) => entries,
            Err(error) => return failed(report, self.rules, &error),
        };
        let known: BTreeSet<&str> = self
            .record
            .ranks
            .iter()
            .chain(&self.record.outline)
            .map(|file| file.name.as_str())
            .chain([checkpoint::RECORD])
            .collect();
        let names: BTreeSet<String> =
            entries.into_iter().map(|entry| entry.name.to_string_lossy().into_owned()).collect();
        for name in names.iter().filter(|name| !known.contains(name.as_str())) {
            report.find(self.rules, &EXTRA, 0, name, format!("{} does not list it", checkpoint::RECORD));
        }
    }

    /// Holds a file against what the record says of it.
    fn compare(&self, record: &FileRecord, deep: bool, report: &mut Report) {
        let path = self.path.join(&record.name);
        let mut find = |rule, message| report.find(self.rules, rule, 0, &record.name, message);
        match self.store.exists(&path) {
            Ok(true) => {}
            Ok(false) => return find(&MISSING, format!("expected {} bytes, found no file", record.length)),
            Err(error) => return find(&UNREADABLE, error.to_string()),
        }
        let source = match self.store.open(&path) {
            Ok(source) => source,
            Err(error) => return find(&UNREADABLE, error.to_string()),
        };
        if source.length() != record.length {
            return find(&CHANGED, format!("expected {} bytes, found {}", record.length, source.length()));
        }
        if !deep {
            return;
        }
        // A file that cannot be read as a checkpoint has findings of its own.
        if let Ok(file) = File::from_source(self.engine, source) {
            match FileRecord::of(&record.name, &file) {
                Ok(found) if found == *record => {}
                Ok(found) => find(&CHANGED, checkpoint::differs(record, &found)),
                Err(error) => find(&UNREADABLE, error.to_string()),
            }
        }
    }
}
