//! How the command ends, and where what it says goes.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use strongroom::{StateDict, Value};

use crate::room::{Room, text};

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let room = Room::new();
    // More than a pipe holds, so that the writing has to stop.
    let values = (0..20_000).map(|index| (format!("value.{index}"), index));
    strongroom::save(room.path("many.pt"), &StateDict::from_value(Value::dict(values))).unwrap();
    for arguments in [&["inspect", "many.pt"][..], &["inspect", "many.pt", "--json"]] {
        let mut child =
            room.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(!line.is_empty());
        // The reader is gone now.
        let mut errors = String::new();
        child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        assert_eq!((child.wait().unwrap().code(), errors.as_str()), (Some(0), ""));
    }
}

/// Each command that answers, and what it says of what is well.
const ANSWERS: &[&str] = &[
    "--help",
    "--version",
    "help verify",
    "inspect quantized.pt",
    "inspect quantized.pt --json",
    "verify quantized.pt",
    "validate quantized.pt",
    "validate quantized.pt --json",
    "convert quantized.pt again.pt --json",
    "save quantized.pt run/step-200 --json",
    "load run/step-100 out.pt --json",
    "latest run",
    "list run",
    "prune run --keep-last 1 --dry-run --json",
    "completions bash",
    "man",
];

#[test]
#[cfg(target_os = "linux")]
fn output_that_cannot_be_written_is_an_error() {
    for line in ANSWERS {
        let room = Room::with_run();
        let full = || fs::File::options().write(true).open("/dev/full").unwrap();
        let arguments: Vec<&str> = line.split(' ').collect();
        let output = room.command(&arguments).stdout(full()).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{line}: {output:?}");
        assert!(text(&output.stderr).starts_with("error: cannot write to standard output: "), "{line}");
        // Closed from the start: what opens next must not be taken for it.
        let closed = format!("exec {} {line} >&-", env!("CARGO_BIN_EXE_strongroom"));
        let again = closed.replace("step-200", "step-201");
        let mut shell = Command::new("sh");
        let output = shell.args(["-c", &again]).current_dir(room.path("")).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{line}: {output:?}");
        assert!(text(&output.stderr).starts_with("error: cannot write to standard output: "), "{line}");
    }
}

/// A reader that has gone keeps no command from its work, nor its exit code from being
/// what it is.
#[test]
fn a_closed_pipe_never_improves_an_exit_code() {
    let gone = |room: &Room, line: &str| {
        let arguments: Vec<&str> = line.split(' ').collect();
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        room.command(&arguments).stdout(writer).output().unwrap().status.code()
    };
    let room = Room::with_run();
    let bad = [
        ("validate evil.pkl", 1),
        ("validate full_checkpoint.pt nothing.pt quantized.pt", 2),
        ("validate full_checkpoint.pt evil.pkl quantized.pt", 1),
        ("validate full_checkpoint.pt evil.pkl --format sarif", 1),
        ("validate run evil.pkl --json", 1),
        ("verify full_checkpoint.pt damaged.pt quantized.pt", 1),
        ("verify full_checkpoint.pt nothing.pt --json", 3),
        ("inspect full_checkpoint.pt pickle_deep.pt", 4),
        ("inspect full_checkpoint.pt --filter nothing --all", 1),
        ("latest run/step-100", 1),
        ("convert root_list.pt out.safetensors --tensors-only --json", 1),
        ("load run/step-100 out.pt --rank 7 --json", 64),
        ("save truncated.pt run/step-200 --json", 1),
    ];
    for (line, code) in bad {
        assert_eq!(room.run(line).status.code(), Some(code), "{line}");
        assert_eq!(gone(&room, line), Some(code), "{line} | true");
    }
    for line in ANSWERS {
        assert_eq!(gone(&room, line), Some(0), "{line} | true");
    }
    // What was to be done is done.
    assert!(room.path("run/step-200/strongroom.json").exists() && room.path("out.pt").exists());
}

#[test]
fn each_exit_code_is_what_the_help_says() {
    let room = Room::with_run();
    let codes = [
        ("inspect quantized.pt", 0),
        ("verify damaged.pt", 1),
        ("inspect run/interrupted", 1),
        ("inspect note.txt", 1),
        ("inspect quantized.pt --filter nothing", 1),
        ("convert root_none.pt out.safetensors", 1),
        ("latest run/step-100", 1),
        ("bake", 64),
        ("convert quantized.pt out.zip", 64),
        ("load run/step-100 out.pt --rank 9", 64),
        ("inspect nothing.pt", 3),
        ("convert quantized.pt quantized.pt/out.pt", 3),
        ("inspect pickle_deep.pt", 4),
        ("inspect quantized.pt --max-memory 1M", 4),
        (
            "save quantized.pt run/step-9 --rank 0 --world-size 2 --barrier tcp-store://127.0.0.1:1 --barrier-timeout 0.3",
            5,
        ),
        // The highest of several.
        ("verify quantized.pt damaged.pt nothing.pt", 3),
        ("inspect nothing.pt pickle_deep.pt note.txt", 4),
    ];
    for (line, code) in codes {
        let output = room.run(line);
        assert_eq!(output.status.code(), Some(code), "{line}: {output:?}");
    }
}
