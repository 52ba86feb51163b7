use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::ValidateOptions;
use super::file;
use super::report::Report;
use super::rule::{ABSENT, Rules, STALE};
use crate::sandbox::bindings::validator::{Item, NamedItem};
use crate::store::Store;
use crate::{Engine, Result};

/// A directory of `torch.distributed.checkpoint`, to judge its files by what its metadata says of
/// them: which items are where, and what they are.
///
/// The metadata is judged once, with the first file of it that is judged
/// ([`validate_distributed_in`](super::validate_distributed_in)), under the options of that.
///
/// ```
/// use std::path::Path;
/// use strongroom::store::Memory;
/// use strongroom::validate::Distributed;
///
/// # fn main() -> strongroom::Result<()> {
/// let store = Memory::default();
/// store.insert("step-100/.metadata", *b"\x80\x02}.");
/// let checkpoint = Distributed::find(&store, Path::new("step-100"))?.unwrap();
/// assert!(checkpoint.metadata().eq(["step-100/.metadata"].map(Path::new)));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Distributed {
    /// The files that readers take for its metadata, by path.
    metadata: Vec<PathBuf>,
    /// What else is in it.
    files: BTreeSet<String>,
    table: OnceLock<Table>,
}

/// What the metadata says.
#[derive(Debug, Default)]
struct Table {
    /// Of each of them.
    reports: BTreeMap<PathBuf, Report>,
    /// Items by file.
    items: BTreeMap<String, Vec<Item>>,
}

impl Distributed {
    /// The checkpoint in a directory; None if there is no metadata of one.
    ///
    /// # Errors
    /// If the directory cannot be listed.
    pub fn find(store: &dyn Store, directory: &Path) -> Result<Option<Self>> {
        // The parent of a name alone has no name.
        let listed = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        let entries = store.list(listed)?.into_iter().filter(|entry| !entry.directory);
        let names = entries.filter_map(|entry| entry.name.to_str().map(String::from));
        let (metadata, files): (Vec<String>, Vec<String>) = names.partition(|name| is_metadata(name));
        if metadata.is_empty() {
            return Ok(None);
        }
        let mut metadata: Vec<PathBuf> = metadata.into_iter().map(|name| directory.join(name)).collect();
        metadata.sort_unstable();
        Ok(Some(Self { metadata, files: files.into_iter().collect(), table: OnceLock::new() }))
    }

    /// The files that readers take for its metadata: `.metadata`, or one for each rank.
    pub fn metadata(&self) -> impl Iterator<Item = &Path> {
        self.metadata.iter().map(PathBuf::as_path)
    }

    /// Judges a file of the directory.
    pub(super) fn validate(
        &self,
        engine: &Engine,
        rules: &Rules,
        store: &dyn Store,
        path: &Path,
        options: &ValidateOptions,
    ) -> Report {
        let table = self.table.get_or_init(|| self.read(engine, rules, store, options));
        if let Some(report) = table.reports.get(path) {
            return report.clone();
        }
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let expected = table.items.get(name);
        let judge = |expected| file::item_file(engine, rules, store, path, options, expected).0;
        let mut report = judge(expected.map(Vec::as_slice));
        // A rank without items leaves an empty file, which nobody names.
        let is_empty = || store.open(path).is_ok_and(|source| source.length() == 0);
        if expected.is_none() && name.ends_with(".distcp") && !is_empty() {
            report.find(rules, &STALE, 0, "", "no metadata in its directory names it".into());
        }
        report
    }

    /// Judges the metadata, and keeps what it says.
    fn read(&self, engine: &Engine, rules: &Rules, store: &dyn Store, options: &ValidateOptions) -> Table {
        let mut table = Table::default();
        for path in &self.metadata {
            let (mut report, items) = file::item_file(engine, rules, store, path, options, None);
            let mut missing: BTreeMap<&str, usize> = BTreeMap::new();
            for NamedItem { file, .. } in items.iter().filter(|item| !self.files.contains(&item.file)) {
                *missing.entry(file).or_default() += 1;
            }
            for (file, count) in missing {
                let shown: String = file.chars().take(200).collect();
                let message = format!("{shown:?} is not there, and has {count} of the items");
                report.find(rules, &ABSENT, 0, "", message);
            }
            for NamedItem { file, item } in items {
                if self.files.contains(&file) {
                    table.items.entry(file).or_default().push(item);
                }
            }
            table.reports.insert(path.clone(), report);
        }
        for items in table.items.values_mut() {
            // Each rank's metadata has what all ranks have.
            let key = |item: &Item| (item.range.offset, item.range.length);
            items.sort_by(|one, other| (key(one), &one.name).cmp(&(key(other), &other.name)));
            items.dedup();
        }
        table
    }
}

/// Whether readers take a file of this name for metadata: that of all ranks, or of one.
fn is_metadata(name: &str) -> bool {
    let rank = |name: &str| {
        let rank = name.strip_prefix("__")?.strip_suffix(".metadata")?;
        Some(!rank.is_empty() && rank.bytes().all(|byte| byte.is_ascii_digit()))
    };
    name == ".metadata" || rank(name).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::is_metadata;

    #[test]
    fn metadata_is_of_all_ranks_or_of_one() {
        assert!([".metadata", "__0.metadata", "__12.metadata"].iter().all(|name| is_metadata(name)));
        let others =
            ["metadata", ".metadata.tmp", "__.metadata", "__a.metadata", "__0_0.distcp", "x.metadata"];
        assert!(!others.iter().any(|name| is_metadata(name)));
    }
}
