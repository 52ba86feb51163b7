//! A directory with a file in it, in which commands are run.

use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use strongroom::{StateDict, Tensor, save};

use crate::common::process::built;

/// Files to work on.
pub struct Room {
    directory: tempfile::TempDir,
}

impl Room {
    pub fn new() -> Self {
        let room = Self { directory: tempfile::tempdir().unwrap() };
        let mut state = StateDict::new();
        state.insert("weight", Tensor::from_slice(&[1.5f32; 1000], &[1000]).unwrap());
        state.insert("bias", Tensor::from_slice(&[0.5f32; 100], &[100]).unwrap());
        save(room.path("in.pt"), &state).unwrap();
        let mut bytes = fs::read(room.path("in.pt")).unwrap();
        fs::write(room.path("cut.pt"), &bytes[..bytes.len() / 2]).unwrap();
        let place = bytes.windows(8).position(|bytes| bytes == [0, 0, 192, 63, 0, 0, 192, 63]).unwrap();
        bytes[place + 1] ^= 1;
        fs::write(room.path("damaged.pt"), bytes).unwrap();
        room.done("save in.pt damaged");
        let bytes = fs::read(room.path("damaged.pt")).unwrap();
        fs::write(room.path("damaged/checkpoint_0.pt"), bytes).unwrap();
        room
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new(built("strongroom"));
        command.args(line.split(' ')).current_dir(self.directory.path()).stdin(Stdio::null());
        command
    }

    pub fn run(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }

    /// Runs a script, in which the command is `$0`.
    pub fn shell(&self, script: &str) -> Output {
        let mut command = Command::new("sh");
        command.args(["-c", script]).arg(built("strongroom"));
        command.current_dir(self.directory.path()).stdin(Stdio::null()).output().unwrap()
    }

    pub fn done(&self, line: &str) {
        let output = self.run(line);
        assert!(output.status.success(), "{line}: {}", stderr(&output));
    }

    pub fn done_under(&self, umask: &str, line: &str) {
        let script = format!("umask {umask}; exec \"$@\"");
        let mut command = Command::new("sh");
        command.args(["-c", &script, "sh"]).arg(built("strongroom")).args(line.split(' '));
        let output = command.current_dir(self.directory.path()).output().unwrap();
        assert!(output.status.success(), "{line}: {}", stderr(&output));
    }

    /// Runs a command as somebody who owns nothing, in a room that is open to all. Only root's
    /// run can do that; none for others.
    pub fn run_as_nobody(&self, line: &str) -> Option<Output> {
        if self.owner("in.pt").0 != 0 {
            return None;
        }
        fs::set_permissions(self.path(""), Permissions::from_mode(0o777)).unwrap();
        let program = self.path("strongroom");
        fs::copy(built("strongroom"), &program).unwrap();
        let mut command = Command::new(&program);
        command.args(line.split(' ')).current_dir(self.path("")).env("HOME", "/nowhere");
        let output = command.uid(NOBODY).gid(NOBODY).output().unwrap();
        fs::remove_file(program).unwrap();
        Some(output)
    }

    pub fn mode(&self, name: &str) -> u32 {
        mode(&self.path(name))
    }

    pub fn owner(&self, name: &str) -> (u32, u32) {
        let metadata = fs::metadata(self.path(name)).unwrap();
        (metadata.uid(), metadata.gid())
    }

    /// The files in a directory.
    pub fn files(&self, name: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path(name)).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<PathBuf> = entries.filter(|path| path.is_file()).collect();
        files.sort();
        files
    }

    pub fn hidden(&self) -> Vec<String> {
        self.hidden_in("")
    }

    pub fn hidden_in(&self, name: &str) -> Vec<String> {
        let names = fs::read_dir(self.path(name)).unwrap().map(|entry| entry.unwrap().file_name());
        names
            .filter(|name| name.as_bytes().starts_with(b"."))
            .map(|name| name.into_string().unwrap())
            .collect()
    }
}

/// A user, and a group, that owns nothing.
pub const NOBODY: u32 = 65534;

pub fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

pub fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
