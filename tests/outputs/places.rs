//! Where what is written goes: links, names and missing directories.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use strongroom::Checkpoint;

use crate::room::{Room, make_pipe, stderr};

#[test]
fn links_are_written_through() {
    let room = Room::new();
    fs::create_dir(room.path("elsewhere")).unwrap();
    symlink("elsewhere/file.pt", room.path("link.pt")).unwrap();
    symlink("link.pt", room.path("second.pt")).unwrap();
    symlink("elsewhere/run", room.path("run")).unwrap();
    // First they lead nowhere.
    for line in
        ["convert in.pt second.pt", "convert in.pt second.pt", "save in.pt run", "save in.pt run --overwrite"]
    {
        room.done(line);
        assert!(["link.pt", "second.pt", "run"].iter().all(|name| room.path(name).is_symlink()), "{line}");
        assert!(room.path("elsewhere/file.pt").is_file(), "{line}");
    }
    Checkpoint::open(room.path("elsewhere/run")).unwrap().verify().unwrap();
    assert_eq!((room.hidden(), room.hidden_in("elsewhere")), (Vec::new(), Vec::new()));
    // Retention is that of the directory that it is in.
    room.done("save in.pt elsewhere/step-1");
    symlink("elsewhere/step-2", room.path("step-2")).unwrap();
    room.done("save in.pt step-3");
    room.done("save in.pt step-2 --keep-last 1");
    assert!(!room.path("elsewhere/step-1").exists() && room.path("step-3").exists());

    symlink("circle.pt", room.path("circle.pt")).unwrap();
    let output = room.run("convert in.pt circle.pt");
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(stderr(&output).starts_with("error: circle.pt: "), "{}", stderr(&output));
}

/// A slash at the end is not to say that a file is not there, or that a link is none.
#[test]
fn a_slash_at_the_end_says_nothing() {
    let room = Room::new();
    fs::write(room.path("thesis.txt"), "precious").unwrap();
    make_pipe(&room.path("pipe"));
    symlink("/dev/null", room.path("device")).unwrap();
    for line in ["thesis.txt/", "thesis.txt/.", "thesis.txt/ --ranks 2", "in.pt/", "pipe/", "device/"] {
        let output = room.run(&format!("save in.pt {line}"));
        assert_eq!(output.status.code(), Some(1), "{line}: {}", stderr(&output));
        assert!(stderr(&output).contains("something is here already"), "{line}: {}", stderr(&output));
    }
    assert_eq!(fs::read_to_string(room.path("thesis.txt")).unwrap(), "precious");
    // Links are written through: to an empty directory, to nothing, to a checkpoint.
    fs::create_dir(room.path("empty")).unwrap();
    for (link, target) in [("to-empty", "empty"), ("to-nothing", "nothing")] {
        symlink(target, room.path(link)).unwrap();
        room.done(&format!("save in.pt {link}/"));
        assert!(room.path(link).is_symlink(), "{link}");
        room.done(&format!("verify {target}"));
        let again = room.run(&format!("save in.pt {link}/"));
        assert!(stderr(&again).contains("hint: --overwrite replaces it"), "{}", stderr(&again));
        room.done(&format!("save in.pt {link}/. --overwrite"));
        assert!(room.path(link).is_symlink(), "{link}");
        assert_eq!(room.mode(target), 0o755, "{target}");
    }
    assert_eq!(room.hidden(), [""; 0]);
}

/// A file has nothing above it, as the kernel has it.
#[test]
fn dots_after_a_file_lead_nowhere() {
    let room = Room::new();
    let before = fs::read(room.path("in.pt")).unwrap();
    for line in ["convert cut.pt in.pt/../in.pt", "convert in.pt cut.pt/../new.pt", "save in.pt in.pt/../new"]
    {
        let output = room.run(line);
        assert_ne!(output.status.code(), Some(0), "{line}");
        assert!(!room.path("new.pt").exists() && !room.path("new").exists(), "{line}");
    }
    assert_eq!(fs::read(room.path("in.pt")).unwrap(), before);
}

/// Where directories are made that are missing, `..` would lead elsewhere than it was asked about.
#[test]
fn dots_after_what_is_missing_lead_nowhere() {
    let room = Room::new();
    room.done("save in.pt old");
    symlink("missing/../old/checkpoint_0.pt", room.path("link.pt")).unwrap();
    let whole = room.path("missing").join("../old/new.pt");
    for line in [
        "convert in.pt missing/../old/checkpoint_0.pt",
        "convert in.pt missing/../new.pt",
        "convert in.pt link.pt",
        "convert in.pt missing/../in.pt",
        "save in.pt missing/../old/inner",
        "save in.pt missing/../old --overwrite",
        "load old missing/../old/checkpoint_0.pt",
        &format!("convert in.pt {}", whole.display()),
    ] {
        let output = room.run(line);
        assert_eq!(output.status.code(), Some(3), "{line}: {}", stderr(&output));
        assert!(stderr(&output).contains("is not there, and `..` follows"), "{line}: {}", stderr(&output));
        assert!(!room.path("missing").exists(), "{line}");
    }
    room.done("verify old");
}

#[test]
fn names_may_be_as_long_as_the_file_system_allows() {
    let room = Room::new();
    for letter in ["n", "重"] {
        let file = letter.repeat(252 / letter.len()) + ".pt";
        let directory = letter.repeat(255 / letter.len());
        for _ in 0..2 {
            room.done(&format!("convert in.pt {file}"));
            room.done(&format!("save in.pt {directory} --ranks 2 --overwrite"));
        }
        Checkpoint::open(room.path(&directory)).unwrap().verify().unwrap();
        let output = room.run(&format!("convert in.pt {letter}{letter}{file}"));
        assert_eq!(output.status.code(), Some(3));
        let said = format!("error: {letter}{letter}{file}: ");
        assert!(stderr(&output).starts_with(&said), "{}", stderr(&output));
    }
    assert_eq!(room.hidden(), [""; 0]);
}

#[test]
fn missing_directories_are_made_and_removed_again_if_nothing_comes_of_it() {
    let room = Room::new();
    room.done("save in.pt a/b/step-1 --ranks 2");
    room.done("convert in.pt c/d/out.pt");
    room.done("load a/b/step-1 e/f/out.pt");
    fs::create_dir(room.path("empty")).unwrap();
    for line in [
        "convert cut.pt x/y/out.pt",
        "save cut.pt x/y/step-1 --ranks 2",
        "convert damaged.pt x/y/out.pt",
        "save damaged.pt x/y/step-1 --ranks 2",
        "save damaged.pt x/y/step-1",
        "save damaged.pt empty/y/step-1 --async",
        "load damaged x/y/out.pt",
    ] {
        let output = room.run(line);
        assert_eq!(output.status.code(), Some(1), "{line}: {}", stderr(&output));
        assert!(!room.path("x").exists() && room.path("empty").exists(), "{line}");
        assert!(!room.path("empty/y").exists(), "{line}");
    }
    let output = room.run("convert in.pt in.pt/out.pt");
    assert!(stderr(&output).starts_with("error: in.pt/out.pt: cannot create: "), "{}", stderr(&output));
}

#[test]
fn a_path_may_say_that_it_is_one_of_a_directory() {
    let room = Room::new();
    for name in ["out.pt/", "out.pt/.", "out/ --to torch"] {
        let output = room.run(&format!("convert in.pt {name}"));
        assert_eq!(output.status.code(), Some(64), "{name}");
        assert!(stderr(&output).contains("is the name of a directory; a file is to be written"), "{name}");
    }
    room.done("save in.pt new/.");
    room.done("save in.pt newer/");
    for name in ["new", "newer"] {
        room.done(&format!("verify {name}"));
    }
    assert_eq!(room.hidden(), [""; 0]);
    let output = room.run("convert in.pt /proc/out.pt");
    assert!(stderr(&output).starts_with("error: /proc/out.pt: cannot create: "), "{}", stderr(&output));
}

/// The root of a process is a link of the kernel's, and as text it would lead elsewhere. Only
/// root's run can mount anything.
#[test]
fn what_another_process_has_mounted_is_written_to_there() {
    let room = Room::new();
    // Here the same paths lead to something else.
    let decoy = room.path("mounted/run/step-2/checkpoint_0.pt");
    fs::create_dir_all(decoy.parent().unwrap()).unwrap();
    fs::write(&decoy, "decoy").unwrap();
    let script = "mount -t tmpfs none mounted && mkdir mounted/run && echo ready && exec sleep 60";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script]).current_dir(room.path("")).stdout(Stdio::piped());
    let Ok(mut other) = command.spawn() else { return };
    let mut ready = String::new();
    BufReader::new(other.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    if ready == "ready\n" {
        let theirs = format!("/proc/{}/root{}", other.id(), room.path("mounted").display());
        room.done(&format!("convert in.pt {theirs}/out.pt"));
        room.done(&format!("convert in.pt {theirs}/run/../up.pt"));
        room.done(&format!("save in.pt {theirs}/run/step-1 --ranks 2"));
        room.done(&format!("save in.pt {theirs}/run/step-2 --keep-last 1"));
        room.done(&format!("verify {theirs}/run/step-2"));
        assert!(fs::metadata(format!("{theirs}/run/step-1")).is_err());
        for name in ["out.pt", "up.pt"] {
            assert!(fs::metadata(format!("{theirs}/{name}")).unwrap().len() > 0, "{name}");
        }
        let output = room.run(&format!("convert in.pt {theirs}/run/step-2/checkpoint_0.pt"));
        assert!(stderr(&output).contains("a committed checkpoint, as"), "{}", stderr(&output));
    }
    other.kill().unwrap();
    other.wait().unwrap();
    assert_eq!(fs::read_to_string(&decoy).unwrap(), "decoy");
    assert_eq!(room.files("mounted/run/step-2"), [decoy]);
    assert!(room.files("mounted").is_empty());
}

/// What has such a name is removed by the next save there, whoever made it.
#[test]
fn nothing_is_written_where_leftovers_are_removed() {
    let room = Room::new();
    let [stage, removed, partial] =
        ["staging", "removed", "partial"].map(|kind| format!(".a.0123456789abcdef.strongroom-{kind}"));
    fs::create_dir(room.path(&stage)).unwrap();
    fs::copy(room.path("in.pt"), room.path(&stage).join("checkpoint_0.pt")).unwrap();
    symlink(&stage, room.path("link")).unwrap();
    for line in [
        format!("save in.pt {stage}/step-1"),
        format!("save in.pt {removed}/step-1"),
        format!("convert in.pt {partial} --to torch"),
        format!("convert {stage}/checkpoint_0.pt {stage}/rescued.pt"),
        "convert in.pt link/rescued.pt".to_owned(),
        format!("convert in.pt new/{stage}/rescued.pt"),
    ] {
        let output = room.run(&line);
        assert_eq!(output.status.code(), Some(3), "{line}: {}", stderr(&output));
        assert!(stderr(&output).contains("of what a save that ended early leaves"), "{}", stderr(&output));
    }
    let output = room.shell(&format!("$0 convert in.pt /dev/stdout --to torch >{partial}"));
    assert!(stderr(&output).contains("of what a save that ended early leaves"), "{}", stderr(&output));
    room.done(&format!("convert {stage}/checkpoint_0.pt rescued.pt"));
}

/// Nobody would find it again, whatever the link to it is called.
#[test]
fn a_link_to_a_hidden_name_is_no_place_for_a_checkpoint() {
    let room = Room::new();
    symlink(".hidden", room.path("shown")).unwrap();
    let output = room.run("save in.pt shown");
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("does not begin with a dot"), "{}", stderr(&output));
    assert!(!room.path(".hidden").exists());
}
