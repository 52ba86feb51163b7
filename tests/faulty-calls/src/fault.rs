//! What is asked for, and when it is due.

use std::env;
use std::ffi::c_int;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Lets the call go on, or has it fail and answers what it answers then.
pub fn at<T: From<i8>>(call: &str, path: Option<PathBuf>) -> Result<(), T> {
    let Some(error) = path.and_then(|path| due(call, &path)) else { return Ok(()) };
    if let Some(done) = env::var_os("FAULTY_CALLS_DONE") {
        let _ = fs::write(done, "");
    }
    if let Error::Kill = error {
        // SAFETY: it takes numbers.
        unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
    }
    if let Error::Number(number) = error {
        // SAFETY: the C library's own place for this thread's error.
        unsafe { *libc::__errno_location() = number };
    }
    Err(T::from(-1))
}

/// The most bytes that a write into `fd` takes.
pub fn longest_write(fd: c_int) -> usize {
    let asked = env::var("FAULTY_CALLS_SHORT").ok().and_then(|most| most.parse().ok());
    let is_file = || fs::metadata(format!("/proc/self/fd/{fd}")).is_ok_and(|metadata| metadata.is_file());
    asked.filter(|_| is_file()).unwrap_or(usize::MAX)
}

enum Error {
    Number(c_int),
    Kill,
}

fn due(call: &str, path: &Path) -> Option<Error> {
    static SEEN: AtomicUsize = AtomicUsize::new(0);
    let asked = env::var("FAULTY_CALLS_FAIL").ok()?;
    let mut parts = asked.splitn(4, ':');
    let (name, error, count, pattern) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if name != call || !ends_as(&path.to_string_lossy(), pattern) {
        return None;
    }
    let count: usize = count.parse().ok()?;
    if SEEN.fetch_add(1, Ordering::Relaxed) + 1 != count {
        return None;
    }
    if error == "kill" { Some(Error::Kill) } else { error.parse().ok().map(Error::Number) }
}

/// Whether the path is the pattern from some directory on. `*` stands for any text
/// within one name.
fn ends_as(path: &str, pattern: &str) -> bool {
    let names = path.rsplit('/').map(Some).chain(std::iter::repeat(None));
    pattern.rsplit('/').zip(names).all(|(pattern, name)| name.is_some_and(|name| is_like(name, pattern)))
}

fn is_like(name: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => name == pattern,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|name| {
            (0..=name.len()).any(|at| name.get(at..).is_some_and(|name| is_like(name, rest)))
        }),
    }
}
