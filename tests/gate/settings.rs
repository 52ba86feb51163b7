//! `strongroom.toml`.

use serde_json::json;

use crate::room::{Room, text};
use crate::{EVIL, HARMLESS, RANGE};

#[test]
fn a_project_says_once_what_it_asks_for() {
    let room = Room::new();
    room.write("models/range.pkl", RANGE);
    room.write("models/note", b"Dear reader,\n");
    room.write("other.pkl", b"cmylib\nConfig\n)R.");
    room.write("models/cut.pt", b"PK\x03\x04");
    let config = b"
        require = 'weights-only'
        allow = ['mylib.Config']
        accept = ['code']
        include = ['*.pkl']
        exclude = ['other*']
        fail-on = 'malformed'
        max-memory = '64M'
        timeout = '5s'
    ";
    room.write("strongroom.toml", config);
    let files = |arguments: &[&str]| room.json(arguments)["summary"]["files"].clone();
    assert_eq!((room.code(&["."]), files(&["."])), (1, json!(1)), "range.pkl is below");
    assert_eq!(room.code(&[".", "--require", "no-code"]), 0, "the command line wins");
    assert_eq!(files(&[".", "--exclude", "nothing"]), 2);
    let allowed = ["other.pkl", "--exclude", "nothing", "--require", "no-code"];
    assert_eq!(room.code(&allowed), 0, "it is allowed");
    assert_eq!(files(&[".", "--no-config"]), 5);
    assert_eq!(room.code(&["models/cut.pt", "--include", "*"]), 0);
    assert_eq!(room.code(&["models/cut.pt", "--include", "*", "--fail-on", "unverified"]), 2);
    // It is found from below, and says so.
    let mut below = room.command(&["range.pkl"]);
    let output = below.current_dir(room.path("models")).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("strongroom.toml"), "{}", text(&output.stderr));
    assert_eq!(room.code(&["models", "--config", "gone.toml"]), 3);
    assert_eq!(room.code(&["models", "--config", "strongroom.toml", "--no-config"]), 64);
}

#[test]
fn a_project_knows_what_there_is() {
    let room = Room::new();
    room.write("models/evil.pkl", EVIL);
    room.write("strongroom.toml", b"baseline = 'known.json'\n");
    assert_eq!(room.code(&["models", "--no-config", "--write-baseline", "known.json"]), 1);
    assert_eq!(room.code(&["models"]), 0);
    let mut below = room.command(&["evil.pkl"]);
    let output = below.current_dir(room.path("models")).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "it counts from where the file lies");
    let mut below = room.command(&["evil.pkl", "--config", "../strongroom.toml"]);
    let output = below.current_dir(room.path("models")).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "it counts from the working directory");
    room.write("none.json", b"{\"version\": 1, \"files\": {}}");
    assert_eq!(room.code(&["models", "--baseline", "none.json"]), 1, "the command line wins");
    room.write("two.pkl", b"(cmylib\nA\n)Rcmylib\nB\n)Rl.");
    assert_eq!(room.code(&["two.pkl", "--no-config", "--allow", "mylib.A,mylib.B"]), 0);
}

#[test]
fn settings_inside_what_is_judged_are_told() {
    let room = Room::new();
    room.write("model.pkl", EVIL);
    room.write("strongroom.toml", b"allow = [\"os.system\"]\n");
    let stderr = |arguments: &[&str]| text(&room.run(arguments).stderr).to_string();
    assert!(stderr(&["."]).contains("strongroom.toml is inside what is judged"));
    assert!(!stderr(&["model.pkl"]).contains("inside what is judged"));
    assert!(!stderr(&[".", "--config", "strongroom.toml"]).contains("inside what is judged"));
    assert_eq!(room.code(&[".", "--no-config"]), 1);
}

#[test]
fn what_is_wrong_with_settings_is_told_by_line_key_and_what_there_is() {
    let room = Room::new();
    room.write("model.pkl", HARMLESS);
    for (wrong, line, told) in [
        ("timeout = 5", 2, "timeout: expected a text in quotes, found one of the type integer"),
        ("allow = 'one'", 2, "allow: expected a list"),
        ("allow = [\n'a.b',\n'os.*',\n]", 4, "allow: what is allowed should be the full name"),
        ("accept = ['code', 'cod']", 2, "accept: \"cod\" is none of code, arrow, "),
        ("fail-on = 'safe'", 2, "fail-on: \"safe\" is none of unsafe, malformed, unverified"),
        (
            "require = 'data'",
            2,
            "require: \"data\" is no level: there are no-code, weights-only and tensors-only",
        ),
        ("max-memory = 'lots'", 2, "max-memory: expected bytes"),
        ("include = ['a{']", 2, "include: "),
        ("[validate]", 2, "\"validate\" is no key: there are require, allow, "),
        ("max_memory = '1M'", 2, "\"max_memory\" is no key"),
        ("timeout = '5s'\ntimeout = '6s'", 3, "duplicate key"),
        ("allow = [", 2, ""),
    ] {
        room.write("strongroom.toml", format!("# a comment\n{wrong}\n").as_bytes());
        let output = room.run(&["model.pkl"]);
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(64), "{wrong}: {errors}");
        assert!(errors.contains(&format!("strongroom.toml, line {line}: {told}")), "{wrong}: {errors}");
    }
}

#[test]
fn patterns_of_settings_are_the_same_files_from_everywhere() {
    let room = Room::new();
    room.write("old/w.pkl", EVIL);
    room.write("new/w.pkl", HARMLESS);
    room.write("strongroom.toml", b"include = ['*.pkl']\nexclude = ['old/*']\n");
    let whole = room.path("old/w.pkl");
    assert_eq!(room.json(&["."])["summary"]["files"], 1);
    for path in ["old", "./old/", "old/w.pkl", "new/../old/w.pkl", whole.to_str().unwrap()] {
        assert_eq!(room.code(&[path]), 64, "{path}");
        // Of the command line they count from what is given.
        assert_eq!(room.code(&[path, "--exclude", "nothing/*"]), 1, "{path}");
    }
    let below = |path: &str| {
        let mut command = room.command(&[path]);
        command.current_dir(room.path("old")).output().unwrap().status.code()
    };
    assert_eq!(
        [below("w.pkl"), below("."), below("../old"), below("..")],
        [Some(64), Some(64), Some(64), Some(0)]
    );
    // What lies elsewhere is like patterns of its whole path.
    let other = Room::new();
    other.write("old/w.pkl", EVIL);
    other.write("old/w.pt", EVIL);
    let elsewhere = other.path("old");
    assert_eq!(room.json(&[elsewhere.to_str().unwrap()])["summary"]["files"], 1);
    // A copy that is given is of what is meant for here.
    other.write("copy.toml", b"exclude = ['old/*']\n");
    let copy = other.path("copy.toml");
    assert_eq!(room.code(&["old", "--config", copy.to_str().unwrap()]), 64);
    assert_eq!(room.code(&["new", "--config", copy.to_str().unwrap()]), 0);
}
