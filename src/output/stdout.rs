//! Standard output, told apart from a reader that has seen enough.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Standard output as a command writes it.
///
/// A reader that has gone, as `head` does, ends nothing: what is written then is thrown
/// away, the work goes on, and its exit code is what it would have been. All else that
/// keeps an answer from being written is an error.
pub struct Stdout(BufWriter<Patient>);

impl Stdout {
    /// The standard output of this process.
    pub fn open() -> Self {
        // Not the library's own: that takes a closed one for one that was written to.
        let file = io::stdout().as_fd().try_clone_to_owned().map(File::from);
        let file = if is_closed() { Err(ErrorKind::NotConnected.into()) } else { file };
        Self(BufWriter::new(Patient { file, gone: false }))
    }

    /// Whether a person looks at it.
    pub fn is_terminal(&self) -> bool {
        self.0.get_ref().file.as_ref().is_ok_and(IsTerminal::is_terminal)
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Whether there was none when this process started.
pub fn is_closed() -> bool {
    CLOSED.load(Ordering::Relaxed)
}

struct Patient {
    file: io::Result<File>,
    /// Whether the reader has gone.
    gone: bool,
}

impl Write for Patient {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.gone {
            return Ok(bytes.len());
        }
        let file = match &mut self.file {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotConnected => {
                return Err(io::Error::new(ErrorKind::NotConnected, "it is closed"));
            }
            Err(error) => return Err(io::Error::new(error.kind(), error.to_string())),
        };
        match file.write(bytes) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.gone = true;
                Ok(bytes.len())
            }
            written => written,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether there was no standard output when the process started. Rust's runtime puts
/// `/dev/null` in its place, where answers would vanish as if they had been read.
static CLOSED: AtomicBool = AtomicBool::new(false);

/// Runs before that runtime.
#[cfg(target_os = "linux")]
#[used]
// SAFETY: the section is a list of functions of this type, which the C library calls
// once before `main`. This one asks the kernel for a name and sets a flag, and needs
// nothing of a runtime that is not there yet.
#[unsafe(link_section = ".init_array")]
static LOOK: extern "C" fn() = look;

#[cfg(target_os = "linux")]
extern "C" fn look() {
    let open = |name: &str| Path::new("/proc/self/fd").join(name).symlink_metadata().is_ok();
    // Its directory is open while it is looked at; without /proc nothing is known.
    let known = Path::new("/proc/self/fd").is_dir();
    CLOSED.store(known && !open("1"), Ordering::Relaxed);
}
