//! Files that several paths lead to.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::Value as Json;

use crate::room::{Room, text};
use crate::{EVIL, HARMLESS};

/// Sentence-transformers imports what it names, if it is called `modules.json`.
const MODULES: &[u8] = b"[{\"idx\": 0, \"type\": \"evil_mod.Thing\"}]";

fn paths(json: &Json) -> Vec<&str> {
    json["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect()
}

/// What is looked for goes by the name.
#[test]
fn each_of_its_names_is_judged() {
    for is_hard in [true, false] {
        let room = Room::new();
        room.write("a/a.json", MODULES);
        room.write("b/a.txt", b"{{ cycler.__init__.__globals__.os.popen('id') }}");
        for (there, name) in [("a/a.json", "a/modules.json"), ("b/a.txt", "b/chat_template")] {
            match is_hard {
                true => fs::hard_link(room.path(there), room.path(name)).unwrap(),
                false => symlink(there.split_once('/').unwrap().1, room.path(name)).unwrap(),
            }
        }
        let json = room.json(&["."]);
        let failing = json["files"].as_array().unwrap().iter().filter(|file| file["passes"] == false);
        let failing: Vec<&str> = failing.map(|file| file["path"].as_str().unwrap()).collect();
        assert_eq!(failing, ["./a/modules.json", "./b/chat_template"], "{is_hard}");
    }
}

#[test]
fn one_name_in_many_directories_is_judged_once() {
    let room = Room::new();
    room.write("0/model.pkl", HARMLESS);
    for index in 1..50 {
        fs::create_dir(room.path(&index.to_string())).unwrap();
        symlink("../0/model.pkl", room.path(&format!("{index}/model.pkl"))).unwrap();
    }
    let json = room.json(&["."]);
    assert_eq!(json["summary"]["files"], 1);
    assert_eq!(json["files"][0]["links"].as_array().unwrap().len(), 49);
}

/// What is wanted by one path need not be by another, whichever is met first.
#[test]
fn patterns_are_asked_for_every_path() {
    let room = Room::new();
    room.write("models/evil.pkl", EVIL);
    room.write("good.pkl", HARMLESS);
    for name in ["aaa", "zzz"] {
        symlink("models", room.path(name)).unwrap();
    }
    assert_eq!(paths(&room.json(&[".", "--include", "models*/*"])), ["./models/evil.pkl"]);
    assert_eq!(paths(&room.json(&[".", "--include", "zz*/*"])), ["./zzz/evil.pkl"]);
    assert_eq!(paths(&room.json(&[".", "--exclude", "[am]*/*"])), ["./good.pkl", "./zzz/evil.pkl"]);
    assert_eq!(paths(&room.json(&[".", "--exclude", "[amz]*/*"])), ["./good.pkl"]);
    // Of a file, too, and once if several are wanted.
    room.write("strongroom.toml", b"exclude = ['models/*', '*.toml']\n");
    assert_eq!(paths(&room.json(&["."])), ["./aaa/evil.pkl", "./good.pkl"]);
    assert_eq!(paths(&room.json(&["models", ".", "aaa"])), ["./aaa/evil.pkl", "./good.pkl"]);
}

/// Links to the directory that they are in, by any of which all is reached again.
#[test]
fn circles_are_gone_as_often_as_patterns_can_tell() {
    let room = Room::new();
    room.write("evil.pkl", EVIL);
    for index in 0..200 {
        symlink(".", room.path(&format!("l{index}"))).unwrap();
    }
    assert_eq!(paths(&room.json(&["."])), ["./evil.pkl"]);
    assert_eq!(room.code(&[".", "--include", "models/v1/*"]), 64);
    // A path of any length may be wanted.
    for wanted in ["l7/*", "l7/l8/l9/evil.pkl", "*/l9/*/l7/?vil.pkl"] {
        assert_eq!(room.code(&[".", "--include", wanted]), 1, "{wanted}");
        assert_eq!(room.json(&[".", "--include", wanted])["summary"]["files"], 1, "{wanted}");
    }
    // By one of the links it is not excluded.
    let json = room.json(&[".", "--exclude", "evil*", "--exclude", "l[0-8]*/*"]);
    assert_eq!(json["files"][0]["path"], "./l9/evil.pkl");
}

/// Each of many patterns may or may not have been met: too many paths to go, and that is no success.
#[test]
fn what_has_too_many_ways_is_not_left_out() {
    let room = Room::new();
    room.write("good.pkl", HARMLESS);
    for index in 10..40 {
        symlink(".", room.path(&format!("l{index}"))).unwrap();
    }
    let patterns: Vec<String> = (10..40).map(|index| format!("*l{index}/*.bin")).collect();
    let exclude: Vec<&str> = patterns.iter().flat_map(|pattern| ["--exclude", pattern]).collect();
    let output = room.run(&[&[".", "--fail-on", "unsafe"], &exclude[..]].concat());
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("in more ways than are gone"), "{}", text(&output.stderr));
    assert_eq!(room.code(&["."]), 0);
}

/// The kernel follows forty links in a path: what is met behind them first is there by fewer as well.
#[test]
fn a_link_behind_too_many_is_not_one_that_leads_nowhere() {
    let room = Room::new();
    room.write("outside/evil.bin", EVIL);
    room.write("z/good.pkl", HARMLESS);
    symlink("../outside", room.path("z/models")).unwrap();
    for index in 10..50 {
        fs::create_dir(room.path(&format!("d{index}"))).unwrap();
        let next = if index == 49 { "../z".into() } else { format!("../d{}", index + 1) };
        symlink(next, room.path(&format!("d{index}/next"))).unwrap();
    }
    let wanted = ["--include", "*good.pkl", "--include", "*models/evil.bin"];
    assert_ne!(room.code(&[&["."], &wanted[..]].concat()), 0);
    // One that leads to itself is nothing.
    let room = Room::new();
    room.write("good.pkl", HARMLESS);
    symlink("loop", room.path("loop")).unwrap();
    assert_eq!((room.code(&[".", "--include", "*.pkl"]), room.code(&["."])), (0, 2));
}
