//! Which files are judged, and by which of their names they are shown.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::process::Command;

use serde_json::{Value as Json, json};

use crate::room::{Room, text};
use crate::{EVIL, HARMLESS, RANGE};

#[test]
fn what_is_not_there_or_not_read_never_passes() {
    let room = Room::new();
    room.write("good.pkl", HARMLESS);
    room.write("tree/good.pkl", HARMLESS);
    symlink("gone", room.path("tree/dangling")).unwrap();
    let passing = ["--fail-on", "unsafe", "--accept", "code", "--pass-with-no-files"];
    let code = |paths: &[&str]| room.code(&[paths, &passing[..]].concat());
    assert_eq!([code(&["good.pkl"]), code(&["tree"]), code(&["tree", "--exclude", "dangling"])], [0, 2, 0]);
    for gone in ["gone", "*.pt", "good.pkl/x"] {
        assert_eq!((code(&[gone]), code(&[gone, "gone"]), code(&["good.pkl", gone])), (64, 64, 2), "{gone}");
        // Nothing leaves it out, and no baseline knows it.
        assert_eq!(code(&[gone, "good.pkl", "--exclude", "*"]), 2, "{gone}");
        assert_eq!(code(&[gone, "good.pkl", "--write-baseline", "known.json"]), 2, "{gone}");
        assert_eq!(code(&[gone, "good.pkl", "--baseline", "known.json"]), 2, "{gone}");
    }
    let errors = text(&room.run(&["gone"]).stderr);
    assert!(errors.contains("gone: there is no such file or directory"), "{errors}");
}

/// A directory that cannot be listed, and one that can, in which nothing can be looked at.
#[test]
fn what_cannot_be_listed_is_not_left_out_because_its_files_are_not_known() {
    let room = Room::new();
    room.write("good.pkl", HARMLESS);
    room.write("locked/evil.pkl", EVIL);
    room.write("closed/secret/evil.pkl", EVIL);
    let mode =
        |name: &str, mode| fs::set_permissions(room.path(name), fs::Permissions::from_mode(mode)).unwrap();
    for (name, permitted) in [("", 0o755), ("locked", 0o000), ("closed", 0o444)] {
        mode(name, permitted);
    }
    // Root looks at everything, and who is not may not reach where the program was built.
    let is_root = fs::read_dir(room.path("locked")).is_ok();
    let place = tempfile::tempdir().unwrap();
    let program = place.path().join("strongroom");
    fs::copy(env!("CARGO_BIN_EXE_strongroom"), &program).unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let code = |more: &[&str]| {
        let mut command = Command::new(&program);
        command.args(["validate", ".", "--no-config"]).args(more).current_dir(room.path(""));
        if is_root {
            command.uid(65534).env("HOME", "/nonexistent");
        }
        command.output().unwrap().status.code()
    };
    let closed = ["--exclude", "closed/*"];
    let locked = ["--exclude", "locked/*"];
    let wanted = ["--include", "*.pkl"];
    assert_eq!(code(&[]), Some(2));
    assert_eq!(code(&[&wanted[..], &closed].concat()), Some(2), "locked");
    assert_eq!(code(&[&wanted[..], &locked].concat()), Some(2), "closed");
    assert_eq!(
        code(&[&closed[..], &["--exclude", "lock*d"]].concat()),
        Some(2),
        "files in it are not like this"
    );
    assert_eq!(code(&[&closed[..], &locked].concat()), Some(0));
    for name in ["locked", "closed"] {
        mode(name, 0o700);
    }
}

#[test]
fn a_file_that_says_it_is_empty_and_is_not_was_not_read() {
    let room = Room::new();
    symlink("/proc/version", room.path("model.pkl")).unwrap();
    symlink("/proc/self/cmdline", room.path("note.txt")).unwrap();
    let json = room.json(&["."]);
    for file in json["files"].as_array().unwrap() {
        assert_eq!((&file["verdict"], &file["passes"]), (&json!("unverified"), &json!(false)), "{file}");
        assert!(file["findings"].to_string().contains("has more bytes than the 0 that it says it has"));
    }
    assert_eq!(json["summary"]["files"], 2);
}

/// A record that is whoever's the directory is says nothing of files that only have such names.
#[test]
fn a_record_hides_nothing_that_is_not_its_own() {
    let room = Room::new();
    room.write("source.pkl", HARMLESS);
    let state = room.path("model.pt");
    strongroom::save(&state, &strongroom::StateDict::new()).unwrap();
    let mut save = room.command(&[]);
    let program = save.get_program().to_owned();
    save = Command::new(program);
    let saved = save.args(["save", "model.pt", "ck", "--ranks", "2"]).current_dir(room.path("")).output();
    assert!(saved.unwrap().status.success());
    let files = |json: &Json| json["summary"]["files"].as_u64().unwrap();
    let whole = files(&room.json(&["ck"]));
    assert_eq!(room.code(&["ck"]), 0);
    let unsafe_ones = || room.json(&["ck"])["summary"]["unsafe"].as_u64().unwrap();
    // Of no rank, of a rank and a directory, and a link.
    room.write("ck/checkpoint_2.json", EVIL);
    room.write("ck/checkpoint_007.json", EVIL);
    room.write("ck/checkpoint_9.json/pytorch_model.bin", EVIL);
    room.write("evil.pkl", EVIL);
    symlink("../evil.pkl", room.path("ck/checkpoint_8.json")).unwrap();
    assert_eq!(unsafe_ones(), 4);
    // In place of a rank's own.
    room.write("ck/checkpoint_1.json", EVIL);
    assert_eq!(unsafe_ones(), 5);
    fs::remove_file(room.path("ck/checkpoint_0.json")).unwrap();
    room.write("ck/checkpoint_0.json/model.pkl", EVIL);
    assert_eq!((unsafe_ones(), files(&room.json(&["ck"]))), (6, whole + 6));
    // A record that is none is judged with the set, one that is a directory is gone through.
    room.write("ck/strongroom.json", EVIL);
    assert_eq!(room.json(&["ck"])["summary"]["unsafe"], 7);
    fs::remove_file(room.path("ck/strongroom.json")).unwrap();
    room.write("ck/strongroom.json/model.pkl", EVIL);
    assert_eq!(room.json(&["ck"])["summary"]["unsafe"], 7);
}

#[test]
fn only_what_git_keeps_is_left_out() {
    let room = Room::new();
    room.write("good.pkl", HARMLESS);
    room.write("file/.git", EVIL);
    room.write("evil.pkl", EVIL);
    fs::create_dir(room.path("link")).unwrap();
    symlink("../evil.pkl", room.path("link/.git")).unwrap();
    room.write("directory/.git/evil.pkl", EVIL);
    room.write("own/HEAD", b"ref: refs/heads/main\n");
    room.write("own/objects/evil.pkl", EVIL);
    room.write("own/refs/heads/main", b"0a1b\n");
    fs::create_dir(room.path("linked")).unwrap();
    symlink("../own", room.path("linked/.git")).unwrap();
    let code = |path: &str| room.code(&[path, "good.pkl"]);
    assert_eq!(["file", "link", "directory", "linked"].map(code), [1; 4]);
    fs::create_dir(room.path("repository")).unwrap();
    fs::rename(room.path("own"), room.path("repository/.git")).unwrap();
    assert_eq!(code("repository"), 0);
}

#[test]
fn what_is_left_out_is_told_and_passes_only_where_that_is_asked_for() {
    let room = Room::new();
    room.write("old/a.pkl", EVIL);
    room.write("old/b.pkl", EVIL);
    room.write("good.pkl", HARMLESS);
    fs::create_dir(room.path("empty")).unwrap();
    let said = |arguments: &[&str]| {
        let output = room.run(arguments);
        (output.status.code().unwrap(), text(&output.stderr))
    };
    let (code, errors) = said(&["old/a.pkl", "--exclude", "old/*"]);
    assert!(code == 64 && errors.contains("old/a.pkl: 1 file is left out by --exclude"), "{errors}");
    let (code, errors) = said(&["old/a.pkl", "--exclude", "old/*", "--pass-with-no-files"]);
    assert!(code == 0 && errors.contains("1 file is left out by --exclude"), "{errors}");
    let (code, errors) = said(&["old/a.pkl", "good.pkl", "old/b.pkl", "--exclude", "old/*"]);
    assert!(
        code == 0 && errors.contains("note: 2 files that were given are left out by --exclude"),
        "{errors}"
    );
    let (code, errors) = said(&[".", "--include", "*.pt", "--exclude", "old/*"]);
    assert!(code == 64 && errors.contains("3 files are left out by --include and --exclude"), "{errors}");
    room.write("strongroom.toml", b"include = ['*.pt']\n");
    let (code, errors) = said(&["good.pkl"]);
    assert!(code == 64 && errors.contains("left out by `include` in ") && errors.contains("strongroom.toml"));
    assert_eq!(room.code(&["good.pkl", "--pass-with-no-files"]), 0);
    let (code, errors) = said(&["good.pkl", "empty", ".", "old", "--exclude", "old/*", "--no-config"]);
    assert!(code == 1 && errors.contains("note: empty: there is no file to judge here"), "{code} {errors}");
    assert_eq!(room.code(&["empty"]), 64);
    let (code, errors) = said(&["empty", "--pass-with-no-files"]);
    assert!(code == 0 && errors.contains("note: empty: there is no file to judge here"), "{code} {errors}");
    assert_eq!(room.code(&["empty", "nothing", "--pass-with-no-files"]), 2);
    let (code, errors) = said(&[".", "--exclude", "old/*", "--no-config"]);
    assert!(code == 0 && errors.contains("note: 2 files are left out by --exclude"), "{code} {errors}");
    let json = room.json(&["good.pkl", "--pass-with-no-files"]);
    assert_eq!((&json["files"], &json["summary"]["files"]), (&json!([]), &json!(0)));
}

#[test]
fn what_fails_is_seen_among_what_does_not() {
    let room = Room::new();
    for index in 0..5 {
        room.write(&format!("good{index}.pkl"), HARMLESS);
    }
    room.write("range.pkl", RANGE);
    room.write("train.py", b"import os\n");
    let print = |arguments: &[&str]| text(&room.run(&[&["."], arguments].concat()).stdout);
    let all = print(&["--require", "weights-only", "--accept", "code"]);
    assert!(all.contains("./range.pkl: BELOW weights-only (pickle, only no-code)"), "{all}");
    assert!(all.contains("./train.py: unverified (text), 1 accepted"), "{all}");
    let last = "7 files: 6 safe, 1 unverified, 1 below weights-only; 1 does not pass\n";
    assert!(all.ends_with(last), "{all}");
    let failing = print(&["--require", "weights-only", "--accept", "code", "--only", "failing"]);
    assert!(failing.starts_with("./range.pkl: ") && failing.ends_with(last), "{failing}");
    assert!(!failing.contains("good") && !failing.contains("SR-CODE-SOURCE"), "{failing}");
    let passing = print(&["--accept", "code", "--only", "failing"]);
    assert_eq!(passing, "7 files: 6 safe, 1 unverified; all pass\n");
    assert!(print(&[]).ends_with("7 files: 6 safe, 1 unverified; 1 does not pass\n"));
}

#[test]
fn a_file_is_judged_once_however_many_paths_lead_to_it() {
    let room = Room::new();
    // As the cache of a hub is.
    room.write("hub/blobs/0a1b", EVIL);
    for revision in ["main", "old"] {
        fs::create_dir_all(room.path(&format!("hub/snapshots/{revision}"))).unwrap();
        symlink("../../blobs/0a1b", room.path(&format!("hub/snapshots/{revision}/model.pkl"))).unwrap();
    }
    fs::hard_link(room.path("hub/blobs/0a1b"), room.path("hub/blobs/0a1b.incomplete")).unwrap();
    room.write("hub/.git/evil", EVIL);
    room.write("hub/.git/HEAD", b"ref: refs/heads/main\n");
    for name in ["objects", "refs"] {
        fs::create_dir(room.path("hub/.git").join(name)).unwrap();
    }
    let json = room.json(&["hub"]);
    let files = json["files"].as_array().unwrap();
    let paths: Vec<(&str, Json)> =
        files.iter().map(|file| (file["path"].as_str().unwrap(), file["links"].clone())).collect();
    // A name can promise what the file is not: another one is judged by itself.
    let expected = [
        ("hub/blobs/0a1b.incomplete", json!(["hub/blobs/0a1b"])),
        ("hub/snapshots/main/model.pkl", json!(["hub/snapshots/old/model.pkl"])),
    ];
    assert_eq!(paths, expected);
    assert_eq!(room.json(&["hub/.git"])["summary"]["files"], 2, "given itself, it is looked into");
}

#[test]
fn files_are_in_the_order_of_the_names_that_are_shown() {
    let room = Room::new();
    // Hashes in another order than the names, of which some have no ending.
    let names = [("LICENSE", "2"), ("a.pkl", "1"), ("c.pkl", "0")];
    fs::create_dir_all(room.path("hub/snapshots/main")).unwrap();
    for (name, hash) in names {
        room.write(&format!("hub/blobs/{hash}"), HARMLESS);
        symlink(format!("../../blobs/{hash}"), room.path(&format!("hub/snapshots/main/{name}"))).unwrap();
    }
    room.write("hub/snapshots/main/b.pkl", HARMLESS);
    let json = room.json(&["hub"]);
    let shown: Vec<&str> =
        json["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect();
    let expected = ["LICENSE", "a.pkl", "b.pkl", "c.pkl"].map(|name| format!("hub/snapshots/main/{name}"));
    assert_eq!(shown, expected);
    assert_eq!(json["files"][0]["links"], json!(["hub/blobs/2"]));
}

#[test]
fn a_path_that_is_given_twice_is_no_other_path() {
    let room = Room::new();
    room.write("models/good.pkl", HARMLESS);
    fs::create_dir(room.path("models/b")).unwrap();
    fs::hard_link(room.path("models/good.pkl"), room.path("models/b/good.pkl")).unwrap();
    let paths = ["models/good.pkl", "models", "./models/good.pkl", "models/../models/b/good.pkl"];
    let json = room.json(&paths);
    assert_eq!(json["summary"]["files"], 1);
    assert_eq!(json["files"][0]["links"], json!(["models/b/good.pkl"]));
    assert_eq!(room.json(&["models/b/good.pkl", "models"])["files"][0]["links"], json!(["models/good.pkl"]));
}

/// As a hook gives them: the file that changed, and not its directory.
#[test]
fn a_file_of_a_distributed_checkpoint_is_held_against_its_metadata_however_it_is_given() {
    let hostile = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/dcp/hostile");
    for (case, file, rule) in
        [("dtype_differs", "__0_0.distcp", "SR-DCP-OTHER"), ("file_missing", ".metadata", "SR-DCP-MISSING")]
    {
        let room = Room::new();
        let directory = format!("{hostile}/{case}/checkpoint");
        let found = |json: Json| json["files"][0]["findings"].to_string();
        assert!(found(room.json(&[&format!("{directory}/{file}")])).contains(rule), "{case}");
        let mut here = room.command(&[file, &format!("./{file}"), "--no-config", "--json"]);
        let json: Json =
            serde_json::from_slice(&here.current_dir(&directory).output().unwrap().stdout).unwrap();
        assert_eq!(json["summary"]["files"], 1, "{case}");
        assert!(found(json).contains(rule), "{case}");
    }
}
