//! What a directory is, as far as the names in it say.

use std::ffi::OsStr;
use std::path::Path;

use crate::DirectoryKind;
use crate::checkpoint::uncommitted::rank_of;
use crate::checkpoint::{OUTLINE, RECORD, absent, is_rank_record};
use crate::store::{Entry, Store, is_unfinished};
use crate::{Error, Result};

impl DirectoryKind {
    /// Looks at the names in the directory `path`.
    ///
    /// # Errors
    /// If there is no such directory and no save works on it, or if it cannot be listed.
    pub fn of(store: &dyn Store, path: &Path) -> Result<Self> {
        if !store.exists(path)? {
            return if is_under_way(store, path) { Ok(Self::Unfinished) } else { Err(absent(path)) };
        }
        let mut entries = store.list(path)?;
        entries.sort_unstable();
        match Self::by(store, path, &entries)? {
            Self::Other => Ok(below(store, path, &entries).unwrap_or(Self::Other)),
            kind => Ok(kind),
        }
    }

    /// What a directory with these entries is.
    fn by(store: &dyn Store, path: &Path, entries: &[Entry]) -> Result<Self> {
        let has = |name: &str| entries.iter().any(|entry| entry.name == name);
        let files =
            || entries.iter().filter(|entry| !entry.directory).filter_map(|entry| entry.name.to_str());
        if has(RECORD) {
            return Ok(Self::Committed);
        }
        let own = path.file_name().and_then(|name| name.to_str());
        if own.is_some_and(is_unfinished) {
            return Ok(Self::Unfinished);
        }
        let metadata = has(".metadata");
        if files().any(|name| name.ends_with(".distcp")) || (metadata && files().any(is_checkpoint)) {
            return Ok(Self::Distributed { metadata });
        }
        let ranks = entries.iter().filter(|entry| entry.name.to_str().and_then(rank_of).is_some()).count();
        if ranks > 0 {
            let is_ours = files().any(|name| name == OUTLINE || is_rank_record(name));
            return Ok(if is_ours { Self::LostRecord(ranks) } else { Self::RankFiles(ranks) });
        }
        if let Some(program) = program(store, path, entries)? {
            return Ok(Self::UnpackedProgram { program });
        }
        // Anybody may call a pickle so; all archives have a version beside it.
        if has("data.pkl") && (has("version") || has("data")) {
            return Ok(Self::Unpacked);
        }
        if let Some(index) = files().find(|name| name.strip_suffix(".index.json").is_some_and(is_checkpoint))
        {
            return Ok(Self::Sharded { index: index.into() });
        }
        if has("snapshots") && (has("blobs") || has("refs")) {
            return Ok(Self::HubCache);
        }
        if let Some(first) = files().find(|name| is_checkpoint(name)) {
            let first = first.to_owned();
            let count = files().filter(|name| is_checkpoint(name)).count();
            // Any program may have a `config.json`, and any repository the other.
            let weights = files().any(is_of_a_hub) && (has("config.json") || has(".gitattributes"));
            return Ok(if weights { Self::Repository { first } } else { Self::Files { first, count } });
        }
        match committed(store, path, entries)? {
            0 if entries.is_empty() => Ok(Self::Empty),
            0 if entries.iter().any(|entry| is_unfinished(&entry.name.to_string_lossy())) => {
                Ok(Self::Unfinished)
            }
            0 => Ok(Self::Other),
            checkpoints => Ok(Self::Checkpoints(checkpoints)),
        }
    }
}

/// Which program was unpacked into a directory, by what only such archives have.
fn program(store: &dyn Store, path: &Path, entries: &[Entry]) -> Result<Option<&'static str>> {
    let has = |name: &str| entries.iter().any(|entry| entry.name == name);
    if has("constants.pkl") && (has("code") || has("data.pkl")) || has("bytecode.pkl") {
        return Ok(Some("a TorchScript archive"));
    }
    if has(".data") && store.exists(&path.join(".data").join("extern_modules"))? {
        return Ok(Some("a torch.package archive"));
    }
    if has("archive_format") || has("models") && store.exists(&path.join("models").join("model.json"))? {
        return Ok(Some("an exported program (.pt2)"));
    }
    Ok(None)
}

/// Whether the hidden name of a save stands beside where its directory would be.
fn is_under_way(store: &dyn Store, path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return false };
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let beside = store.list(parent).unwrap_or_default();
    let prefix = format!(".{name}.");
    beside.iter().any(|entry| {
        entry.directory
            && entry.name.to_string_lossy().starts_with(&prefix)
            && is_unfinished(&entry.name.to_string_lossy())
    })
}

/// How many of the directories in one are committed checkpoints.
fn committed(store: &dyn Store, path: &Path, entries: &[Entry]) -> Result<usize> {
    let mut count = 0;
    for name in directories(entries) {
        count += usize::from(store.exists(&path.join(name).join(RECORD))?);
    }
    Ok(count)
}

/// The first of the directories in one that is something: where files are a level below, as
/// those of Megatron are.
fn below(store: &dyn Store, path: &Path, entries: &[Entry]) -> Option<DirectoryKind> {
    directories(entries).take(LOOKED_INTO).find_map(|name| {
        let path = path.join(name);
        let mut entries = store.list(&path).ok()?;
        entries.sort_unstable();
        match DirectoryKind::by(store, &path, &entries).ok()? {
            DirectoryKind::Empty | DirectoryKind::Other | DirectoryKind::Unfinished => None,
            kind => {
                let directory = name.to_string_lossy().into_owned();
                Some(DirectoryKind::Above { directory, kind: Box::new(kind) })
            }
        }
    })
}

/// The names of the directories among these, but for hidden ones.
fn directories(entries: &[Entry]) -> impl Iterator<Item = &OsStr> {
    let shown = entries.iter().filter(|entry| entry.directory);
    shown.map(|entry| &*entry.name).filter(|name| !name.as_encoded_bytes().starts_with(b"."))
}

/// Directories that are looked into to tell what the one above them is.
const LOOKED_INTO: usize = 64;

/// Whether a file is called as checkpoints are.
fn is_checkpoint(name: &str) -> bool {
    has_extension(Path::new(name), &["pt", "pth", "bin", "ckpt", "safetensors"]) && !name.starts_with('.')
}

/// Whether a file is called as the libraries of a hub call weights: `model.safetensors`,
/// `pytorch_model-00001-of-00002.bin`.
fn is_of_a_hub(name: &str) -> bool {
    const STEMS: [&str; 4] = ["model", "pytorch_model", "adapter_model", "diffusion_pytorch_model"];
    let path = Path::new(name);
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let is_part = |rest: &str| rest.is_empty() || rest.starts_with(['-', '.']);
    has_extension(path, &["bin", "safetensors"])
        && STEMS.iter().any(|known| stem.strip_prefix(known).is_some_and(is_part))
}

/// Whether the name of a file says that it is being downloaded, or that a download was
/// broken off.
pub fn is_partial_download(path: &Path) -> bool {
    has_extension(path, &PARTIAL)
}

/// Whether a path ends with one of these, in any case.
fn has_extension(path: &Path, known: &[&str]) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| known.iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

/// Hugging Face's, curl's and wget's, Firefox's, Chromium's, aria2's.
const PARTIAL: [&str; 6] = ["incomplete", "partial", "part", "crdownload", "download", "aria2"];

/// The error of a directory that was to be a checkpoint and has no commit record.
pub(crate) fn not_committed(store: &dyn Store, path: &Path) -> Error {
    match DirectoryKind::of(store, path) {
        Ok(DirectoryKind::Committed) => {
            Error::checkpoint(path, format!("its `{RECORD}` is a link that leads nowhere, or went meanwhile"))
        }
        Ok(kind) => Error::NotCommitted { path: path.into(), kind },
        Err(error) => error,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::store::Local;

    /// What a directory with these names in it is; `name/` is a directory.
    fn kind(own: &str, names: &[&str]) -> DirectoryKind {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join(own);
        fs::create_dir(&path).unwrap();
        for name in names {
            match name.strip_suffix('/') {
                Some(name) => fs::create_dir_all(path.join(name)).unwrap(),
                None => {
                    fs::create_dir_all(path.join(name).parent().unwrap()).unwrap();
                    fs::write(path.join(name), "").unwrap();
                }
            }
        }
        DirectoryKind::of(&Local, &path).unwrap()
    }

    #[test]
    fn names_say_what_a_directory_is() {
        use DirectoryKind as Kind;
        let first = |first: &str| first.to_owned();
        let above = |directory: &str, kind| Kind::Above { directory: directory.into(), kind: Box::new(kind) };
        let program = |program| Kind::UnpackedProgram { program };
        let cases: [(&[&str], Kind); 35] = [
            (&["strongroom.json", "checkpoint_0.pt"], Kind::Committed),
            (&["checkpoint_0.pt", "checkpoint_1.pt", "config.json"], Kind::RankFiles(2)),
            (&["checkpoint_0.pt", "checkpoint_1.pt", "outline.pkl"], Kind::LostRecord(2)),
            (&["checkpoint_0.pt", "checkpoint_0.json"], Kind::LostRecord(1)),
            (&[".metadata", "__0_0.distcp"], Kind::Distributed { metadata: true }),
            (&["__0_0.distcp", "__1_0.distcp"], Kind::Distributed { metadata: false }),
            (&[".metadata", "model-00001-of-00002.safetensors"], Kind::Distributed { metadata: true }),
            (&["data.pkl", "version", "data/0"], Kind::Unpacked),
            (&["data.pkl", ".data/serialization_id", "version"], Kind::Unpacked),
            (&["data.pkl", "constants.pkl", "code/a.py"], program("a TorchScript archive")),
            (&["constants.pkl", "bytecode.pkl", "data.pkl"], program("a TorchScript archive")),
            (&[".data/extern_modules", "model/model.pkl"], program("a torch.package archive")),
            (&["archive_format", "models/model.json"], program("an exported program (.pt2)")),
            (
                &["config.json", "model-00001-of-00002.safetensors", "model.safetensors.index.json"],
                Kind::Sharded { index: "model.safetensors.index.json".into() },
            ),
            (&["blobs/", "refs/", "snapshots/"], Kind::HubCache),
            (
                &["README.md", "config.json", "model.safetensors"],
                Kind::Repository { first: first("model.safetensors") },
            ),
            (
                &["config.json", "diffusion_pytorch_model.fp16.safetensors"],
                Kind::Repository { first: first("diffusion_pytorch_model.fp16.safetensors") },
            ),
            (
                &[".gitattributes", "notes.bin", "pytorch_model-00001-of-00002.bin"],
                Kind::Repository { first: first("notes.bin") },
            ),
            // What many others have, too.
            (&["config.json"], Kind::Other),
            (&["config.json", "search.index.json"], Kind::Other),
            (&["config.json", "data.pkl"], Kind::Other),
            (&["config.json", "run.pt"], Kind::Files { first: first("run.pt"), count: 1 }),
            (&["config.json", "modelling.bin"], Kind::Files { first: first("modelling.bin"), count: 1 }),
            (&["config.json", "model.pt"], Kind::Files { first: first("model.pt"), count: 1 }),
            (&["b.pt", "a.pth", "log.txt"], Kind::Files { first: first("a.pth"), count: 2 }),
            (&["step-1/strongroom.json", "step-2/strongroom.json", "notes/"], Kind::Checkpoints(2)),
            (&[".step-1.00000000000004a1.strongroom-staging/"], Kind::Unfinished),
            (&[".a.pt.00000000000004a1.strongroom-partial"], Kind::Unfinished),
            (&[".step-1.staging/", ".cache"], Kind::Other),
            (
                &["latest_iteration.txt", "logs/a.txt", "mp_rank_00/model.PT", "mp_rank_01/model.PT"],
                above("mp_rank_00", Kind::Files { first: first("model.PT"), count: 1 }),
            ),
            (&["models--a--b/blobs/", "models--a--b/snapshots/"], above("models--a--b", Kind::HubCache)),
            (&["first/step-1/strongroom.json"], above("first", Kind::Checkpoints(1))),
            (&["src/lib/a.pt", ".cache/a.pt"], Kind::Other),
            (&["log.txt"], Kind::Other),
            (&[], Kind::Empty),
        ];
        for (names, expected) in cases {
            assert_eq!(kind("run", names), expected, "{names:?}");
        }
        assert_eq!(
            kind(".step-1.00000000000004a1.strongroom-staging", &["checkpoint_0.pt"]),
            Kind::Unfinished
        );
        let run = tempfile::tempdir().unwrap();
        fs::create_dir(run.path().join(".step-2.00000000000004a1.strongroom-staging")).unwrap();
        assert_eq!(DirectoryKind::of(&Local, &run.path().join("step-2")).unwrap(), DirectoryKind::Unfinished);
        assert!(DirectoryKind::of(&Local, &run.path().join("step-3")).is_err());
        // A name that only looks like one proves nothing.
        assert_eq!(kind("step-1.staging", &["checkpoint_0.pt"]), Kind::RankFiles(1));
    }
}
