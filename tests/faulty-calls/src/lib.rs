//! Preloaded into a program under test (`LD_PRELOAD`), in place of functions of the C
//! library: what they may do and hardly ever do.
//!
//! - `FAULTY_CALLS_SHORT=4097`: no call writes more bytes into a regular file.
//! - `FAULTY_CALLS_FAIL=pwrite64:28:2:run/.a.*.partial`: the second `pwrite64` to a file whose
//!   path ends so, whatever stands for `*`, fails with the error of number 28; with `2+`
//!   all later ones, too; with `kill` for the number, the process is killed before. A file named in
//!   `FAULTY_CALLS_DONE` is made when that happens.
//!
//! strace does the same by counting the calls of each thread, where it can: it cannot
//! tell which thread is which.

mod fault;

use std::ffi::{CStr, OsStr, c_char, c_int, c_long, c_void};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use libc::{
    AT_FDCWD, SYS_fsync, SYS_mkdir, SYS_openat, SYS_pwrite64, SYS_rename, SYS_unlinkat, SYS_write,
    SYS_writev, iovec, mode_t, off64_t, size_t, ssize_t,
};

/// As open(2).
///
/// # Safety
/// `path` ends with a zero. `mode` is there if `flags` ask for it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: the caller's promise.
    if let Err(failed) = fault::at("openat", unsafe { at(path) }) {
        return failed;
    }
    // SAFETY: the caller's promise. What is passed for a mode that is not there is not
    // looked at.
    answer(unsafe { libc::syscall(SYS_openat, AT_FDCWD, path, flags, mode) })
}

/// As openat(2).
///
/// # Safety
/// `path` ends with a zero. `mode` is there if `flags` ask for it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn openat64(
    directory: c_int,
    path: *const c_char,
    flags: c_int,
    mode: mode_t,
) -> c_int {
    // SAFETY: the caller's promise.
    if let Err(failed) = fault::at("openat", unsafe { in_directory(directory, path) }) {
        return failed;
    }
    // SAFETY: the caller's promise, as in `open64`.
    answer(unsafe { libc::syscall(SYS_openat, directory, path, flags, mode) })
}

/// As opendir(3).
///
/// # Safety
/// `path` ends with a zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn opendir(path: *const c_char) -> *mut libc::DIR {
    // SAFETY: the caller's promise.
    if fault::at::<c_int>("openat", unsafe { at(path) }).is_err() {
        return std::ptr::null_mut();
    }
    // SAFETY: the caller's promise.
    let open = unsafe { open_directory(path) };
    if open < 0 {
        // Why is what the open said, not that this is no descriptor.
        return std::ptr::null_mut();
    }
    // SAFETY: a descriptor that nobody else has.
    unsafe { libc::fdopendir(open) }
}

/// As unlinkat(2).
///
/// # Safety
/// `path` ends with a zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unlinkat(directory: c_int, path: *const c_char, flags: c_int) -> c_int {
    // SAFETY: the caller's promise.
    if let Err(failed) = fault::at("unlinkat", unsafe { in_directory(directory, path) }) {
        return failed;
    }
    // SAFETY: the caller's promise.
    answer(unsafe { libc::syscall(SYS_unlinkat, directory, path, flags) })
}

/// As mkdir(2).
///
/// # Safety
/// `path` ends with a zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mkdir(path: *const c_char, mode: mode_t) -> c_int {
    // SAFETY: the caller's promise.
    if let Err(failed) = fault::at("mkdir", unsafe { at(path) }) {
        return failed;
    }
    // SAFETY: the caller's promise.
    answer(unsafe { libc::syscall(SYS_mkdir, path, mode) })
}

/// As rename(2).
///
/// # Safety
/// Both end with a zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    // SAFETY: the caller's promise.
    if let Err(failed) = fault::at("rename", unsafe { at(to) }) {
        return failed;
    }
    // SAFETY: the caller's promise.
    answer(unsafe { libc::syscall(SYS_rename, from, to) })
}

/// As fsync(2).
#[unsafe(no_mangle)]
pub extern "C" fn fsync(fd: c_int) -> c_int {
    if let Err(failed) = fault::at("fsync", open_at(fd)) {
        return failed;
    }
    // SAFETY: it takes a number.
    answer(unsafe { libc::syscall(SYS_fsync, fd) })
}

/// As write(2).
///
/// # Safety
/// `buffer` is `count` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn write(fd: c_int, buffer: *const c_void, count: size_t) -> ssize_t {
    if let Err(failed) = fault::at("write", open_at(fd)) {
        return failed;
    }
    let count = count.min(fault::longest_write(fd));
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
    if let Err(failed) = fault::at("pwrite64", open_at(fd)) {
        return failed;
    }
    let count = count.min(fault::longest_write(fd));
    // SAFETY: the caller's promise; no more bytes than that.
    answer(unsafe { libc::syscall(SYS_pwrite64, fd, buffer, count, offset) })
}

/// As writev(2): of a file whose writes are cut short, the first buffer at most.
///
/// # Safety
/// `buffers` is `count` buffers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn writev(fd: c_int, buffers: *const iovec, count: c_int) -> ssize_t {
    if count > 0 && fault::longest_write(fd) < usize::MAX {
        // SAFETY: there is one, by the caller's promise.
        let first = unsafe { &*buffers };
        // SAFETY: the same promise.
        return unsafe { write(fd, first.iov_base, first.iov_len) };
    }
    // SAFETY: the caller's promise.
    answer(unsafe { libc::syscall(SYS_writev, fd, buffers, count) })
}

/// # Safety
/// `path` ends with a zero.
unsafe fn at(path: *const c_char) -> Option<PathBuf> {
    // SAFETY: the caller's promise.
    let path = unsafe { CStr::from_ptr(path) };
    Some(Path::new(OsStr::from_bytes(path.to_bytes())).into())
}

/// # Safety
/// `path` ends with a zero.
unsafe fn in_directory(directory: c_int, path: *const c_char) -> Option<PathBuf> {
    // SAFETY: the caller's promise.
    let path = unsafe { at(path) }?;
    if directory == AT_FDCWD { Some(path) } else { Some(open_at(directory)?.join(path)) }
}

/// # Safety
/// `path` ends with a zero.
unsafe fn open_directory(path: *const c_char) -> c_int {
    let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC | libc::O_NONBLOCK;
    // SAFETY: the caller's promise.
    answer(unsafe { libc::syscall(SYS_openat, AT_FDCWD, path, flags) })
}

fn open_at(fd: c_int) -> Option<PathBuf> {
    fs::read_link(format!("/proc/self/fd/{fd}")).ok()
}

/// All answers fit: descriptors, and lengths of what is in memory.
fn answer<T: TryFrom<c_long> + From<i8>>(answer: c_long) -> T {
    T::try_from(answer).unwrap_or_else(|_| T::from(-1))
}
