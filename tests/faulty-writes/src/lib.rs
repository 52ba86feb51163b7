//! Preloaded into a program under test (`LD_PRELOAD`), in place of the C library's
//! functions that write: what they may do and hardly ever do, they do each time.
//!
//! - `FAULTY_WRITES_AT_MOST=4097`: no call writes more bytes into a regular file.
//! - `FAULTY_WRITES_REFUSE=NAME:28`: the first write into a file whose name has NAME in it
//!   fails with that number of an error.

use std::env;
use std::ffi::{c_int, c_long, c_void};
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use libc::{SYS_pwrite64, SYS_write, SYS_writev, iovec, off64_t, size_t, ssize_t};

/// As write(2).
///
/// # Safety
/// `buffer` is `count` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn write(fd: c_int, buffer: *const c_void, count: size_t) -> ssize_t {
    let count = match fault(fd) {
        Fault::None => count,
        Fault::Short(most) => count.min(most),
        Fault::Error(error) => return fail(error),
    };
    // SAFETY: the caller's promise; no more bytes than that.
    answer(unsafe { libc::syscall(SYS_write, fd, buffer, count) })
}

/// As pwrite(2).
///
/// # Safety
/// `buffer` is `count` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite64(
    fd: c_int,
    buffer: *const c_void,
    count: size_t,
    offset: off64_t,
) -> ssize_t {
    let count = match fault(fd) {
        Fault::None => count,
        Fault::Short(most) => count.min(most),
        Fault::Error(error) => return fail(error),
    };
    // SAFETY: the caller's promise; no more bytes than that.
    answer(unsafe { libc::syscall(SYS_pwrite64, fd, buffer, count, offset) })
}

/// As writev(2): of a regular file, only the first buffer.
///
/// # Safety
/// `buffers` is `count` buffers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn writev(fd: c_int, buffers: *const iovec, count: c_int) -> ssize_t {
    match (fault(fd), count) {
        (Fault::Error(error), _) => fail(error),
        (Fault::Short(_), 1..) => {
            // SAFETY: there is one, by the caller's promise.
            let first = unsafe { &*buffers };
            // SAFETY: the same promise.
            unsafe { write(fd, first.iov_base, first.iov_len) }
        }
        // SAFETY: the caller's promise.
        _ => answer(unsafe { libc::syscall(SYS_writev, fd, buffers, count) }),
    }
}

enum Fault {
    None,
    Short(usize),
    Error(c_int),
}

/// What is to happen to a write into `fd`.
fn fault(fd: c_int) -> Fault {
    let link = format!("/proc/self/fd/{fd}");
    if !fs::metadata(&link).is_ok_and(|metadata| metadata.is_file()) {
        return Fault::None;
    }
    if let Some(error) = refused(&link) {
        return Fault::Error(error);
    }
    let most = env::var("FAULTY_WRITES_AT_MOST").ok().and_then(|most| most.parse().ok());
    most.map_or(Fault::None, Fault::Short)
}

fn refused(link: &str) -> Option<c_int> {
    static DONE: AtomicBool = AtomicBool::new(false);
    let wanted = env::var("FAULTY_WRITES_REFUSE").ok()?;
    let (name, error) = wanted.split_once(':')?;
    let path = fs::read_link(link).ok()?;
    let is_it = path.file_name()?.to_string_lossy().contains(name);
    (is_it && !DONE.swap(true, Ordering::Relaxed)).then(|| error.parse().ok())?
}

fn answer(answer: c_long) -> ssize_t {
    // No write is longer than memory.
    ssize_t::try_from(answer).unwrap_or(ssize_t::MAX)
}

fn fail(error: c_int) -> ssize_t {
    // SAFETY: the C library's own place for this thread's error.
    unsafe { *libc::__errno_location() = error };
    -1
}
