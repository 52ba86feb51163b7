//! What strace tells of a save: which calls change files, and one of them disturbed.

mod log;
mod point;
mod strace;
#[cfg(test)]
mod tests;

pub use log::{calls, stopped};
pub use point::{Point, Trigger, points};
pub use strace::{Disturbance, attached, traced};

/// A call to the system, as strace wrote it down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub thread: u32,
    /// The main thread of its process.
    pub process: u32,
    pub name: String,
    pub arguments: String,
    /// What it answered: `0`, `-1 EIO (Input/output error) (INJECTED)`; `?` if the thread
    /// did not live to hear it.
    pub result: String,
    /// The how manieth of this name in its thread, from 1: strace counts so.
    pub ordinal: usize,
}

impl Call {
    /// Whether it changes what is on disk.
    pub fn changes(&self) -> bool {
        self.name != "flock" && (!self.opens() || self.arguments.contains("O_CREAT"))
    }

    /// Whether it opens a file, to read it or to change it.
    pub fn opens(&self) -> bool {
        OPENING.contains(&&*self.name)
    }

    /// Whether it is the one that a trigger is about.
    pub fn is_at(&self, trigger: &Trigger) -> bool {
        self.name == trigger.name && self.ordinal == trigger.ordinal
    }

    /// Whether its thread died in it.
    pub fn is_last(&self) -> bool {
        self.result.starts_with('?')
    }

    /// Whether it answered what strace put in its place.
    pub fn is_injected(&self) -> bool {
        self.result.contains("(INJECTED)")
    }

    /// Whether a descriptor in it is that of the directory of the next path.
    fn takes_directory(&self) -> bool {
        self.name.ends_with("at") || self.name.ends_with("at2")
    }

    /// The files it names, whole.
    fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        let mut directory = None;
        let mut rest = &*self.arguments;
        while let Some(at) = rest.find(['<', '"']) {
            let (closing, text) = (if rest[at..].starts_with('<') { '>' } else { '"' }, &rest[at + 1..]);
            let Some(end) = text.find(closing) else { break };
            let found = &text[..end];
            rest = &text[end + 1..];
            if closing == '>' {
                directory = Some(found);
                if !self.takes_directory() {
                    paths.push(found.into());
                }
            } else if found.is_empty() {
                // What is written is not shown.
            } else if found.starts_with('/') {
                paths.push(found.into());
            } else if let Some(directory) = directory {
                paths.push(format!("{directory}/{found}"));
            }
        }
        paths
    }
}

/// All calls that change files, those that open them, and those that start threads.
const CALLS: [&str; 37] = [
    "open",
    "openat",
    "openat2",
    "creat",
    "mkdir",
    "mkdirat",
    "write",
    "pwrite64",
    "writev",
    "pwritev",
    "pwritev2",
    "ftruncate",
    "truncate",
    "fallocate",
    "fsync",
    "fdatasync",
    "sync_file_range",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "rmdir",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "copy_file_range",
    "sendfile",
    "chmod",
    "fchmod",
    "fchmodat",
    "utimensat",
    "msync",
    "flock",
    "clone",
    "clone3",
];
const OPENING: [&str; 3] = ["open", "openat", "openat2"];
