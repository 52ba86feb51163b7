//! Processes: what cargo built to be run as one, and what the kernel says of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// A program that cargo built for these tests: `strongroom`, `examples/rank`.
pub fn built(name: &str) -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_strongroom")).with_file_name(name);
    assert!(
        program.exists(),
        "{} is not built; `cargo build --release --examples` does it",
        program.display()
    );
    program
}

/// Waits until something is so. Panics if it never is.
pub fn wait_for(what: &str, is_so: impl FnMut() -> bool) {
    assert!(comes_within(Duration::from_secs(20), is_so), "{what} did not come to be");
}

/// Whether something comes to be so in time.
pub fn comes_within(timeout: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while !is_so() {
        if start.elapsed() > timeout {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
    true
}

/// Ends a process that a test started, as of `kill -9`.
pub fn kill(id: u32) {
    assert!(Command::new("kill").args(["-9", &id.to_string()]).status().unwrap().success());
}

/// Whether a process is there. One that ended and was not waited for is not, once the
/// last of its threads has.
pub fn is_alive(id: u32) -> bool {
    let threads = || fs::read_dir(format!("/proc/{id}/task")).map_or(0, Iterator::count);
    stat(id).is_some_and(|fields| fields[0] != "Z" || threads() > 1)
}

/// Whether a process is there, or ended and was not waited for.
pub fn exists(id: u32) -> bool {
    stat(id).is_some()
}

/// The process group it is in.
pub fn group(id: u32) -> u32 {
    stat(id).unwrap()[2].parse().unwrap()
}

/// How many descriptors it has open.
pub fn descriptors(id: u32) -> usize {
    fs::read_dir(format!("/proc/{id}/fd")).unwrap().count()
}

/// Bytes of memory that are its own: not mapped from files, nor shared.
pub fn own_memory(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

/// How many processes have a working directory.
pub fn working_in(directory: &Path) -> usize {
    let processes = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    processes.filter(|path| fs::read_link(path.join("cwd")).is_ok_and(|cwd| cwd == directory)).count()
}

/// What follows the name in /proc/ID/stat: state, parent, group.
fn stat(id: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    Some(fields.split_whitespace().map(String::from).collect())
}
