//! The same as users find it, on disk, by `strongroom verify` and `strongroom load`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use strongroom::Checkpoint;
use strongroom::store::Local;

use crate::common::process::built;
use crate::saved::{KINDS, Kind, Saved, save, state};

/// What is in the place of a file, or nothing: the error names it, and nobody waits for
/// a pipe.
#[test]
fn a_file_that_is_gone_or_is_none_is_found() {
    for kind in KINDS {
        for name in Saved::new(kind, state(1, 0)).files.keys() {
            let in_place: [(&str, Put); 6] = [
                ("nothing", |_| ()),
                ("a directory", |path| fs::create_dir(path).unwrap()),
                ("an empty file", |path| fs::write(path, "").unwrap()),
                ("a dangling link", |path| symlink("nowhere", path).unwrap()),
                ("a link to itself", |path| symlink(path, path).unwrap()),
                ("a pipe", |path| {
                    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
                }),
            ];
            for (what, put) in in_place {
                let directory = tempfile::tempdir().unwrap();
                let path = directory.path().join("step-1");
                save(&Local, &path, kind, &state(1, 0)).unwrap();
                fs::remove_file(path.join(name)).unwrap();
                put(&path.join(name));
                let verified = Checkpoint::open(&path).and_then(|checkpoint| checkpoint.verify());
                let error = verified.expect_err(what).to_string();
                assert!(error.contains(name), "{kind:?}: {name} is {what}: {error}");
                assert_eq!(commanded(&path, kind, name), readers(kind, name), "{kind:?}: {name} is {what}");
            }
        }
    }
}

#[test]
fn the_command_names_the_file_and_the_tensor() {
    for kind in KINDS {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("step-1");
        save(&Local, &path, kind, &state(1, 0)).unwrap();
        let saved = Saved::new(kind, state(1, 0));
        assert_eq!(commanded(&path, kind, ""), 0);
        for name in saved.files.keys() {
            let bytes = fs::read(path.join(name)).unwrap();
            for at in (0..bytes.len()).step_by(bytes.len() / 6) {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1;
                fs::write(path.join(name), damaged).unwrap();
                assert_eq!(commanded(&path, kind, name), readers(kind, name), "{kind:?}: {name}, byte {at}");
            }
            fs::write(path.join(name), bytes).unwrap();
        }
        let (name, bytes) = saved.ranks().next().unwrap();
        let (tensor, payload) = (0..bytes.len()).find_map(|at| saved.payload(name, at)).unwrap();
        let mut bytes = fs::read(path.join(name)).unwrap();
        bytes[payload.end - 1] ^= 0x80;
        fs::write(path.join(name), bytes).unwrap();
        assert_eq!(commanded(&path, kind, &format!("tensors {tensor}, ")), 2);
        assert_eq!(commanded(&path, kind, &format!("offset {}", payload.start)), 2);
    }
}

/// How many of the commands that read a checkpoint fail, all of which have to say
/// something then.
fn commanded(path: &Path, kind: Kind, said: &str) -> usize {
    let out = path.with_file_name("out.pt");
    let mut verify = Command::new(built("strongroom"));
    verify.arg("verify").arg(path);
    let mut commands = vec![verify];
    let ranks = match kind {
        Kind::Shared(_) => vec![None],
        Kind::Own(ranks) => (0..ranks).map(Some).collect(),
    };
    for rank in ranks {
        let mut load = Command::new(built("strongroom"));
        load.arg("load").arg(path).arg(&out);
        if let Some(rank) = rank {
            load.args(["--rank", &rank.to_string()]);
        }
        commands.push(load);
    }
    let ended: Vec<_> = commands.iter_mut().map(|command| command.output().unwrap()).collect();
    let failed: Vec<_> = ended.iter().filter(|output| !output.status.success()).collect();
    for output in &failed {
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(matches!(output.status.code(), Some(1 | 3)), "{}: {stderr}", output.status);
        assert!(stderr.contains(said), "`{said}` is not in {stderr}");
    }
    let _ = fs::remove_file(out);
    failed.len()
}

/// How many have to: those that read the file. Each rank's load reads its own.
fn readers(kind: Kind, name: &str) -> usize {
    match kind {
        Kind::Own(ranks) if name == "strongroom.json" => 1 + ranks,
        _ => 2,
    }
}

/// Puts something at a path.
type Put = fn(&Path);
