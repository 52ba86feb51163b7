//! Files that are read.

use std::fs::{File, Metadata};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::held::Held;
use crate::store::{Shared, Source};
use crate::{Error, Result};

#[derive(Debug)]
pub(super) struct LocalSource {
    path: PathBuf,
    file: File,
    length: u64,
    opened: Version,
    _held: Held,
}

impl LocalSource {
    /// Opens the file at `place`, which errors call `path`.
    pub(super) fn open(path: &Path, place: &Path) -> Result<Self> {
        let failed = |source| Error::io(path, "open", source);
        // Without waiting: a pipe in a directory from elsewhere would never open.
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        let no_file = || failed(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
        let file = match File::options().read(true).custom_flags(flags).open(place) {
            // A socket, or a device that is not there.
            Err(error) if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) => return Err(no_file()),
            opened => opened.map_err(failed)?,
        };
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(no_file());
        }
        let opened = Version::of(&file, &metadata);
        Ok(Self { path: path.into(), file, length: metadata.len(), opened, _held: Held::default() })
    }

    /// The same, and what it is in is no leftover while it is read.
    pub(super) fn held(self) -> Self {
        let _held = Held::hidden(self.opened.names.1.as_deref().unwrap_or(&self.path));
        Self { _held, ..self }
    }

    /// Why it ends before the end that it had. Nobody asks for more than that.
    fn shorter(&self) -> String {
        let now = self.file.metadata().map(|now| now.len()).ok();
        if now == Some(self.length) {
            // As those of the kernel do, which make their bytes when they are read.
            return format!("the file has fewer bytes than the {} that it says it has", self.length);
        }
        let now = now.map_or_else(|| "fewer".into(), |now| now.to_string());
        format!("the file became shorter while it was read: it had {} bytes, and has {now}", self.length)
    }
}

impl Source for LocalSource {
    fn path(&self) -> &Path {
        &self.path
    }

    fn length(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        self.file.read_exact_at(buffer, offset).map_err(|source| {
            let source = match source.kind() {
                io::ErrorKind::UnexpectedEof => io::Error::new(source.kind(), self.shorter()),
                _ => source,
            };
            Error::io(&self.path, format!("read {} bytes at {offset}", buffer.len()), source)
        })
    }

    #[allow(unsafe_code)]
    fn bytes(&self) -> Result<Option<Shared<'static>>> {
        // SAFETY: the map is read-only and private. Another process that writes
        // to the file changes what is seen, one that shortens it ends this one:
        // checkpoints are replaced by rename, never in place, and the docs of
        // `map` say so. Measured: 1 GiB is there in under a millisecond, where
        // reading it takes a third of a second.
        let map = unsafe { memmap2::MmapOptions::new().map_copy_read_only(&self.file) };
        let map = map.map_err(|source| Error::io(&self.path, "map", source))?;
        Ok(Some(Arc::new(map)))
    }

    fn unchanged(&self) -> Result<()> {
        let metadata = self.file.metadata();
        let metadata = metadata.map_err(|source| Error::io(&self.path, "look at", source))?;
        let changed = self.opened.changed(&Version::of(&self.file, &metadata));
        changed.map_or(Ok(()), |how| Err(Error::Changed { path: self.path.clone(), how }))
    }
}

/// What is different of an open file once somebody has written to it.
///
/// Times are those of the kernel's clock ticks, on most file systems of 1 to 10 ms: who
/// writes within the tick of the write before leaves no trace in them, and a store
/// through a shared map leaves one only when its page was clean.
#[derive(Debug)]
struct Version {
    length: u64,
    modified: (i64, i64),
    /// When contents, name or owner changed. The first cannot be set back, as the time
    /// of modification can.
    changed: (i64, i64),
    /// What else moves `changed`: its names, as far as they are known.
    names: (u64, Option<PathBuf>),
}

impl Version {
    fn of(file: &File, metadata: &Metadata) -> Self {
        // Where there is no such link its count of links has to do.
        let name = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).ok();
        Self {
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            names: (metadata.nlink(), name),
        }
    }

    /// How it became `now`, if it did.
    fn changed(&self, now: &Self) -> Option<String> {
        if self.length != now.length {
            let way = if now.length < self.length { "shorter" } else { "longer" };
            return Some(format!("became {way}: it had {} bytes, and has {}", self.length, now.length));
        }
        // A file that is replaced or renamed while it is read is still the same file.
        let renamed = self.names != now.names;
        let written = self.modified != now.modified || (self.changed != now.changed && !renamed);
        written.then(|| "was written to".into())
    }
}

#[cfg(test)]
mod tests {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    #[test]
    fn a_pipe_is_refused_rather_than_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("strongroom.json");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR, 0).unwrap();
        let error = LocalSource::open(&pipe, &pipe).unwrap_err();
        assert!(error.to_string().ends_with("it is not a regular file"), "{error}");
    }

    /// Times move with the kernel's ticks.
    fn later() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }

    #[test]
    fn what_is_written_to_has_changed_whatever_its_times_say() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("model.pt");
        let changes: [fn(&File); 4] = [
            |file| file.write_all_at(b"other", 0).unwrap(),
            |file| file.set_len(3).unwrap(),
            |file| file.set_len(9).unwrap(),
            |file| {
                let modified = file.metadata().unwrap().modified().unwrap();
                file.write_all_at(b"other", 0).unwrap();
                file.set_modified(modified).unwrap();
            },
        ];
        for (index, change) in changes.iter().enumerate() {
            std::fs::write(&path, "bytes").unwrap();
            let source = LocalSource::open(&path, &path).unwrap();
            later();
            source.unchanged().unwrap();
            change(&File::options().write(true).open(&path).unwrap());
            let error = source.unchanged().unwrap_err();
            assert!(matches!(error, Error::Changed { .. }), "{index}: {error}");
        }
    }

    #[test]
    fn what_is_replaced_removed_or_renamed_is_what_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let (path, other) = (directory.path().join("model.pt"), directory.path().join("other.pt"));
        let changes: [fn(&Path, &Path); 3] = [
            |path, other| {
                std::fs::write(other, "other").unwrap();
                std::fs::rename(other, path).unwrap();
            },
            |path, _| std::fs::remove_file(path).unwrap(),
            |path, other| std::fs::rename(path, other).unwrap(),
        ];
        for change in changes {
            std::fs::write(&path, "bytes").unwrap();
            let source = LocalSource::open(&path, &path).unwrap();
            later();
            change(&path, &other);
            source.unchanged().unwrap();
        }
    }

    #[test]
    fn a_file_that_becomes_shorter_is_said_to() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(100).unwrap();
        let source = LocalSource::open(file.path(), file.path()).unwrap();
        file.as_file().set_len(10).unwrap();
        let error = source.read_at(5, &mut [0; 20]).unwrap_err().to_string();
        let end = "the file became shorter while it was read: it had 100 bytes, and has 10";
        assert!(error.ends_with(end), "{error}");
    }
}
