//! Ctrl-C, a launcher that ends its children, `kill -9` and a full disk: the right exit
//! code, nothing left, nothing lost.

mod common;

use std::fs::{self, File};
use std::io::{self, PipeReader, PipeWriter, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use common::process::{built, kill, wait_for};
use strongroom::{StateDict, Tensor, save};

const SIGNALS: [(&str, i32); 3] = [("INT", 130), ("TERM", 143), ("HUP", 129)];

#[test]
fn a_command_that_is_interrupted_takes_along_what_it_began() {
    let room = Room::new();
    let lines =
        ["convert large.safetensors made/out.pt", "convert large.safetensors old.pt", "load large out.pt"];
    for (line, (signal, code)) in lines.into_iter().flat_map(|line| SIGNALS.map(|signal| (line, signal))) {
        let before = room.names();
        let old = fs::read(room.path("old.pt")).unwrap();
        let child = room.start(line);
        wait_for("a file under way", || room.find("strongroom-partial").is_some());
        room.end(child, signal, code, NOTHING);
        assert_eq!(room.names(), before, "{line}, {signal}");
        assert!(fs::read(room.path("old.pt")).unwrap() == old);
    }
}

#[test]
fn a_save_that_is_interrupted_takes_along_what_it_staged() {
    let room = Room::new();
    let lines = [
        "save large.safetensors run/made/step-1",
        "save large.safetensors run/step-0 --overwrite",
        "save large.safetensors run/step-1 --ranks 2",
        "save large.safetensors run/step-1 --async",
    ];
    for (line, (signal, code)) in lines.into_iter().flat_map(|line| SIGNALS.map(|signal| (line, signal))) {
        let before = room.names();
        let child = room.start(line);
        wait_for("a file under way", || room.find("strongroom-partial").is_some());
        room.end(child, signal, code, NOTHING);
        assert_eq!(room.names(), before, "{line}, {signal}");
        assert!(room.run("verify run/step-0").status.success());
    }
}

/// Others hold the directory: the commit cannot be begun, and is not.
#[test]
fn a_save_that_is_about_to_commit_is_interrupted_too() {
    let room = Room::new();
    let before = room.names();
    let names = File::open(room.path("run")).unwrap();
    names.lock().unwrap();
    let child = room.start("save small.pt run/step-0 --ranks 2 --overwrite");
    wait_for("what is staged", || room.find("strongroom-staging").is_some());
    signal(&child, "TERM");
    names.unlock().unwrap();
    let output = child.wait_with_output().unwrap();
    // It may have begun before the signal came, and then it is done.
    if output.status.code() == Some(0) {
        return;
    }
    assert_eq!(output.status.code(), Some(143), "{}", stderr(&output));
    assert_eq!(room.names(), before);
    assert!(room.run("verify run/step-0").status.success());
}

/// One rank waits for another, which does not come on. What both have staged stays until
/// the last of them is gone; if that is killed, until somebody writes there.
#[test]
fn a_rank_that_waits_is_interrupted_at_once_and_the_last_one_cleans_up() {
    for last in ["TERM", "KILL"] {
        let room = Room::new();
        let before = room.names();
        let [first, second] = loop {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let rank = |rank: usize, source: &str| {
                let barrier = format!("--barrier tcp-store://127.0.0.1:{port}");
                room.start(&format!("save {source} run/step-1 --rank {rank} --world-size 2 {barrier}"))
            };
            let [first, second] = [rank(0, "small.pt"), rank(1, "large.safetensors")];
            wait_for("the file of rank 1", || room.find(".checkpoint_1.pt.").is_some());
            signal(&second, "STOP");
            if room.find(".checkpoint_1.pt.").is_some() {
                break [first, second];
            }
            // It had finished before it was stopped, and the first may have committed.
            for rank in [first, second] {
                kill(rank.id());
                drop(rank.wait_with_output());
            }
            assert!(room.run("prune run").status.success());
            let _ = fs::remove_dir_all(room.path("run/step-1"));
        };
        wait_for("the file of rank 0", || room.find("strongroom-staging/checkpoint_0.pt").is_some());
        room.end(first, "TERM", 143, &interrupted(IN_PARTS));
        assert!(room.find("strongroom-staging").is_some(), "it was removed under rank 1");
        if last == "TERM" {
            signal(&second, "TERM");
            signal(&second, "CONT");
            let output = second.wait_with_output().unwrap();
            assert_eq!(output.status.code(), Some(143), "{}", stderr(&output));
            assert_eq!(stderr(&output), interrupted(IN_PARTS));
        } else {
            kill(second.id());
            drop(second.wait_with_output());
            assert!(room.find("strongroom-staging").is_some());
            assert!(room.run("convert small.pt run/other.pt").status.success());
            fs::remove_file(room.path("run/other.pt")).unwrap();
        }
        assert_eq!(room.names(), before, "{last}");
    }
}

/// What only reads has nothing to say of what was written.
#[test]
fn a_command_that_only_reads_says_that_it_was_interrupted() {
    let room = Room::new();
    for (name, code) in SIGNALS {
        let (reader, writer) = full_pipe();
        let child = room.command("inspect small.pt").stdout(writer).spawn().unwrap();
        wait_for("a handler of signals", || hears(&child));
        room.end(child, name, code, "strongroom: interrupted\n");
        drop(reader);
    }
}

/// Nobody reads what it says: it ends all the same.
#[test]
fn a_command_that_nobody_listens_to_is_interrupted_too() {
    let room = Room::new();
    let before = room.names();
    let (reader, writer) = full_pipe();
    let mut child = room.command("convert large.safetensors made/out.pt").stderr(writer).spawn().unwrap();
    wait_for("a file under way", || room.find("strongroom-partial").is_some());
    signal(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert_eq!(room.names(), before);
    drop(reader);
}

/// Signals that a program has a use for, and goes on after, end no wait for other ranks.
#[test]
fn a_signal_that_ends_nothing_ends_no_save() {
    let room = Room::new();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let barrier = format!("--barrier tcp-store://127.0.0.1:{port}");
    let rank =
        |rank: usize| room.start(&format!("save small.pt run/step-1 --rank {rank} --world-size 2 {barrier}"));
    let first = rank(0);
    wait_for("the file of rank 0", || room.find("strongroom-staging/checkpoint_0.json").is_some());
    for _ in 0..20 {
        // A file beyond what is allowed: an error of that write, and of nothing else.
        signal(&first, "XFSZ");
        thread::sleep(Duration::from_millis(10));
    }
    for child in [rank(1), first] {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
    }
    assert!(room.run("verify run/step-1").status.success());
}

#[test]
fn what_was_killed_goes_with_the_next_command_and_prune_lists_it() {
    let room = Room::new();
    let before = room.names();
    let leave = |line: &str, part: &str| {
        let child = room.start(line);
        wait_for("a file under way", || room.find(part).is_some());
        kill(child.id());
        drop(child.wait_with_output());
        room.find("strongroom-").expect("what it left")
    };
    let (file, staged) = (".out.pt.", ".checkpoint_0.pt.");
    for next in ["convert small.pt run/other.pt", "save small.pt run/step-1", "load run/step-0 run/other.pt"]
    {
        leave("convert large.safetensors run/out.pt", file);
        assert!(room.run(next).status.success());
        let _ = fs::remove_file(room.path("run/other.pt"));
        let _ = fs::remove_dir_all(room.path("run/step-1"));
        assert_eq!(room.names(), before, "{next}");
    }
    for prune in ["prune run", "prune run --keep-last 1"] {
        let lines =
            [("save large.safetensors run/step-1", staged), ("convert large.safetensors run/out.pt", file)];
        for (line, part) in lines {
            let left = leave(line, part);
            let expected = format!("{}\n", left.strip_prefix(room.path("")).unwrap().display());
            for line in [format!("{prune} --dry-run"), prune.to_owned()] {
                assert!(left.exists(), "{line}");
                assert_eq!(String::from_utf8(room.run(&line).stdout).unwrap(), expected, "{line}");
            }
            assert_eq!(room.names(), before, "{prune}");
        }
    }
}

/// No file may be longer than this: as on a full disk, but also where the tests are not
/// root.
#[test]
fn a_disk_that_is_full_costs_nothing() {
    let room = Room::new();
    let before = room.names();
    for line in [
        "convert medium.pt made/out.pt",
        "convert medium.pt old.pt",
        "convert medium.pt out.safetensors",
        "save medium.pt run/made/step-1",
        "save medium.pt run/step-0 --ranks 2 --overwrite",
        "save medium.pt run/step-1 --async",
        "load medium made/out.pt",
        "load medium old.pt",
    ] {
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -f 512; exec \"$@\"", "sh"]).arg(built("strongroom"));
        let output = command.args(line.split(' ')).current_dir(room.path("")).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{line}: {}", stderr(&output));
        assert!(stderr(&output).contains("File too large"), "{line}: {}", stderr(&output));
        assert_eq!(room.names(), before, "{line}");
    }
    assert!(room.run("verify old.pt").status.success());
    assert!(room.run("verify run/step-0").status.success());
}

/// `nohup` and shells start programs so that they do not hear of it.
#[test]
fn a_signal_that_is_to_be_ignored_is() {
    let room = Room::new();
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' HUP; exec \"$@\"", "sh"]).arg(built("strongroom"));
    command.args(["convert", "large.safetensors", "out.pt"]).current_dir(room.path(""));
    let child = command.spawn().unwrap();
    wait_for("a file under way", || room.find("strongroom-partial").is_some());
    signal(&child, "HUP");
    assert!(child.wait_with_output().unwrap().status.success());
    assert!(room.path("out.pt").exists());
}

/// Files to work on.
struct Room {
    directory: tempfile::TempDir,
}

impl Room {
    fn new() -> Self {
        let room = Self { directory: tempfile::tempdir().unwrap() };
        for (name, length) in [("small.pt", 10), ("old.pt", 100), ("medium.pt", 2 << 20)] {
            let mut state = StateDict::new();
            state.insert("weight", Tensor::from_vec(vec![7u8; length], &[length as u64]).unwrap());
            state.insert("bias", Tensor::from_vec(vec![8u8; length], &[length as u64]).unwrap());
            save(room.path(name), &state).unwrap();
        }
        // As much as takes a while to write, and takes no place before.
        let length = LARGE;
        let header = format!(r#"{{"w":{{"dtype":"U8","shape":[{length}],"data_offsets":[0,{length}]}}}}"#);
        let header = format!("{header:<72}");
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.bytes());
        fs::write(room.path("large.safetensors"), &bytes).unwrap();
        let file = File::options().write(true).open(room.path("large.safetensors")).unwrap();
        file.set_len(bytes.len() as u64 + length).unwrap();
        for line in ["save small.pt run/step-0 --ranks 2", "save medium.pt medium --ranks 2"] {
            assert!(room.run(line).status.success());
        }
        room
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn command(&self, line: &str) -> Command {
        // Whoever runs the tests may have been started to ignore some: `nohup`, or a shell's `&`.
        let mut command = Command::new("env");
        command.arg("--default-signal=HUP,INT,TERM").arg(built("strongroom"));
        command.args(line.split(' ')).current_dir(self.directory.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }

    fn start(&self, line: &str) -> Child {
        // The first that wants it makes it, and only few do.
        if line.contains("load large") && !self.path("large").exists() {
            assert!(self.run("save large.safetensors large").status.success());
        }
        self.command(line).spawn().unwrap()
    }

    fn end(&self, child: Child, name: &str, code: i32, said: &str) {
        signal(&child, name);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{name}: {}", stderr(&output));
        assert_eq!(stderr(&output), said);
    }

    /// All paths there are but those of `large`, which comes later.
    fn names(&self) -> Vec<PathBuf> {
        let mut names = Vec::new();
        walk(self.directory.path(), &mut names);
        names.retain(|path| !path.starts_with(self.path("large")));
        names.sort();
        names
    }

    fn find(&self, part: &str) -> Option<PathBuf> {
        let mut names = Vec::new();
        walk(self.directory.path(), &mut names);
        names.into_iter().find(|path| path.to_str().unwrap().contains(part))
    }
}

/// All paths under a directory, in which names come and go.
fn walk(directory: &Path, names: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        names.push(entry.path());
        if entry.path().is_dir() {
            walk(&entry.path(), names);
        }
    }
}

fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A pipe that takes no more.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = io::pipe().unwrap();
    writer.write_all(&[b'x'; 1 << 16]).unwrap();
    (reader, writer)
}

/// Whether a process has said what is to be done at SIGTERM.
fn hears(child: &Child) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or("0");
    u64::from_str_radix(caught.trim(), 16).unwrap() & (1 << 14) != 0
}

fn interrupted(what: &str) -> String {
    format!("strongroom: interrupted; {what}\n")
}

const NOTHING: &str = "strongroom: interrupted; nothing was written\n";

const IN_PARTS: &str =
    "run/step-1: it appears only if the file of this rank was done, and those of all others are";

const LARGE: u64 = 1 << 30;
