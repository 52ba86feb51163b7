//! Pipes, devices and files that others have open.

use std::fs::{self, File};
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use strongroom::store::Local;
use strongroom::{Engine, Error, TorchOptions, WriteFormat, WriteOptions, save_with};

use crate::room::{Room, make_pipe, stderr};

#[test]
fn pipes_and_devices_are_written_to_and_never_replaced() {
    let room = Room::new();
    let expected = fs::read(room.path("in.pt")).unwrap();
    make_pipe(&room.path("pipe.pt"));
    let read = thread::spawn({
        let pipe = room.path("pipe.pt");
        move || fs::read(pipe).unwrap()
    });
    room.done("convert in.pt pipe.pt");
    assert_eq!(named(&read.join().unwrap()), named(&expected));
    assert!(fs::symlink_metadata(room.path("pipe.pt")).unwrap().file_type().is_fifo());

    // Nobody reads from it: that is not waited for.
    let start = Instant::now();
    let output = room.run("convert in.pt pipe.pt");
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("pipe.pt: cannot open: it is a pipe, and nobody reads from it"));
    assert!(start.elapsed() < Duration::from_secs(9));

    symlink("/dev/null", room.path("null.pt")).unwrap();
    room.done("convert in.pt null.pt");
    assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());

    // Others write to what is open, and what they wrote stays.
    symlink("/dev/stdout", room.path("stdout.pt")).unwrap();
    let (mut log, path) = (File::create(room.path("log")).unwrap(), room.path("log"));
    std::io::Write::write_all(&mut log, b"before").unwrap();
    let mut command = room.command("convert in.pt stdout.pt");
    assert!(command.stdout(File::options().append(true).open(&path).unwrap()).status().unwrap().success());
    let written = fs::read(&path).unwrap();
    assert_eq!(named(written.strip_prefix(b"before").unwrap()), named(&expected));
    let mut child = room.command("convert in.pt stdout.pt").stdout(Stdio::piped()).spawn().unwrap();
    let mut read = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut read).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(named(&read), named(&expected));

    let listener = std::os::unix::net::UnixListener::bind(room.path("socket.pt")).unwrap();
    let output = room.run("convert in.pt socket.pt");
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("socket.pt: cannot create: it is neither a file nor a pipe"));
    drop(listener);
    assert_eq!(room.hidden(), [""; 0]);
}

/// What is open is written to where it stands: others write before and after.
#[test]
fn a_stream_is_written_to_at_its_position() {
    let room = Room::new();
    let bytes =
        room.shell("(echo before; \"$0\" convert in.pt /dev/stdout --to torch; echo after) > log; cat log");
    let bytes = bytes.stdout;
    assert!(bytes.starts_with(b"before\nPK") && bytes.ends_with(b"after\n"), "{}", bytes.len());
    fs::write(room.path("alone.pt"), &bytes[7..bytes.len() - 6]).unwrap();
    room.done("verify alone.pt");
    for line in [
        "\"$0\" convert in.pt /dev/stdout --to torch > o.pt",
        "\"$0\" convert in.pt /dev/fd/5 --to torch 5> o.pt",
    ] {
        assert!(room.shell(line).status.success(), "{line}");
        room.done("verify o.pt");
    }
}

/// What would end in a file that nobody can read, or in none.
#[test]
fn streams_that_others_use_are_refused() {
    let other = Room::new();
    other.done("save in.pt old");
    let file = fs::OpenOptions::new().append(true).open(other.path("old/checkpoint_0.pt")).unwrap();
    let mut holder = Command::new("sleep").arg("60").stdin(file).spawn().unwrap();
    let output = other.run(&format!("convert in.pt /proc/{}/fd/0 --to torch", holder.id()));
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("a committed checkpoint"), "{}", stderr(&output));
    other.done("verify old");

    let room = Room::new();
    room.done("save in.pt ck --ranks 2");
    fs::copy(room.path("in.pt"), room.path("self.pt")).unwrap();
    let before = fs::read(room.path("self.pt")).unwrap();
    let cases = [
        ("convert in.pt /dev/stdout --to torch --json > j", 64, "/dev/stdout: this is standard output"),
        ("convert in.pt /dev/fd/5 --to torch --json 5>&1 | cat", 0, "/dev/fd/5: this is standard output"),
        ("convert in.pt /dev/stderr --to torch", 64, "/dev/stderr: this is standard error"),
        ("convert in.pt /dev/stdout --to torch >&2", 64, "/dev/stdout: this is standard error"),
        ("convert in.pt /dev/stdout --to torch >&-", 3, "cannot write to standard output: it is closed"),
        ("load ck /dev/stdout --to torch >&-", 3, "cannot write to standard output: it is closed"),
        ("convert in.pt /dev/stdout --to torch >> ck/checkpoint_0.pt", 1, "a committed checkpoint"),
        ("load ck /dev/stdout --to torch >> ck/checkpoint_0.pt", 1, "a part of ck"),
        ("convert self.pt /dev/fd/3 --to torch 3<>self.pt", 64, "/dev/fd/3: is the input itself"),
        (
            "convert in.pt /dev/fd/3 --to torch 3< self.pt",
            3,
            "/dev/fd/3: cannot open: it is open for reading only",
        ),
    ];
    for (line, code, said) in cases {
        let output = room.shell(&format!("\"$0\" {line}"));
        assert_eq!(output.status.code(), Some(code), "{line}: {}", stderr(&output));
        assert!(stderr(&output).contains(said), "{line}: {}", stderr(&output));
    }
    room.done("verify ck");
    assert!(fs::read(room.path("self.pt")).unwrap() == before);
    // The library sees it, too.
    let own = strongroom::File::open(room.path("self.pt")).unwrap();
    let open = File::options().read(true).write(true).open(room.path("self.pt")).unwrap();
    let path = PathBuf::from(format!("/proc/self/fd/{}", open.as_raw_fd()));
    let options = WriteOptions { format: WriteFormat::Torch(TorchOptions::default()), durable: false };
    let written = save_with(Engine::shared().unwrap(), &Local, &path, own.state(), &options);
    assert!(matches!(written, Err(Error::Checkpoint { .. })), "{written:?}");
}

/// An archive without its name, which is that of its file: what the two have in common.
fn named(bytes: &[u8]) -> usize {
    assert!(bytes.starts_with(b"PK\x03\x04") && bytes.windows(4).any(|bytes| bytes == b"PK\x05\x06"));
    bytes.windows(8).filter(|bytes| *bytes == [0, 0, 192, 63, 0, 0, 192, 63]).count()
}
