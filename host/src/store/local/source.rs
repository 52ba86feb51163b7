//! Files that are read.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::OFlags;

use crate::store::{Shared, Source};
use crate::{Error, Result};

#[derive(Debug)]
pub(super) struct LocalSource {
    path: PathBuf,
    file: File,
    length: u64,
}

impl LocalSource {
    /// Opens the file at `place`, which errors call `path`.
    pub(super) fn open(path: &Path, place: &Path) -> Result<Self> {
        let failed = |source| Error::io(path, "open", source);
        // Without waiting: a pipe in a directory from elsewhere would never open.
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        let file = File::options().read(true).custom_flags(flags).open(place).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")));
        }
        Ok(Self { path: path.into(), file, length: metadata.len() })
    }
}

impl LocalSource {
    /// Why it ends before the end that it had. Nobody asks for more than that.
    fn shorter(&self) -> String {
        let now = self.file.metadata().map_or_else(|_| "fewer".into(), |now| now.len().to_string());
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
