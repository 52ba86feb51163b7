//! Pipes and devices that are written to.

use std::fs::{self, File};
use std::io::{self, Seek, Write};
use std::os::fd::{BorrowedFd, RawFd};
use std::os::unix::fs::{FileExt, FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use super::place::Place;
use super::sink::reserve;
use super::under_way::hold;
use crate::store::Sink;
use crate::{Error, Result};

/// What is written comes in any order, so it waits in a nameless file until it is whole.
#[derive(Debug)]
pub(super) struct StreamSink {
    path: PathBuf,
    stream: File,
    waiting: File,
}

impl StreamSink {
    pub(super) fn open(path: &Path, length: u64) -> Result<Self> {
        let stream = open(path).map_err(|source| Error::io(path, "open", source))?;
        let waiting = tempfile::tempfile().and_then(|file| reserve(&file, length).map(|()| file));
        let waiting = waiting.map_err(|source| {
            let action = format!("keep {length} bytes for it in {}", std::env::temp_dir().display());
            Error::io(path, action, source)
        })?;
        Ok(Self { path: path.into(), stream, waiting })
    }
}

impl Sink for StreamSink {
    fn path(&self) -> &Path {
        &self.path
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        self.waiting.write_all_at(bytes, offset).map_err(|source| {
            Error::io(&self.path, format!("write {} bytes at {offset}", bytes.len()), source)
        })
    }

    fn finish(mut self: Box<Self>, _durable: bool) -> Result<()> {
        hold().appeared = true;
        let mut stream = Patient(&self.stream);
        let sent = self.waiting.rewind().and_then(|()| io::copy(&mut self.waiting, &mut stream));
        sent.map(drop).map_err(|source| Error::io(&self.path, "write to", source))
    }
}

/// Waits for who reads, where others have set a stream to say that it is full.
struct Patient<'s>(&'s File);

impl Write for Patient<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.0.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    poll(&mut [PollFd::new(self.0, PollFlags::OUT)], None)?;
                }
                written => return written,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is open in this process is written to as it is: `/dev/stdout` has a position that
/// others share, who write before and after.
fn open(path: &Path) -> io::Result<File> {
    match Place::of(path).ok().and_then(|place| place.descriptor()) {
        Some(number) => duplicate(number),
        None => open_anew(path),
    }
}

#[allow(unsafe_code)]
fn duplicate(number: RawFd) -> io::Result<File> {
    // SAFETY: it is borrowed for one call, which answers with an error if nothing is open
    // under this number.
    let stream = File::from(unsafe { BorrowedFd::borrow_raw(number) }.try_clone_to_owned()?);
    if fcntl_getfl(&stream)? & OFlags::ACCMODE == OFlags::RDONLY {
        let reason = "it is open for reading only";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
    }
    Ok(stream)
}

/// Opens it at its end. Nobody may ever read from a pipe: that is found out, not waited
/// for.
fn open_anew(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let start = Instant::now();
    let stream = loop {
        match File::options().append(true).custom_flags(flags).open(path) {
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) => {
                if start.elapsed() > PATIENCE {
                    return Err(nobody(path));
                }
                thread::sleep(Duration::from_millis(10));
            }
            opened => break opened?,
        }
    };
    let flags = fcntl_getfl(&stream)?;
    fcntl_setfl(&stream, flags - OFlags::NONBLOCK)?;
    Ok(stream)
}

/// Why a stream that is there cannot be opened.
fn nobody(path: &Path) -> io::Error {
    let reason = match fs::metadata(path).is_ok_and(|there| there.file_type().is_fifo()) {
        true => "it is a pipe, and nobody reads from it",
        false => "it is a device, and nothing is behind it",
    };
    io::Error::new(io::ErrorKind::NotConnected, reason)
}

/// How long a reader may take to come.
const PATIENCE: Duration = Duration::from_secs(3);
