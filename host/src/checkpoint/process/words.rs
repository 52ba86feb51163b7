use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::process::Stdio;

use rustix::fs::{MemfdFlags, OFlags, fcntl_getfl, fcntl_setfl, memfd_create};

/// All that a process writes to stdout and stderr. It is a file in memory, so
/// nobody need read it for the process to go on, whoever else is still there.
#[derive(Debug)]
pub(super) struct Words {
    file: File,
}

/// Bytes that are shown in an error.
const LAST: u64 = 4 << 10;

/// Bytes that are kept.
const MOST: u64 = 1 << 20;

impl Words {
    pub(super) fn new() -> io::Result<Self> {
        let file = File::from(memfd_create("strongroom-checkpoint-process", MemfdFlags::CLOEXEC)?);
        // Who writes at its end goes on at the start once it is emptied.
        fcntl_setfl(&file, fcntl_getfl(&file)? | OFlags::APPEND)?;
        Ok(Self { file })
    }

    /// What the process gets for stdout or stderr.
    pub(super) fn stdio(&self) -> io::Result<Stdio> {
        Ok(self.file.try_clone()?.into())
    }

    /// Drops all of it if it is too much.
    pub(super) fn limit(&self) {
        if self.length() > MOST {
            // It then stays, which is no reason not to save.
            let _ = self.file.set_len(0);
        }
    }

    /// The end of it.
    pub(super) fn last(&self) -> String {
        let length = self.length();
        let start = length.saturating_sub(LAST);
        let mut words = vec![0; usize::try_from(length - start).unwrap_or_default()];
        let read = self.file.read_at(&mut words, start).unwrap_or_default();
        words.truncate(read);
        let words = String::from_utf8_lossy(&words);
        match words.split_once('\n') {
            // The line that was cut.
            Some((_, whole)) if start > 0 => whole.into(),
            _ => words.into_owned(),
        }
    }

    fn length(&self) -> u64 {
        self.file.metadata().map_or(0, |metadata| metadata.len())
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn say(words: &Words, script: &str) {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdout(words.stdio().unwrap()).stderr(words.stdio().unwrap());
        assert!(command.status().unwrap().success());
    }

    #[test]
    fn the_end_is_kept_in_whole_lines() {
        let words = Words::new().unwrap();
        assert_eq!(words.last(), "");
        say(&words, "echo first; echo second >&2");
        assert_eq!(words.last(), "first\nsecond\n");
        say(&words, "seq 1 100000");
        let last = words.last();
        assert!(last.len() as u64 <= LAST && last.ends_with("\n99999\n100000\n"), "{last}");
        let first: u32 = last.lines().next().unwrap().parse().unwrap();
        assert_eq!(last.lines().count(), 100_001 - first as usize);
    }

    #[test]
    fn too_much_is_dropped_and_the_next_is_at_the_start() {
        let words = Words::new().unwrap();
        say(&words, "seq 1 100000");
        words.limit();
        assert_eq!(words.length(), 588_895);
        say(&words, "seq 1 100000");
        words.limit();
        assert_eq!(words.length(), 0);
        say(&words, "echo again");
        assert_eq!((words.length(), words.last().as_str()), (6, "again\n"));
    }
}
